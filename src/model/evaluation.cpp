#include "rooflaw/model/evaluation.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::model {

namespace {

PhaseResult phase_result(const PhaseTime<double>& time) {
  if (!(time.seconds > 0.0)) return {.seconds = time.seconds};
  return {.seconds = time.seconds,
          .compute_share = time.compute_bound_s / time.seconds,
          .bandwidth_share = time.bandwidth_bound_s / time.seconds};
}

void set_penalties(Evaluation& e, const Law& law, const ContinuousArchitecture<double>& x,
                   const Precision& p) {
  const double parameters = e.params_total - table_params(x.width(), x.tables);
  e.ptq = precision_penalty(PenaltyKind::ptq, p, parameters, law.tokens);
  e.qat = precision_penalty(PenaltyKind::qat, p, parameters, law.tokens);
  e.loss_delta = p.loss_delta;
  if (!p.penalty) return;
  const auto& penalty = *p.penalty == PenaltyKind::ptq ? e.ptq : e.qat;
  if (!penalty)
    throw DomainError(fmt::format("precision {}: penalty {} is of {}", p.id, to_string(*p.penalty),
                                  scope_of(*p.penalty)));
  e.loss_delta = penalty->value;
}

void set_loss(Evaluation& e, const Law& law, const Architecture& a,
              const ContinuousArchitecture<double>& x) {
  const bool has_opinion = law_has_opinion(a);
  e.has_loss = has_opinion && gives_loss(law);
  e.loss = e.loss_multiplier = nan;
  if (has_opinion) {
    e.point = law_point(x);
    if (law.kappa_p != 0.0) e.point.parameters = e.params_total;
    if (const auto* form = std::get_if<JointMoeLaw>(&law.form)) {
      e.joint_moe = joint_moe_terms(*form, a, law.tokens);
      e.loss = e.joint_moe->sum() + e.loss_delta;
    } else if (const auto* multiplier = std::get_if<ConditionalLaw>(&law.form)) {
      e.loss_multiplier = conditional_multiplier(*multiplier, a);
    } else {
      e.terms = loss_terms(law, e.point);
      e.loss = loss(law, e.terms, e.loss_delta);
    }
  }
  e.perplexity = e.has_loss ? exponential(e.loss) : nan;
  e.extrapolated = extrapolates(law.range, a);
}

/// How far below and above the loss may lie; NaN where it is not known.
Band precision_doubt(const Evaluation& e, const Precision& p) {
  if (!p.penalty) {
    const double half_width = p.loss_delta_uncertainty.value_or(nan);
    return {half_width, half_width};
  }
  const auto& penalty = *p.penalty == PenaltyKind::ptq ? e.ptq : e.qat;
  return {penalty->value - penalty->low, penalty->high - penalty->value};
}

Band law_doubt(const Law& law, const Evaluation& e) {
  if (law.resamples.empty()) return {nan, nan};
  std::vector<double> losses;
  losses.reserve(law.resamples.size());
  Law other;
  other.tokens = law.tokens;
  for (const auto& vector : law.resamples) {
    static_cast<LawCoefficients<double>&>(other) = vector;
    losses.push_back(loss(other, loss_terms(other, e.point), e.loss_delta));
  }
  // The loss may lie outside of its resamples' quantiles, which then say nothing of that side.
  return {std::max(0.0, e.loss - quantile(losses, 0.05)),
          std::max(0.0, quantile(losses, 0.95) - e.loss)};
}

double together(double one, double other) {
  if (std::isnan(one)) return other;
  return std::isnan(other) ? one : std::sqrt(one * one + other * other);
}

}  // namespace

Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s) {
  require_sound(a);
  const auto x = lift(a);
  Evaluation e;
  const auto [total, active] = parameters(x);
  e.params_total = total;
  e.params_active = active;
  set_penalties(e, law, x, s.precision);
  set_loss(e, law, a, x);
  e.prefill = phase_result(time_of(x, s, Phase::prefill));
  e.decode = phase_result(time_of(x, s, Phase::decode));
  e.memory = memory(x, s);
  const auto quantity = [&](Objective objective) {
    return applies(objective, s) ? weighted(weights(objective, s), e.costs()) : nan;
  };
  e.total_s = weighted(weights(Objective::total, s), e.costs());
  e.tpot_s = quantity(Objective::tpot);
  e.energy_j = has_powers(s.device) ? weighted(weights(Objective::energy, s), e.costs()) : nan;
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

Band loss_band(const Law& law, const Evaluation& e, const Precision& p) {
  if (!e.has_loss) return {nan, nan};
  const Band by_law = law_doubt(law, e), by_precision = precision_doubt(e, p);
  // Of a law that nothing is known of, a penalty that is exact is no certainty.
  if (std::isnan(by_law.low) && by_precision.low == 0.0 && by_precision.high == 0.0)
    return {nan, nan};
  return {e.loss - together(by_law.low, by_precision.low),
          e.loss + together(by_law.high, by_precision.high)};
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
