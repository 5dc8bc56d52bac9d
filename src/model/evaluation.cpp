#include "rooflaw/model/evaluation.hpp"

#include <limits>

namespace rooflaw::model {

namespace {

PhaseResult phase_result(const PhaseTime<double>& time) {
  if (!(time.seconds > 0.0)) return {.seconds = time.seconds};
  return {.seconds = time.seconds,
          .compute_share = time.compute_bound_s / time.seconds,
          .bandwidth_share = time.bandwidth_bound_s / time.seconds};
}

}  // namespace

Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s) {
  require_sound(a);
  const auto x = lift(a);
  Evaluation e;
  e.point = law_point(x);
  e.terms = loss_terms(law, e.point);
  e.loss = loss(law, e.terms, s.precision.loss_delta);
  e.perplexity = exponential(e.loss);
  e.extrapolated = extrapolates(law.range, a);
  e.prefill = phase_result(time_of(x, s, Phase::prefill));
  e.decode = phase_result(time_of(x, s, Phase::decode));
  e.memory = memory(x, s);
  e.total_s = weighted(weights(Objective::total, s), e.costs());
  e.tpot_s = applies(Objective::tpot, s) ? weighted(weights(Objective::tpot, s), e.costs())
                                         : std::numeric_limits<double>::quiet_NaN();
  const auto [total, active] = parameters(x);
  e.params_total = total;
  e.params_active = active;
  return e;
}

double value_of(Objective objective, const Evaluation& e, const Scenario& s) {
  require_applies(objective, s);
  return weighted(weights(objective, s), e.costs());
}

std::vector<Operator<double>> layer_operators(const Architecture& a, const Scenario& s,
                                              const Pass& pass) {
  const auto ffn_block = ffn_shape(a);
  const auto attention = attention_operators(attention_shape(a), pass, s.precision, s.engine);
  const auto ffn = ffn_operators(ffn_block, pass, s.precision,
                                 distinct_experts(ffn_block.experts, ffn_block.top_k, pass.tokens),
                                 down_rows_read(ffn_block.sparsity, pass.tokens));
  std::vector<Operator<double>> all;
  Operator<double> quantize{.kind = OperatorKind::quantize};
  for (const auto* block : {&attention, &ffn}) {
    for (const auto& op : *block) {
      if (op.kind == OperatorKind::quantize)
        quantize.bytes += op.bytes;
      else if (op.kind != OperatorKind::router || a.experts > 1)
        all.push_back(op);
    }
  }
  if (s.precision.quantizes_inputs()) all.push_back(quantize);
  return all;
}

std::optional<Operator<double>> head_operator(const Architecture& a, const Scenario& s) {
  if (!s.engine.lm_head) return std::nullopt;
  return lm_head_operator(static_cast<double>(a.width), static_cast<double>(a.vocab),
                          static_cast<double>(s.workload.batch), s.precision);
}

}  // namespace rooflaw::model
