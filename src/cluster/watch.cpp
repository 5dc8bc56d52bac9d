#include "rooflaw/cluster/watch.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "seconds.hpp"

namespace rooflaw::cluster {

using namespace std::chrono_literals;

namespace {

// Messages that are still on their way when their sender and their receiver are through.
constexpr auto time_to_arrive = 2s;

/// What a worker says that cannot go on.
struct Failure {
  ExitCode code = ExitCode::internal_error;
  std::string text;
};
template <class Archive>
void fields(Archive& a, Failure& x) {
  a(within(x.code, ExitCode::done, ExitCode::stopped_early), x.text);
}

}  // namespace

Watch::Watch(Communicator& ranks, WatchOptions options, EventSink sink)
    : ranks_(ranks),
      options_(std::move(options)),
      sink_(std::move(sink)),
      heard_(static_cast<std::size_t>(ranks.size()), Heard{.last = start_}) {}

void Watch::begin() {
  at_work_ = true;
  for (auto& heard : heard_)
    if (!heard.missed) heard.last = Clock::now();
}

void Watch::look() {
  const auto now = Clock::now();
  if (now - last_look_ < 20ms && !first_look_) return;
  last_look_ = now;
  if (ranks_.is_root())
    look_as_root(now);
  else
    look_as_worker(now);
  first_look_ = false;
}

void Watch::look_as_root(Clock::time_point now) {
  while (const auto message = ranks_.poll_control()) take(*message, now);
  if (const int signal = caught_signal(); signal != 0) {
    sink_({"signal",
           fmt::format("{} received", signal_name(signal)),
           {{"signal", signal_name(signal)}, {"rank", std::int64_t{0}}}});
    stop(signal_name(signal));
  }
  if (seconds(now - start_) > options_.max_wall_s)
    stop(fmt::format("the wall time of {:g} s is over", options_.max_wall_s));
  if (now - last_slow_look_ < slow_pause() && !first_look_) return;
  last_slow_look_ = now;
  std::error_code unreadable;
  if (!options_.stop_file.empty() && std::filesystem::exists(options_.stop_file, unreadable))
    stop(fmt::format("the file {} asks for it; remove it before you resume", options_.stop_file));
  give_sign_of_life();
  if (at_work_) check_silence(now);
}

/// Rank 0: one that does not take it gets no more.
void Watch::give_sign_of_life() {
  for (int rank = 1; rank < ranks_.size(); ++rank)
    if (!heard_[static_cast<std::size_t>(rank)].missed) ranks_.send(rank, Tag::alive, {});
}

/// Rank 0: all end, and know it before this one writes what it keeps.
void Watch::stop(const std::string& reason) {
  tell_all(Tag::stop);
  throw Interrupted(reason);
}

void Watch::tell_all(Tag end) {
  if (std::exchange(end_told_, true)) return;
  for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, end, {});
}

/// Between signs of life: several within the time after which they would be missed.
std::chrono::duration<double> Watch::slow_pause() const {
  return std::chrono::duration<double>(std::min(1.0, options_.stall_after_s / 4));
}

void Watch::take(const Message& message, Clock::time_point now) {
  auto& heard = heard_[static_cast<std::size_t>(message.from)];
  if (heard.missed) {
    heard.missed = false;
    sink_(
        {"stall_over",
         fmt::format("{} is back after {:.0f} s", name_of(message.from), seconds(now - heard.last)),
         {{"rank", std::int64_t{message.from}}}});
  }
  heard.last = now;
  if (message.tag == Tag::alive) {
    if (const auto host = unpacked<std::string>(message.bytes); !host.empty()) heard.host = host;
  } else if (message.tag == Tag::signal) {
    const auto signal = unpacked<int>(message.bytes);
    sink_({"signal",
           fmt::format("{} received by {}", signal_name(signal), name_of(message.from)),
           {{"signal", signal_name(signal)}, {"rank", std::int64_t{message.from}}}});
    stop(fmt::format("{} to {}", signal_name(signal), name_of(message.from)));
  } else if (message.tag == Tag::goodbye) {
    heard.gone = true;
    heard.sent = unpacked<bool>(message.bytes);
  } else if (message.tag == Tag::failed) {
    const auto failure = unpacked<Failure>(message.bytes);
    throw RankFailed(fmt::format("{}: {}", name_of(message.from), failure.text), failure.code);
  }
}

void Watch::look_as_worker(Clock::time_point now) {
  while (const auto message = ranks_.poll_control()) {
    heard_[0].last = now;
    if (message->tag == Tag::through) end_told_ = true;
    if (message->tag != Tag::stop) continue;
    end_told_ = true;
    throw Interrupted("rank 0 ends the run");
  }
  if (const int signal = caught_signal(); signal != signal_told_) {
    ranks_.send(0, Tag::signal, packed(signal));
    signal_told_ = signal;
    signal_told_at_ = now;
  }
  if (now - last_slow_look_ < slow_pause() && !first_look_) return;
  last_slow_look_ = now;
  ranks_.send(0, Tag::alive, packed(first_look_ ? host_name() : std::string()));
  look_at_root(now);
}

