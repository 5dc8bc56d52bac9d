#include "rooflaw/theory/sensitivity.hpp"

#include <limits>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/model/memory.hpp"

namespace rooflaw::theory {

namespace {

using model::Phase;

// Derivatives of the loss are taken in five quantities, those of the latency of a layer in three.
using LossNumber = Eigen::AutoDiffScalar<Eigen::Matrix<double, 5, 1>>;
using LayerNumber = Eigen::AutoDiffScalar<Eigen::Vector3d>;
enum LayerDerivative : int { by_width, by_ffn_ratio, by_kv_dim };

/// The blocks of a layer as functions of width, FFN ratio and KV dimension.
model::AttentionShape<LayerNumber> differentiable(const model::AttentionShape<double>& shape) {
  const LayerNumber width(shape.width, 3, by_width);
  const LayerNumber kv_dim(shape.kv_dim(), 3, by_kv_dim);
  model::AttentionShape<LayerNumber> result{.kind = shape.kind,
                                            .width = width,
                                            .heads = width * (shape.heads / shape.width),
                                            .kv_heads = LayerNumber(shape.kv_heads),
                                            .kv_lora_rank = LayerNumber(shape.kv_lora_rank),
                                            .head_dim = shape.head_dim,
                                            .q_lora_rank = shape.q_lora_rank,
                                            .qk_nope_head_dim = shape.qk_nope_head_dim,
                                            .qk_rope_head_dim = shape.qk_rope_head_dim,
                                            .v_head_dim = shape.v_head_dim};
  if (shape.kind == model::AttentionKind::mla)
    result.kv_lora_rank = 2.0 * kv_dim - shape.qk_rope_head_dim;
  else
    result.kv_heads = kv_dim / shape.head_dim;
  return result;
}

model::FfnShape<LayerNumber> differentiable(const model::FfnShape<double>& shape) {
  const LayerNumber width(shape.width, 3, by_width);
  const LayerNumber ratio(shape.ffn_ratio(), 3, by_ffn_ratio);
  const double gated_equivalent = 3.0 / model::ffn_matrices(shape.kind);
  return {.kind = shape.kind,
          .width = width,
          .expert_ffn = (gated_equivalent * (ratio * width) - shape.shared_ffn) / shape.top_k,
          .experts = LayerNumber(shape.experts),
          .top_k = LayerNumber(shape.top_k),
          .shared_ffn = LayerNumber(shape.shared_ffn),
          .routed = LayerNumber(shape.routed),
          .has_shared = LayerNumber(shape.has_shared),
          .sparsity = shape.sparsity};
}

/// One layer and the head over one phase or both, whichever the target's latency counts.
struct Times {
  model::Duration<LayerNumber> layer{LayerNumber(0.0), LayerNumber(0.0)};
  model::Duration<LayerNumber> head{LayerNumber(0.0), LayerNumber(0.0)};
  double overhead_s = 0;  // per layer
};

void add_phase(Times& times, const ContinuousArchitecture& a, const model::Scenario& s,
               Phase phase) {
  const double tokens = model::first_pass(s, phase).tokens;
  const LayerNumber distinct(model::distinct_experts(a.ffn.experts, a.ffn.top_k, tokens));
  const double rows_read = model::down_rows_read(a.ffn.sparsity, tokens);
  const auto attention = differentiable(a.attention);
  times.layer += model::attention_time(attention, s, phase);
  times.layer += model::ffn_time(differentiable(a.ffn), distinct, rows_read, s, phase);
  times.head += model::head_time(attention.width, a.vocab, s, phase);
  times.overhead_s += model::layer_overhead(s, phase);
}

void set_loss_derivatives(Sensitivity& result, const model::Law& law,
                          const ContinuousArchitecture& a) {
  const model::LawPoint<LossNumber> point{
      .layers = LossNumber(a.layers, 5, 0),
      .width = LossNumber(a.attention.width, 5, 1),
      .ffn_ratio = LossNumber(a.ffn.ffn_ratio(), 5, 2),
      .activation_rate = LossNumber(a.ffn.activation_rate(), 5, 3),
      .kv_dim = LossNumber(a.attention.kv_dim(), 5, 4)};
  const auto gradient = model::loss(law, model::loss_terms(law, point), 0.0).derivatives();
  result.dloss_dlayers = gradient[0];
  result.dloss_dwidth = gradient[1];
  result.dloss_dffn_ratio = gradient[2];
  result.dloss_dactivation_rate = gradient[3];
  result.dloss_dkv_dim = gradient[4];
}

double exchange_rate(double dloss, double dlatency) {
  return dlatency != 0.0 ? -dloss / dlatency : std::numeric_limits<double>::quiet_NaN();
}

double weight_bytes_per_layer(const ContinuousArchitecture& a, const model::Scenario& s) {
  return (a.attention.weights() + a.ffn.weights()) * s.precision.weight_bytes;
}

}  // namespace

ContinuousArchitecture continuous(const model::Architecture& a) {
  return {.layers = static_cast<double>(a.layers),
          .attention = model::attention_shape(a),
          .ffn = model::ffn_shape(a),
          .vocab = static_cast<double>(a.vocab),
          .embedding_params = model::embedding_params(a)};
}

bool memory_binds(const ContinuousArchitecture& a, const model::Scenario& s, double memory_budget) {
  const auto needed = [&](double layers) {
    return model::model_memory(
               layers, model::attention_weight_bytes(a.attention, s.precision),
               model::ffn_weight_bytes(a.ffn, s.precision),
               a.embedding_params * s.precision.head_bytes, model::kv_cache_bytes(a.attention, s),
               model::workspace_bytes(a.attention.width, model::attention_activations(a.attention),
                                      model::ffn_activations(a.ffn), s))
        .total();
  };
  return needed(a.layers) <= memory_budget && needed(a.layers + 1.0) > memory_budget;
}

Sensitivity sensitivity(const model::Law& law, const ContinuousArchitecture& a,
                        const model::Scenario& s, model::Objective kind,
                        std::optional<double> memory_budget) {
  model::require_latency(s.workload, kind);
  Times times;
  if (kind != model::Objective::tpot) add_phase(times, a, s, Phase::prefill);
  if (kind != model::Objective::prefill) add_phase(times, a, s, Phase::decode);
  const double per_token =
      kind == model::Objective::tpot ? 1.0 / static_cast<double>(s.workload.output_tokens) : 1.0;

  const auto whole = [&](const LayerNumber& layer, const LayerNumber& head) -> LayerNumber {
    return per_token * (a.layers * layer + head);
  };
  const LayerNumber busy = whole(times.layer.seconds, times.head.seconds);
  const LayerNumber compute = whole(times.layer.compute_bound_s, times.head.compute_bound_s);
  const double overhead = per_token * a.layers * times.overhead_s;
  const double latency = busy.value() + overhead;

  Sensitivity result;
  set_loss_derivatives(result, law, a);
  result.dlatency_dlayers = per_token * (times.layer.seconds.value() + times.overhead_s);
  result.dlatency_dwidth = busy.derivatives()[by_width];
  result.dlatency_dffn_ratio = busy.derivatives()[by_ffn_ratio];
  result.dlatency_dkv_dim = busy.derivatives()[by_kv_dim];

  result.exchange_layers = exchange_rate(result.dloss_dlayers, result.dlatency_dlayers);
  result.exchange_width = exchange_rate(result.dloss_dwidth, result.dlatency_dwidth);
  result.exchange_ffn_ratio = exchange_rate(result.dloss_dffn_ratio, result.dlatency_dffn_ratio);
  result.exchange_kv_dim = exchange_rate(result.dloss_dkv_dim, result.dlatency_dkv_dim);

  if (latency > 0.0) {
    result.elasticity_compute = compute.value() / latency;
    result.elasticity_bandwidth = (busy.value() - compute.value()) / latency;
    result.elasticity_overhead = overhead / latency;
  }
  if (result.dlatency_dlayers > 0.0) {
    const double one_percent_of_time = 0.01 * result.exchange_layers * latency;
    result.worth_compute = one_percent_of_time * result.elasticity_compute;
    result.worth_bandwidth = one_percent_of_time * result.elasticity_bandwidth;
  }
  if (memory_budget && memory_binds(a, s, *memory_budget))
    result.worth_memory =
        0.01 * *memory_budget * -result.dloss_dlayers / weight_bytes_per_layer(a, s);
  return result;
}

Sensitivity sensitivity(const model::Law& law, const model::Architecture& a,
                        const model::Scenario& s, model::Objective kind,
                        std::optional<double> memory_budget) {
  model::require_sound(a);
  return sensitivity(law, continuous(a), s, kind, memory_budget);
}

}  // namespace rooflaw::theory
