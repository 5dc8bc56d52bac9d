#pragma once
// Ranks as threads of the test, which talk through queues in memory.

#include <atomic>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::testing {

inline const cluster::EventSink nobody = [](const cluster::Event&) {};

/// What ends a rank whose run was aborted; as a process's end, no handler takes it for an error.
struct Aborted {};

/// The mail of all ranks, so many of them on each node.
struct Mail {
  explicit Mail(int ranks, int per_node = 4)
      : work(static_cast<std::size_t>(ranks)), control(work.size()) {
    for (int rank = 0; rank < ranks; ++rank) node_of.push_back(rank / per_node);
  }
  std::vector<int> node_of;  // by rank
  std::mutex mutex;
  std::vector<std::deque<cluster::Message>> work, control;  // by receiver
  std::atomic<int> abort_code{-1};
  std::atomic<std::size_t> largest{0};  // message, bytes
};

class InProcess : public cluster::Communicator {
 public:
  InProcess(int rank, std::shared_ptr<Mail> mail)
      : rank_(rank), mail_(std::move(mail)), tree_(cluster::place_in_tree(rank, mail_->node_of)) {}
  const cluster::TreePlace& tree() const override { return tree_; }
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(mail_->work.size()); }
  void send(int to, cluster::Tag tag, std::span<const std::byte> bytes) override {
    const std::scoped_lock lock(mail_->mutex);
    auto& box = tag < cluster::Tag::alive ? mail_->work : mail_->control;
    box.at(static_cast<std::size_t>(to)).push_back({rank_, tag, {bytes.begin(), bytes.end()}});
    mail_->largest = std::max(mail_->largest.load(), bytes.size());
  }
  bool all_sent() override { return true; }
  std::optional<cluster::Message> poll_control() override { return next(mail_->control); }
  [[noreturn]] void abort(int exit_code) override {
    mail_->abort_code = exit_code;
    throw Aborted();
  }

 protected:
  std::optional<cluster::Message> poll_work() override { return next(mail_->work); }

 private:
  std::optional<cluster::Message> next(std::vector<std::deque<cluster::Message>>& boxes) {
    if (mail_->abort_code >= 0) throw Aborted();
    const std::scoped_lock lock(mail_->mutex);
    auto& box = boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) return std::nullopt;
    cluster::Message first = std::move(box.front());
    box.pop_front();
    return first;
  }
  int rank_;
  std::shared_ptr<Mail> mail_;
  cluster::TreePlace tree_;
};

/// Runs `each` on so many ranks at once; what each threw, by rank.
template <class Each>
std::vector<std::exception_ptr> on_ranks(int ranks, const Each& each,
                                         std::shared_ptr<Mail> mail = nullptr) {
  if (!mail) mail = std::make_shared<Mail>(ranks);
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      InProcess communicator(rank, mail);
      try {
        each(communicator);
      } catch (...) {
        thrown[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  return thrown;
}

inline std::string what(const std::exception_ptr& thrown) {
  if (!thrown) return "";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (const Aborted&) {
    return "aborted";
  }
}

}  // namespace rooflaw::testing