bool Watch::checkpoint_due() {
  const auto now = Clock::now();
  if (seconds(now - last_checkpoint_) < options_.checkpoint_every_s) return false;
  last_checkpoint_ = now;
  return true;
}

void Watch::together(const std::function<void()>& work) {
  std::string text;
  ExitCode code = ExitCode::internal_error;
  try {
    work();
    at_work_ = false;
    return;
  } catch (const Interrupted&) {
    if (ranks_.is_root())
      end_all(Tag::stop);
    else
      leave();
    throw;
  } catch (const std::exception& e) {
    if (ranks_.is_root()) throw;
    text = e.what();
    if (const auto* known = dynamic_cast<const Error*>(&e)) code = known->exit_code();
  }
  report_failure(text, code);
  leave();
  throw Interrupted(text);
}

void Watch::part() {
  if (parted_) return;
  if (ranks_.is_root()) return end_all(Tag::through);
  try {
    for (BackOff back_off; !end_told_; back_off.pause()) look();
  } catch (const Interrupted&) {
    // An end as good as any.
  }
  leave();
}

/// Rank 0: stops the others and takes in what is still on its way.
void Watch::end_all(Tag end) {
  parted_ = true;
  tell_all(end);
  const auto start = Clock::now();
  auto all_gone_at = start;
  for (BackOff back_off;; back_off.pause()) {
    while (ranks_.poll()) {
    }
    const auto now = Clock::now();
    while (const auto message = ranks_.poll_control())
      if (message->tag == Tag::goodbye || message->tag == Tag::alive) take(*message, now);
    if (now - last_slow_look_ > slow_pause()) {
      last_slow_look_ = now;
      give_sign_of_life();
      check_silence(now);
    }
    const auto missing = std::find_if(heard_.begin() + 1, heard_.end(),
                                      [](const Heard& heard) { return !heard.gone; });
    const bool all_gone = missing == heard_.end();
    if (!all_gone) all_gone_at = now;
    heard_[0].sent = ranks_.all_sent();
    const auto unsent =
        std::find_if(heard_.begin(), heard_.end(), [](const Heard& heard) { return !heard.sent; });
    if (all_gone && unsent == heard_.end()) break;
    if (all_gone && now - all_gone_at > time_to_arrive) {
      tell_not_taken(static_cast<int>(unsent - heard_.begin()), now - start);
      all_answer_ = false;
      return;
    }
    if (now - start > time_to_stop) {
      const auto rank = static_cast<int>(missing - heard_.begin());
      sink_({"killed",
             fmt::format("{} does not stop and is killed", name_of(rank)),
             {{"rank", std::int64_t{rank}}, {"host", missing->host}}});
      all_answer_ = false;
      return;
    }
  }
  for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, Tag::over, {});
  // They are small and each receiver waits for them; MPI_Finalize sees to the rest.
  for (BackOff back_off; !ranks_.all_sent() && Clock::now() - start < time_to_stop;)
    back_off.pause();
}

/// A worker: says goodbye and waits until all have.
void Watch::leave() {
  parted_ = true;
  const auto start = Clock::now();
  bool said = false;
  for (BackOff back_off;; back_off.pause()) {
    while (ranks_.poll()) {
    }
    const auto now = Clock::now();
    const bool sent = ranks_.all_sent();
    if (!said && (sent || now - start > time_to_arrive)) {
      ranks_.send(0, Tag::goodbye, packed(sent));
      said = true;
    }
    while (const auto message = ranks_.poll_control()) {
      heard_[0].last = now;
      if (message->tag == Tag::over) return;
    }
    look_at_root(now);
  }
}

/// A worker: tells rank 0 why it cannot go on and waits to be ended. Returns if rank 0 stops the
/// run in order, for a reason of its own.
void Watch::report_failure(const std::string& text, ExitCode code) {
  ranks_.send(0, Tag::failed, packed(Failure{code, text}));
  const auto start = Clock::now();
  for (BackOff back_off; Clock::now() - start < time_to_stop; back_off.pause()) {
    while (ranks_.poll()) {
    }
    while (const auto message = ranks_.poll_control())
      if (message->tag == Tag::stop) {
        end_told_ = true;
        return;
      }
    ranks_.all_sent();
  }
  // Rank 0 did not hear of it: then this rank ends the run by itself.
  sink_({"failure", text, {}});
  ranks_.abort(static_cast<int>(code));
}

}  // namespace rooflaw::cluster
