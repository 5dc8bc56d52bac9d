#include "rooflaw/cluster/communicator.hpp"

#include <algorithm>
#include <thread>

namespace rooflaw::cluster {

std::optional<Message> Communicator::poll() {
  if (waiting_.empty()) return poll_work();
  Message first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

std::optional<Message> Communicator::poll(Tag tag) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Message& message) { return message.tag == tag; });
  if (found != waiting_.end()) {
    Message first = std::move(*found);
    waiting_.erase(found);
    return first;
  }
  while (auto message = poll_work()) {
    if (message->tag == tag) return message;
    waiting_.push_back(std::move(*message));
  }
  return std::nullopt;
}

void BackOff::pause() {
  std::this_thread::sleep_for(next_);
  next_ = std::min(next_ * 2, std::chrono::microseconds(5000));
}

}  // namespace rooflaw::cluster
