#include "rooflaw/model/evaluation.hpp"

#include <algorithm>
#include <limits>

namespace rooflaw::model {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

PhaseResult phase_result(const PhaseTime<double>& time) {
  if (!(time.seconds > 0.0)) return {.seconds = time.seconds};
  return {.seconds = time.seconds,
          .compute_share = time.compute_bound_s / time.seconds,
          .bandwidth_share = time.bandwidth_bound_s / time.seconds};
}

void set_loss(Evaluation& e, const Law& law, const Architecture& a,
              const ContinuousArchitecture<double>& x, double loss_delta) {
  e.has_loss = law_has_opinion(a);
  e.loss = nan;
  if (e.has_loss) {
    e.point = law_point(x);
    if (!is_separable(law)) e.point.parameters = parameters(x).total;
    e.terms = loss_terms(law, e.point);
    e.loss = loss(law, e.terms, loss_delta);
  }
  e.perplexity = e.has_loss ? exponential(e.loss) : nan;
  e.extrapolated = extrapolates(law.range, a);
}

}  // namespace

Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s) {
  require_sound(a);
  const auto x = lift(a);
  Evaluation e;
  set_loss(e, law, a, x, s.precision.loss_delta);
  e.prefill = phase_result(time_of(x, s, Phase::prefill));
  e.decode = phase_result(time_of(x, s, Phase::decode));
  e.memory = memory(x, s);
  const auto quantity = [&](Objective objective) {
    return applies(objective, s) ? weighted(weights(objective, s), e.costs()) : nan;
  };
  e.total_s = weighted(weights(Objective::total, s), e.costs());
  e.tpot_s = quantity(Objective::tpot);
  e.energy_j = has_powers(s.device) ? weighted(weights(Objective::energy, s), e.costs()) : nan;
  const auto [total, active] = parameters(x);
  e.params_total = total;
  e.params_active = active;
  return e;
}

double value_of(Objective objective, const Evaluation& e, const Scenario& s) {
  require_applies(objective, s);
  return weighted(weights(objective, s), e.costs());
}

Basis basis_of(Objective objective, const Scenario& s) {
  const Weights w = weights(objective, s);
  if (w.prefill == 0.0) return s.trust.decode.basis;
  if (w.decode == 0.0) return s.trust.prefill.basis;
  return std::min(s.trust.prefill.basis, s.trust.decode.basis);
}

Band time_band(Objective objective, const Evaluation& e, const Scenario& s) {
  const Weights w = weights(objective, s);
  const auto unless_zero = [](double time, const std::optional<Band>& band) {
    return time == 0.0 ? Band{} : band.value_or(Band{nan, nan});
  };
  const double prefill_s = w.prefill * e.prefill.seconds, decode_s = w.decode * e.decode.seconds;
  const Band prefill = unless_zero(prefill_s, s.trust.prefill.band);
  const Band decode = unless_zero(decode_s, s.trust.decode.band);
  return {(prefill_s * prefill.low + decode_s * decode.low) / w.per,
          (prefill_s * prefill.high + decode_s * decode.high) / w.per};
}

std::vector<Operator<double>> layer_operators(const Layers& group, std::int64_t width,
                                              const Scenario& s, const Pass& pass) {
  const auto ffn_block = ffn_shape(group, width);
  const auto attention =
      attention_operators(attention_shape(group, width), pass, s.precision, s.engine);
  const auto ffn = ffn_operators(ffn_block, pass.tokens, s.precision, s.engine,
                                 distinct_experts(ffn_block.experts, ffn_block.top_k, pass.tokens),
                                 down_rows_read(ffn_block.sparsity, pass.tokens));
  std::vector<Operator<double>> all;
  Operator<double> norm{}, quantize{};
  const auto add = [](Operator<double>& sum, const Operator<double>& op) {
    sum = {op.kind, op.unit, sum.flops + op.flops, sum.bytes + op.bytes, 0.0};
  };
  for (const auto* block : {&attention, &ffn})
    for (const auto& op : *block) {
      if (op.kind == OperatorKind::norm)
        add(norm, op);
      else if (op.kind == OperatorKind::quantize)
        add(quantize, op);
      else if (op.kind != OperatorKind::router || group.experts > 1)
        all.push_back(op);
    }
  if (norm.bytes > 0.0) all.insert(all.begin(), norm);
  if (quantize.bytes > 0.0) all.push_back(quantize);
  return all;
}

std::optional<Operator<double>> head_operator(const Architecture& a, const Scenario& s) {
  if (!s.engine.lm_head) return std::nullopt;
  return lm_head_operator(static_cast<double>(a.width), static_cast<double>(a.vocab),
                          static_cast<double>(s.workload.batch), s.precision);
}

}  // namespace rooflaw::model
