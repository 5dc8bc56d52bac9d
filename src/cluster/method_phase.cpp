// The search over all ranks: the pieces of each of its rounds are a queue.

#include "common_memory.hpp"
#include "phase.hpp"
#include "rooflaw/search/method_run.hpp"
#include "rooflaw/search/state.hpp"
#include "seconds.hpp"

namespace rooflaw::cluster {

namespace {

using Clock = std::chrono::steady_clock;

/// Measures max_seconds, what earlier runs took included.
class TimeLimit {
 public:
  TimeLimit(double max_seconds, double spent) : max_(max_seconds), spent_(spent) {}
  double spent() const { return spent_ + seconds(Clock::now() - start_); }
  bool used_up() const { return spent() > max_; }

 private:
  double max_, spent_;
  Clock::time_point start_ = Clock::now();
};

/// What a checkpoint keeps of it.
struct MethodState {
  double seconds = 0;
  QueueState queue;  // of the round
  Bytes of_method;
};
template <class Archive>
void fields(Archive& a, MethodState& x) {
  a(not_negative(x.seconds), x.queue, x.of_method);
}

/// What rank 0 tells at the end of a round.
struct RoundEnd {
  bool goes_on = true;  // not out of time
  Bytes gathered;
};
template <class Archive>
void fields(Archive& a, RoundEnd& x) {
  a(x.goes_on, x.gathered);
}

}  // namespace

void check_rounds(const search::Rounds& run, const Bytes& kept) {
  const auto state = unpacked<MethodState>(kept);
  search::require_fit(!state.of_method.empty());
  search::require_fit(fits(state.queue, run.check(state.of_method)));
}

RoundsEnd run_rounds(search::Rounds& run, double max_seconds, Phase& phase) {
  MethodState state;
  if (!phase.kept.empty()) state = unpacked<MethodState>(phase.kept);
  if (auto memory = common_memory(
          run.common_bytes(), [&](std::span<std::byte> bytes) { run.make_ready(bytes); },
          phase.ranks, phase.watch))
    run.use_in_common(std::move(memory));
  run.begin(std::exchange(state.of_method, {}));
  const TimeLimit limit(max_seconds, state.seconds);
  const auto keep = [&](const QueueState& queue) {
    phase.keep(packed(MethodState{limit.spent(), queue, run.state()}));
  };
  const QueueHooks hooks{
      .progress = [&](const QueueState& queue) { phase.progress(run.progress(queue.next)); },
      .checkpoint = keep,
      .out_of_time = [&] { return limit.used_up(); }};
  search::Serving serving;
  RoundEnd end;
  for (; !run.finished() && end.goes_on; state.queue = {}) {
    run_queue(run, state.queue, phase.ranks, phase.watch, hooks, serving);
    if (phase.ranks.is_root()) {
      end.goes_on = state.queue.next == run.pieces() && state.queue.open.empty();
      if (end.goes_on && phase.ranks.size() > 1) end.gathered = run.gathered();
    }
    try {
      share(end, phase.ranks, phase.watch);
    } catch (const RunEnds&) {
      if (phase.ranks.is_root()) keep(state.queue);
      throw;
    }
    if (end.goes_on) run.next_round(std::exchange(end.gathered, {}));
  }
  return {end.goes_on, serving};
}

void check_method(const search::Method& method, const search::Question& question,
                  const Bytes& kept) {
  check_rounds(*search::start(method, question), kept);
}

search::Outcome method_phase(const search::Method& method, const search::Question& question,
                             Phase& phase) {
  const auto run = search::start(method, question, role_of(phase));
  const RoundsEnd end = run_rounds(*run, search::max_seconds(method), phase);
  if (!phase.ranks.is_root()) return {};
  search::Outcome outcome = run->found();
  outcome.complete = end.complete;
  outcome.serving = end.serving;
  return outcome;
}

}  // namespace rooflaw::cluster
