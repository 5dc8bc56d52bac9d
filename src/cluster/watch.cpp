#include "rooflaw/cluster/watch.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/core/here_and_now.hpp"

namespace rooflaw::cluster {

using namespace std::chrono_literals;

namespace {

constexpr auto time_to_stop = 10s;

volatile std::sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int signal) { caught_signal = signal; }

void catch_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

std::string signal_name(int signal) {
  if (signal == SIGTERM) return "SIGTERM";
  return signal == SIGINT ? "SIGINT" : "SIGUSR1";
}

/// What a worker says that cannot go on.
struct Failure {
  ExitCode code = ExitCode::internal_error;
  std::string text;
};
template <class Archive>
void fields(Archive& a, Failure& x) {
  a(within(x.code, ExitCode::done, ExitCode::stopped_early), x.text);
}

double seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void catch_sigusr1() { catch_signal(SIGUSR1); }

void catch_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) catch_signal(signal);
}

Watch::Watch(Communicator& ranks, WatchOptions options, EventSink sink)
    : ranks_(ranks),
      options_(std::move(options)),
      sink_(std::move(sink)),
      heard_(static_cast<std::size_t>(ranks.size())) {}

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
  if (const int signal = caught_signal; signal != 0) {
    sink_({"signal",
           fmt::format("{} received", signal_name(signal)),
           {{"signal", signal_name(signal)}, {"rank", std::int64_t{0}}}});
    throw Interrupted(signal_name(signal));
  }
  if (seconds(now - start_) > options_.max_wall_s)
    throw Interrupted(fmt::format("the wall time of {:g} s is over", options_.max_wall_s));
  if (now - last_slow_look_ < 1s && !first_look_) return;
  last_slow_look_ = now;
  std::error_code unreadable;
  if (!options_.stop_file.empty() && std::filesystem::exists(options_.stop_file, unreadable))
    throw Interrupted(
        fmt::format("the file {} asks for it; remove it before you resume", options_.stop_file));
  if (at_work_) check_silence(now);
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
    throw Interrupted(fmt::format("{} to {}", signal_name(signal), name_of(message.from)));
  } else if (message.tag == Tag::failed) {
    const auto failure = unpacked<Failure>(message.bytes);
    throw RankFailed(fmt::format("{}: {}", name_of(message.from), failure.text), failure.code);
  }
}

std::string Watch::name_of(int rank) const {
  const auto& host = heard_[static_cast<std::size_t>(rank)].host;
  return host.empty() ? fmt::format("rank {}", rank) : fmt::format("rank {} on {}", rank, host);
}

void Watch::check_silence(Clock::time_point now) {
  for (int rank = 1; rank < ranks_.size(); ++rank) {
    auto& heard = heard_[static_cast<std::size_t>(rank)];
    const double silent = seconds(now - heard.last);
    if (heard.missed || silent < options_.stall_after_s) continue;
    heard.missed = true;
    sink_({"stall",
           fmt::format("{} has given no sign of life for {:.0f} s; the run waits for it",
                       name_of(rank), silent),
           {{"rank", std::int64_t{rank}}, {"host", heard.host}, {"seconds", silent}}});
  }
}

void Watch::look_as_worker(Clock::time_point now) {
  while (const auto message = ranks_.poll_control())
    if (message->tag == Tag::stop) throw Interrupted("rank 0 ends the run");
  if (const int signal = caught_signal; signal != signal_told_) {
    ranks_.send(0, Tag::signal, packed(signal));
    signal_told_ = signal;
  }
  // Several within the time after which rank 0 would miss them.
  const double pause = std::min(1.0, options_.stall_after_s / 4);
  if (seconds(now - last_slow_look_) < pause && !first_look_) return;
  last_slow_look_ = now;
  ranks_.send(0, Tag::alive, packed(first_look_ ? host_name() : std::string()));
}

void Watch::waiting(Clock::time_point since) {
  const auto now = Clock::now();
  if (ranks_.rank() != 1 || silence_told_ || seconds(now - since) < options_.stall_after_s) return;
  silence_told_ = true;
  sink_({"stall",
         fmt::format("rank 0 has not answered for {:.0f} s; rank 1 waits for it",
                     seconds(now - since)),
         {{"rank", std::int64_t{0}}, {"seconds", seconds(now - since)}}});
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
      end_all();
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

/// Rank 0: stops the others and takes in what is still on its way.
void Watch::end_all() {
  for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, Tag::stop, {});
  const auto start = Clock::now();
  std::vector<bool> gone(static_cast<std::size_t>(ranks_.size()), false);
  gone[0] = true;
  for (BackOff back_off;;) {
    while (ranks_.poll()) {
    }
    while (const auto message = ranks_.poll_control())
      if (message->tag == Tag::goodbye) gone[static_cast<std::size_t>(message->from)] = true;
    const auto missing = std::find(gone.begin(), gone.end(), false);
    if (missing == gone.end() && ranks_.all_sent()) break;
    if (Clock::now() - start > time_to_stop) {
      const auto rank = static_cast<int>(missing - gone.begin());
      const bool known = missing != gone.end();
      sink_({"killed",
             fmt::format("{} does not stop and is killed", known ? name_of(rank) : "a rank"),
             {{"rank", std::int64_t{known ? rank : -1}},
              {"host", known ? heard_[static_cast<std::size_t>(rank)].host : ""}}});
      all_answer_ = false;
      return;
    }
    back_off.pause();
  }
  for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, Tag::over, {});
}

/// A worker: says goodbye and waits until all have.
void Watch::leave() {
  bool said = false;
  for (BackOff back_off;; back_off.pause()) {
    while (ranks_.poll()) {
    }
    if (!said && ranks_.all_sent()) {
      ranks_.send(0, Tag::goodbye, {});
      said = true;
    }
    while (const auto message = ranks_.poll_control())
      if (message->tag == Tag::over) return;
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
      if (message->tag == Tag::stop) return;
    ranks_.all_sent();
  }
  // Rank 0 did not hear of it: then this rank ends the run by itself.
  sink_({"failure", text, {}});
  ranks_.abort(static_cast<int>(code));
}

}  // namespace rooflaw::cluster
