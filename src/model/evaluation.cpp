#include "rooflaw/model/evaluation.hpp"

#include <cmath>
#include <limits>

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

namespace {

PhaseResult phase_result(const Architecture& a, const Scenario& s, Phase phase) {
  const auto layers = static_cast<double>(a.layers);
  const double tokens = first_pass(s, phase).tokens;
  const auto attention = attention_time(attention_shape(a), s, phase);
  const auto ffn_block = ffn_shape(a);
  const auto ffn = ffn_time(ffn_block, distinct_experts(ffn_block.experts, ffn_block.top_k, tokens),
                            down_rows_read(ffn_block.sparsity, tokens), s, phase);
  const auto head = head_time(static_cast<double>(a.width), static_cast<double>(a.vocab), s, phase);
  const double overhead = layer_overhead(s, phase);

  PhaseResult result;
  result.seconds =
      phase_time(layers, layer_time(attention.seconds, ffn.seconds, overhead), head.seconds);
  if (result.seconds > 0.0) {
    const double compute =
        layers * (attention.compute_bound_s + ffn.compute_bound_s) + head.compute_bound_s;
    const double busy = layers * (attention.seconds + ffn.seconds) + head.seconds;
    result.compute_share = compute / result.seconds;
    result.bandwidth_share = (busy - compute) / result.seconds;
  }
  return result;
}

}  // namespace

void require_latency(const Workload& workload, Objective kind) {
  if (kind == Objective::tpot && workload.output_tokens == 0)
    throw DomainError("workload " + workload.id + " has no output tokens, so no tpot");
  if (kind == Objective::prefill && workload.input_tokens == 0)
    throw DomainError("workload " + workload.id + " has no input tokens, so no prefill");
  if (workload.input_tokens == 0 && workload.output_tokens == 0)
    throw DomainError("workload " + workload.id + " has no tokens, so no latency");
}

double Evaluation::latency(Objective kind) const {
  if (kind == Objective::total) return total_s;
  if (kind == Objective::prefill) {
    if (prefill.seconds > 0.0) return prefill.seconds;
    throw DomainError("the workload has no input tokens, so no prefill");
  }
  if (!std::isnan(tpot_s)) return tpot_s;
  throw DomainError("the workload has no output tokens, so no tpot");
}

Evaluation evaluate(const Law& law, const Architecture& a, const Scenario& s) {
  require_sound(a);
  const auto attention = attention_shape(a);
  const auto ffn = ffn_shape(a);
  Evaluation e;
  e.point = law_point(a);
  e.terms = loss_terms(law, e.point);
  e.loss = loss(law, e.terms, s.precision.loss_delta);
  e.perplexity = std::exp(e.loss);
  e.extrapolated = extrapolates(law.range, a);
  e.prefill = phase_result(a, s, Phase::prefill);
  e.decode = phase_result(a, s, Phase::decode);
  e.total_s = total_time(e.prefill.seconds, e.decode.seconds);
  e.tpot_s =
      s.workload.output_tokens > 0
          ? time_per_output_token(e.decode.seconds, static_cast<double>(s.workload.output_tokens))
          : std::numeric_limits<double>::quiet_NaN();
  e.memory = model_memory(
      static_cast<double>(a.layers), attention_weight_bytes(attention, s.precision),
      ffn_weight_bytes(ffn, s.precision), embedding_params(a) * s.precision.head_bytes,
      kv_cache_bytes(attention, s),
      workspace_bytes(attention.width, attention_activations(attention), ffn_activations(ffn), s));
  e.params_total = params_total(a);
  e.params_active = params_active(a);
  return e;
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
