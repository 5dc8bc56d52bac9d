#include "call_watch.hpp"

#include <csignal>
#include <cstdlib>

#include <fmt/format.h>

#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "seconds.hpp"

namespace rooflaw::cluster {

namespace {

constexpr auto pause = std::chrono::milliseconds(200);

}  // namespace

CallWatch::CallWatch(WatchOptions options, int rank) : options_(std::move(options)), rank_(rank) {
  // Signals are for the thread that works: a call of the system that it waits in is interrupted.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CallWatch::~CallWatch() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  ends_.notify_one();
  thread_.join();
}

void CallWatch::run() {
  std::uint64_t call = 0;
  std::int64_t looks = 0;  // not the clock's time: the process may have been stopped in between
  std::unique_lock lock(mutex_);
  while (!ends_.wait_for(lock, pause, [this] { return ended_; })) {
    const char* name = name_;
    if (name == nullptr || calls_ != call) {
      call = calls_;
      looks = 0;
      told_ = false;
    } else {
      stalled(name, seconds(pause * ++looks));
    }
  }
}

void CallWatch::stalled(const char* name, double silent) {
  const double time_to_stop = seconds(Watch::time_to_stop);
  // Rank 1 as well, for rank 0 may be the one that is stopped.
  if (silent > options_.stall_after_s && !told_ && rank_ <= 1) {
    told_ = true;
    say(
        fmt::format("rooflaw: rank {} on {} has been in {} for {:.0f} s: another rank does not "
                    "answer; the run waits for it\n",
                    rank_, host_name(), name, silent));
  }
  if (silent < time_to_stop) return;
  const double all = seconds(Clock::now() - start_);
  const bool over = exit_code_ >= 0;
  const int signal = caught_signal();
  if (!over && signal == 0 && all < options_.max_wall_s) return;
  const std::string reason =
      over          ? "the run is over"
      : signal != 0 ? signal_name(signal)
                    : fmt::format("the wall time of {:g} s is over", options_.max_wall_s);
  say(fmt::format("rooflaw: rank {} on {} has been in {} for {:.0f} s and is ended ({})\n", rank_,
                  host_name(), name, silent, reason));
  std::_Exit(over ? exit_code_.load() : static_cast<int>(ExitCode::stopped_early));
}

}  // namespace rooflaw::cluster
