// What a watch makes of ranks that are not heard of, and of messages that are not taken.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/cluster/watch.hpp"
#include "seconds.hpp"

namespace rooflaw::cluster {

using namespace std::chrono_literals;

namespace {

// For so long rank 0 may be silent while it writes what it keeps: a slow file system.
constexpr auto time_to_keep = 10min;
// A rank that did not look for longer was stopped itself.
constexpr auto longest_between_looks = 2s;

}  // namespace

std::string Watch::name_of(int rank) const {
  const auto& host = heard_[static_cast<std::size_t>(rank)].host;
  return host.empty() ? fmt::format("rank {}", rank) : fmt::format("rank {} on {}", rank, host);
}

void Watch::check_silence(Clock::time_point now) {
  for (int rank = 1; rank < ranks_.size(); ++rank) {
    auto& heard = heard_[static_cast<std::size_t>(rank)];
    const double silent = seconds(now - heard.last);
    if (heard.missed || heard.gone || silent < options_.stall_after_s) continue;
    heard.missed = true;
    sink_({"stall",
           fmt::format("{} has given no sign of life for {:.0f} s; the run waits for it",
                       name_of(rank), silent),
           {{"rank", std::int64_t{rank}}, {"host", heard.host}, {"seconds", silent}}});
  }
}

/// A worker: does rank 0 still answer? One that does not cannot end the run when it is time.
void Watch::look_at_root(Clock::time_point now) {
  // What went by while this rank itself did not look, or was stopped, is no silence of rank 0.
  if (const auto gap = now - last_look_at_root_; gap > longest_between_looks)
    heard_[0].last = std::min(now, heard_[0].last + gap);
  last_look_at_root_ = now;
  const auto silence = now - heard_[0].last;
  if (seconds(silence) >= options_.stall_after_s) tell_root_silent(silence);
  const bool to_end = signal_told_ != 0 || seconds(now - start_) > options_.max_wall_s;
  if (!to_end && !end_told_) return;
  const auto since = signal_told_ == 0 ? silence : std::min(silence, now - signal_told_at_);
  const double patience =
      end_told_ ? seconds(time_to_keep) : std::max(seconds(time_to_stop), options_.stall_after_s);
  if (seconds(since) > patience) end_without_root(silence);
}

void Watch::tell_root_silent(Clock::duration silence) {
  if (ranks_.rank() != 1 || std::exchange(silence_told_, true)) return;
  sink_({"stall",
         fmt::format("rank 0 has not answered for {:.0f} s; rank 1 waits for it", seconds(silence)),
         {{"rank", std::int64_t{0}}, {"seconds", seconds(silence)}}});
}

void Watch::end_without_root(Clock::duration silence) {
  sink_(
      {"killed",
       fmt::format("rank 0 has not answered for {:.0f} s and cannot stop the run: {} ends it. What "
                   "was kept last stays: --resume goes on from there",
                   seconds(silence), name_of(ranks_.rank())),
       {{"rank", std::int64_t{0}}, {"host", ""}}});
  ranks_.abort(static_cast<int>(ExitCode::stopped_early));
}

void Watch::waiting(Clock::time_point since) {
  const auto now = Clock::now();
  if (std::exchange(waiting_since_, since) != since) {
    waited_ = {};
    last_wait_ = since;
  }
  const auto time = now - std::exchange(last_wait_, now);
  if (time <= longest_between_looks) waited_ += time;
  if (seconds(waited_) >= options_.stall_after_s) tell_root_silent(waited_);
}

void Watch::sending(Clock::time_point since) {
  const auto time = Clock::now() - since;
  if (sending_told_ || seconds(time) < options_.stall_after_s) return;
  sending_told_ = true;
  tell_not_taken(ranks_.rank(), time);
}

void Watch::tell_not_taken(int sender, Clock::duration time) {
  sink_(
      {"stall",
       fmt::format("messages of {} have not been taken for {:.0f} s: a rank that is stopped, or a "
                   "transport that does not work (in containers see slurm/README.md: "
                   "OMPI_MCA_btl_vader_single_copy_mechanism=none)",
                   name_of(sender), seconds(time)),
       {{"rank", std::int64_t{sender}}, {"seconds", seconds(time)}}});
}

}  // namespace rooflaw::cluster
