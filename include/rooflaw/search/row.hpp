#pragma once
// A point of a frontier as the model says it is: each column of /frontiers (results/README.md) is a
// field of Row and an entry below, which says its name, its unit and what it is made from. To add
// a column is to add these two.

#include <limits>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/search/space/space.hpp"

namespace rooflaw::search {

/// In the units of the columns; what does not apply to an architecture is 0.
struct Row {
  double objective = 0;  // the target's, in its unit
  double latency_s = 0;  // the same; of a target for energy, total
  double loss = 0, perplexity = 0;
  double prefill_s = 0, decode_s = 0, tpot_s = 0;
  double memory_bytes = 0, params_total = 0, params_active = 0;
  std::int64_t layers = 0, width = 0, heads = 0, head_dim = 0;
  model::AttentionKind attention{};
  std::int64_t kv_heads = 0;
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  model::FfnKind ffn{};
  std::int64_t expert_ffn = 0, experts = 0, top_k = 0, shared_ffn = 0;
  double ffn_sparsity = 0, ffn_ratio = 0, activation_rate = 0;
  Index index = -1;  // -1: not a point of the lattice
  bool extrapolated = false;
  double prefill_compute_share = 0, prefill_bandwidth_share = 0;
  double decode_compute_share = 0, decode_bandwidth_share = 0;
  double energy_j = 0;                           // NaN unless the device states both powers
  double latency_low_s = 0, latency_high_s = 0;  // NaN where the error is not known
  double loss_low = 0, loss_high = 0;            // the same, of this architecture's loss
  // Penalties that know the model; NaN where they do not apply, ends also where none is published.
  double loss_delta_ptq = 0, loss_delta_ptq_low = 0, loss_delta_ptq_high = 0;
  double loss_delta_qat = 0, loss_delta_qat_low = 0, loss_delta_qat_high = 0;
  bool operator==(const Row&) const = default;
};

/// What a row is made from.
struct Evaluated {
  const model::Architecture& a;
  const model::Evaluation& e;
  double objective = 0;
  double latency_s = 0;
  model::Band latency_band_s{};
  model::Band loss_band{};
  Index index = -1;
};

/// A number of a penalty.
inline double of_penalty(const std::optional<model::Penalty>& penalty,
                         double model::Penalty::*number) {
  return penalty ? *penalty.*number : std::numeric_limits<double>::quiet_NaN();
}

/// Calls take(name, unit, field, value of an Evaluated) for each column, in their order.
template <class Take>
void for_each_column(Take take) {
  using R = Row;
  using P = const Evaluated&;
  take("objective", "", &R::objective, [](P p) { return p.objective; });
  take("latency_s", "s", &R::latency_s, [](P p) { return p.latency_s; });
  take("loss", "nat/token", &R::loss, [](P p) { return p.e.loss; });
  take("perplexity", "1", &R::perplexity, [](P p) { return p.e.perplexity; });
  take("prefill_s", "s", &R::prefill_s, [](P p) { return p.e.prefill.seconds; });
  take("decode_s", "s", &R::decode_s, [](P p) { return p.e.decode.seconds; });
  take("tpot_s", "s/token", &R::tpot_s, [](P p) { return p.e.tpot_s; });
  take("memory_bytes", "B", &R::memory_bytes, [](P p) { return p.e.memory.total(); });
  take("params_total", "1", &R::params_total, [](P p) { return p.e.params_total; });
  take("params_active", "1", &R::params_active, [](P p) { return p.e.params_active; });
  take("layers", "1", &R::layers, [](P p) { return model::depth(p.a); });
  take("width", "1", &R::width, [](P p) { return p.a.width; });
  take("heads", "1", &R::heads, [](P p) { return p.a.heads; });
  take("head_dim", "1", &R::head_dim, [](P p) { return p.a.head_dim; });
  take("attention", "", &R::attention, [](P p) { return p.a.attention; });
  take("kv_heads", "1", &R::kv_heads, [](P p) { return p.a.kv_heads; });
  take("q_lora_rank", "1", &R::q_lora_rank, [](P p) { return p.a.mla.q_lora_rank; });
  take("kv_lora_rank", "1", &R::kv_lora_rank, [](P p) { return p.a.mla.kv_lora_rank; });
  take("qk_nope_head_dim", "1", &R::qk_nope_head_dim, [](P p) { return p.a.mla.qk_nope_head_dim; });
  take("qk_rope_head_dim", "1", &R::qk_rope_head_dim, [](P p) { return p.a.mla.qk_rope_head_dim; });
  take("v_head_dim", "1", &R::v_head_dim, [](P p) { return p.a.mla.v_head_dim; });
  take("ffn", "", &R::ffn, [](P p) { return p.a.ffn; });
  take("expert_ffn", "1", &R::expert_ffn, [](P p) { return p.a.expert_ffn; });
  take("experts", "1", &R::experts, [](P p) { return p.a.experts; });
  take("top_k", "1", &R::top_k, [](P p) { return p.a.top_k; });
  take("shared_ffn", "1", &R::shared_ffn, [](P p) { return p.a.shared_ffn; });
  take("ffn_sparsity", "1", &R::ffn_sparsity, [](P p) { return p.a.ffn_sparsity; });
  take("ffn_ratio", "1", &R::ffn_ratio, [](P p) { return p.e.point.ffn_ratio; });
  take("activation_rate", "1", &R::activation_rate, [](P p) { return p.e.point.activation_rate; });
  take("index", "1", &R::index, [](P p) { return p.index; });
  take("extrapolated", "1", &R::extrapolated, [](P p) { return p.e.extrapolated; });
  take("prefill_compute_share", "1", &R::prefill_compute_share,
       [](P p) { return p.e.prefill.compute_share; });
  take("prefill_bandwidth_share", "1", &R::prefill_bandwidth_share,
       [](P p) { return p.e.prefill.bandwidth_share; });
  take("decode_compute_share", "1", &R::decode_compute_share,
       [](P p) { return p.e.decode.compute_share; });
  take("decode_bandwidth_share", "1", &R::decode_bandwidth_share,
       [](P p) { return p.e.decode.bandwidth_share; });
  take("energy_j", "J", &R::energy_j, [](P p) { return p.e.energy_j; });
  take("latency_low_s", "s", &R::latency_low_s, [](P p) { return p.latency_band_s.low; });
  take("latency_high_s", "s", &R::latency_high_s, [](P p) { return p.latency_band_s.high; });
  take("loss_low", "nat/token", &R::loss_low, [](P p) { return p.loss_band.low; });
  take("loss_high", "nat/token", &R::loss_high, [](P p) { return p.loss_band.high; });
  using N = model::Penalty;
  take("loss_delta_ptq", "nat/token", &R::loss_delta_ptq,
       [](P p) { return of_penalty(p.e.ptq, &N::value); });
  take("loss_delta_ptq_low", "nat/token", &R::loss_delta_ptq_low,
       [](P p) { return of_penalty(p.e.ptq, &N::low); });
  take("loss_delta_ptq_high", "nat/token", &R::loss_delta_ptq_high,
       [](P p) { return of_penalty(p.e.ptq, &N::high); });
  take("loss_delta_qat", "nat/token", &R::loss_delta_qat,
       [](P p) { return of_penalty(p.e.qat, &N::value); });
  take("loss_delta_qat_low", "nat/token", &R::loss_delta_qat_low,
       [](P p) { return of_penalty(p.e.qat, &N::low); });
  take("loss_delta_qat_high", "nat/token", &R::loss_delta_qat_high,
       [](P p) { return of_penalty(p.e.qat, &N::high); });
}

inline Row row_of(const Evaluated& evaluated) {
  Row row;
  for_each_column(
      [&](const char*, const char*, auto field, auto value) { row.*field = value(evaluated); });
  return row;
}

}  // namespace rooflaw::search
