#pragma once
// Roofline time of an operator, a block, a phase.
//
//   operator:  max(FLOP / (e peak), (bytes / e_b + KV bytes / e_kv) / bandwidth)
//   layer:     attention block + FFN block + overhead, summed over the passes of the phase
//   phase:     layers * layer, group by group, + lm_head and overheads of its passes
//
// Of the passes of a run (passes.hpp) both times of an operator are affine in the pass, so the sum
// of the larger is a closed form, split where the two cross.
//
// Every sum is taken in the order written here, by evaluate and by search alike, so both print the
// same bits. All operations are monotone under rounding: a block that is no slower stays no slower.

#include <algorithm>

#include "rooflaw/model/operators.hpp"
#include "rooflaw/model/scenario.hpp"

namespace rooflaw::model {

/// Time, and the part of it spent in compute-bound operators (a tie counts as compute-bound).
template <class T>
struct Duration {
  T seconds{};
  T compute_bound_s{};
};

template <class T>
Duration<T>& operator+=(Duration<T>& sum, const Duration<T>& d) {
  sum.seconds += d.seconds;
  sum.compute_bound_s += d.compute_bound_s;
  return sum;
}

/// Of amounts in T at rates in R: T, unless the rates carry derivatives.
template <class T, class R>
using Seconds = std::conditional_t<std::is_same_v<R, double>, T, R>;

template <class T, class R>
Seconds<T, R> compute_time(const Operator<T>& op, const BasicRates<R>& rates) {
  switch (op.unit) {
    case ComputeUnit::matmul:
      return op.flops * rates.s_per_matmul_flop;
    case ComputeUnit::attention:
      return op.flops * rates.s_per_attention_flop;
    case ComputeUnit::state:
      return op.flops * rates.s_per_state_flop;
    case ComputeUnit::vector:
      break;
  }
  return op.flops * rates.s_per_vector_flop;
}
template <class T, class R>
Seconds<T, R> memory_time(const Operator<T>& op, const BasicRates<R>& rates) {
  return op.bytes * rates.s_per_byte + op.kv_bytes * rates.s_per_kv_byte;
}

template <class T, class R>
Duration<Seconds<T, R>> operator_time(const Operator<T>& op, const BasicRates<R>& rates) {
  using S = Seconds<T, R>;
  const S compute = compute_time(op, rates);
  const S memory = memory_time(op, rates);
  const S none = 0.0 * compute;
  return {larger(compute, memory), select<S>(compute >= memory, compute, none)};
}

/// Sum over `steps` equidistant steps of max(compute, memory), both affine in the step, given their
/// values at the first and the last step. steps >= 1.
template <class T>
Duration<T> sum_of_larger(const T& compute_first, const T& memory_first, const T& compute_last,
                          const T& memory_last, double steps) {
  const T none = 0.0 * compute_first;
  const T compute_all = (compute_first + compute_last) * (0.5 * steps);
  const T memory_all = (memory_first + memory_last) * (0.5 * steps);
  const auto starts_compute = compute_first >= memory_first;
  const auto ends_compute = compute_last >= memory_last;
  Duration<T> sum;
  sum.seconds = select<T>(starts_compute, compute_all, memory_all);
  sum.compute_bound_s = select<T>(starts_compute, compute_all, none);
  if (steps < 2.0) return sum;

  // Where they cross, `early` steps belong to the regime of the first step: those before the
  // crossing, and a step exactly on it if compute comes first (a tie is compute-bound).
  const T excess_first = compute_first - memory_first;
  const T excess_last = compute_last - memory_last;
  using Number = std::decay_t<decltype(value(none))>;
  // The product first: a crossing that lies on a step then comes out whole.
  const Number crossing =
      value(excess_first) * (steps - 1.0) / (value(excess_first) - value(excess_last));
  const Number early =
      select<Number>(starts_compute, round_down(crossing) + 1.0, round_up(crossing));
  const Number late = steps - early;
  const auto leading = [&](const T& first, const T& last) -> T {
    return early * first + (last - first) * (early * (early - 1.0) / (2.0 * (steps - 1.0)));
  };
  const auto trailing = [&](const T& first, const T& last) -> T {
    return late * last - (last - first) * (late * (late - 1.0) / (2.0 * (steps - 1.0)));
  };
  const T compute_part = select<T>(starts_compute, leading(compute_first, compute_last),
                                   trailing(compute_first, compute_last));
  const T memory_part = select<T>(starts_compute, trailing(memory_first, memory_last),
                                  leading(memory_first, memory_last));
  const auto crosses = starts_compute != ends_compute;
  sum.seconds = select<T>(crosses, compute_part + memory_part, sum.seconds);
  sum.compute_bound_s = select<T>(crosses, compute_part, sum.compute_bound_s);
  return sum;
}

template <class R>
double passes(const BasicScenario<R>& s, Phase phase) {
  return passes(s.workload, s.engine, phase);
}
template <class R>
Runs runs(const BasicScenario<R>& s, Phase phase, double window = 0.0) {
  return runs(s.workload, s.engine, phase, window);
}

/// Attention block of one layer over all passes of a phase.
template <class T, class R>
Duration<Seconds<T, R>> attention_time(const AttentionShape<T>& shape, const BasicScenario<R>& s,
                                       Phase phase) {
  using S = Seconds<T, R>;
  Duration<S> sum{S(0.0 * shape.width), S(0.0 * shape.width)};
  for (const Run& run : runs(s, phase, shape.window)) {
    const OperatorList<T> first = attention_operators(shape, run.first, s.precision, s.engine);
    if (run.count == 1.0) {
      for (const auto& op : first) sum += operator_time(op, s.rates);
      continue;
    }
    const OperatorList<T> last = attention_operators(shape, run.last, s.precision, s.engine);
    for (std::size_t i = 0; i < first.size(); ++i)
      sum += sum_of_larger<S>(compute_time(first[i], s.rates), memory_time(first[i], s.rates),
                              compute_time(last[i], s.rates), memory_time(last[i], s.rates),
                              run.count);
  }
  return sum;
}

/// What an FFN block needs to know of so many new tokens: powers, from a table or computed.
template <class T>
struct RoutedTokens {
  T distinct{};          // distinct_experts
  double rows_read = 1;  // down_rows_read
};

/// FFN block of one layer over all passes of a phase. `routed(tokens)` gives RoutedTokens.
template <class T, class R, class Routed>
Duration<Seconds<T, R>> ffn_time(const FfnShape<T>& shape, const BasicScenario<R>& s, Phase phase,
                                 const Routed& routed) {
  using S = Seconds<T, R>;
  Duration<S> sum{S(0.0 * shape.width), S(0.0 * shape.width)};
  for (const Run& run : runs(s, phase)) {
    const double tokens = run.first.tokens;
    const RoutedTokens<T> known = routed(tokens);
    for (const auto& op :
         ffn_operators(shape, tokens, s.precision, s.engine, known.distinct, known.rows_read)) {
      const Duration<S> d = operator_time(op, s.rates);
      sum += {d.seconds * run.count, d.compute_bound_s * run.count};
    }
  }
  return sum;
}

/// Output projection over all passes of a phase: at the end of the prompt, and for each token after
/// it; zero if the engine leaves it out.
template <class T, class R>
Duration<Seconds<T, R>> head_time(const T& width, double vocab, const BasicScenario<R>& s,
                                  Phase phase) {
  double n = 0.0;
  if (s.engine.lm_head)
    n = phase == Phase::decode ? passes(s, phase) : std::min(passes(s, phase), 1.0);
  const auto batch = static_cast<double>(s.workload.batch);
  const auto d = operator_time(lm_head_operator(width, vocab, batch, s.precision), s.rates);
  return {d.seconds * n, d.compute_bound_s * n};
}

/// One layer over all passes of a phase; what a phase takes whatever its layers; the phase itself,
/// of one group or of what the groups add up to.
template <class S, class R>
S layer_time(const S& attention_s, const S& ffn_s, const R& overhead_s) {
  return (attention_s + ffn_s) + overhead_s;
}
template <class S, class R>
S fixed_time(const S& head_s, const BasicScenario<R>& s, Phase phase) {
  return head_s + s.rates.pass_overhead_s * passes(s, phase);
}
template <class S>
S phase_time(const S& layers_s, const S& fixed_s) {
  return layers_s + fixed_s;
}
template <class R>
R layer_overhead(const BasicScenario<R>& s, Phase phase) {
  return s.rates.layer_overhead_s * passes(s, phase);
}

}  // namespace rooflaw::model
