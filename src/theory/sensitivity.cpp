#include "rooflaw/theory/sensitivity.hpp"

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::theory {

namespace {

using model::ContinuousArchitecture;

// Derivatives of the loss are taken in the law's five variables, those of the latency in four
// sizes.
using LossNumber = Eigen::AutoDiffScalar<Eigen::Matrix<double, 5, 1>>;
using SizeNumber = Eigen::AutoDiffScalar<Eigen::Vector4d>;
enum SizeDerivative : int { by_layers, by_width, by_ffn_ratio, by_kv_dim };

double layers_of(const ContinuousArchitecture<double>& a) {
  return model::over_layers(a, [](const auto&) { return 1.0; });
}

/// The architecture as a function of layers, width, FFN ratio and KV dimension; groups keep their
/// shares of the layers, so that a layer more is one of the mean.
ContinuousArchitecture<SizeNumber> differentiable(const ContinuousArchitecture<double>& a) {
  const auto variable = [](double x, SizeDerivative i) { return SizeNumber(x, 4, i); };
  auto x = model::lift<SizeNumber>(a);
  const SizeNumber width = variable(a.width(), by_width);
  const double total = layers_of(a);
  const SizeNumber depth = variable(total, by_layers);
  for (std::size_t g = 0; g < a.groups.size(); ++g) {
    auto& [layers, attention, ffn] = x.groups[g];
    const auto& was = a.groups[g];
    layers = depth * (was.layers / total);
    attention.width = ffn.width = width;
    attention.heads = width * (was.attention.heads / a.width());
    const SizeNumber kv_dim = variable(was.attention.kv_dim(), by_kv_dim);
    if (attention.kind == model::AttentionKind::mla)
      attention.kv_lora_rank = 2.0 * kv_dim - attention.qk_rope_head_dim;
    else
      attention.kv_heads = kv_dim / attention.head_dim;
    const SizeNumber ratio = variable(was.ffn.ffn_ratio(), by_ffn_ratio);
    const double gated_equivalent = 3.0 / model::ffn_matrices(ffn.kind);
    ffn.expert_ffn = (gated_equivalent * (ratio * width) - was.ffn.shared_ffn) / was.ffn.top_k;
  }
  return x;
}

void set_loss_derivatives(Sensitivity& result, const model::Law& law,
                          const model::LawPoint<double>& x) {
  const model::LawPoint<LossNumber> point{.layers = LossNumber(x.layers, 5, 0),
                                          .width = LossNumber(x.width, 5, 1),
                                          .ffn_ratio = LossNumber(x.ffn_ratio, 5, 2),
                                          .activation_rate = LossNumber(x.activation_rate, 5, 3),
                                          .kv_dim = LossNumber(x.kv_dim, 5, 4)};
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

double weight_bytes_per_layer(const ContinuousArchitecture<double>& a, const model::Scenario& s) {
  const auto& group = a.groups.front();
  return (group.attention.weights() + group.ffn.weights()) * s.precision.ffn_weight_bytes;
}

}  // namespace

bool memory_binds(const ContinuousArchitecture<double>& a, const model::Scenario& s,
                  double memory_budget) {
  auto deeper = a;
  const double total = layers_of(a);
  for (auto& group : deeper.groups) group.layers *= (total + 1.0) / total;
  return model::memory(a, s).total() <= memory_budget &&
         model::memory(deeper, s).total() > memory_budget;
}

Sensitivity sensitivity(const model::Law& law, const ContinuousArchitecture<double>& a,
                        const model::Scenario& s, model::Objective objective,
                        double memory_budget) {
  model::require_applies(objective, s);
  if (!is_separable(law))
    throw DomainError(fmt::format("law {} {}", law.id, why_not_searched(law)));
  const auto x = differentiable(a);
  const auto prefill = model::time_of(x, s, model::Phase::prefill);
  const auto decode = model::time_of(x, s, model::Phase::decode);
  const model::Weights w = weights(objective, s);
  const SizeNumber time = model::weighted_time(w, prefill.seconds, decode.seconds);
  const double latency = time.value();

  Sensitivity result;
  set_loss_derivatives(result, law, model::law_point(a));
  result.dlatency_dlayers = time.derivatives()[by_layers];
  result.dlatency_dwidth = time.derivatives()[by_width];
  result.dlatency_dffn_ratio = time.derivatives()[by_ffn_ratio];
  result.dlatency_dkv_dim = time.derivatives()[by_kv_dim];

  result.exchange_layers = exchange_rate(result.dloss_dlayers, result.dlatency_dlayers);
  result.exchange_width = exchange_rate(result.dloss_dwidth, result.dlatency_dwidth);
  result.exchange_ffn_ratio = exchange_rate(result.dloss_dffn_ratio, result.dlatency_dffn_ratio);
  result.exchange_kv_dim = exchange_rate(result.dloss_dkv_dim, result.dlatency_dkv_dim);

  if (latency > 0.0) {
    const auto share = [&](const SizeNumber& of_prefill, const SizeNumber& of_decode) {
      return model::weighted_time(w, of_prefill.value(), of_decode.value()) / latency;
    };
    result.elasticity_compute = share(prefill.compute_bound_s, decode.compute_bound_s);
    result.elasticity_bandwidth = share(prefill.bandwidth_bound_s, decode.bandwidth_bound_s);
    result.elasticity_overhead = share(prefill.overhead_s, decode.overhead_s);
  }
  if (result.dlatency_dlayers > 0.0) {
    const double one_percent_of_time = 0.01 * result.exchange_layers * latency;
    result.worth_compute = one_percent_of_time * result.elasticity_compute;
    result.worth_bandwidth = one_percent_of_time * result.elasticity_bandwidth;
  }
  if (memory_binds(a, s, memory_budget))
    result.worth_memory =
        0.01 * memory_budget * -result.dloss_dlayers / weight_bytes_per_layer(a, s);
  return result;
}

Sensitivity sensitivity(const model::Law& law, const model::Architecture& a,
                        const model::Scenario& s, model::Objective objective,
                        double memory_budget) {
  model::require_sound(a);
  return sensitivity(law, model::lift(a), s, objective, memory_budget);
}

}  // namespace rooflaw::theory
