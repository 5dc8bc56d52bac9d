#include "config_json_bias.hpp"

namespace rooflaw::io {

using model::AttentionKind;
using model::FfnKind;

Uncounted read_uncounted(ConfigFields& fields, const Family& family) {
  Uncounted u = family.uncounted;
  const struct {
    std::string_view key;
    bool qkv, out, ffn;
  } keys[] = {{"attention_bias", true, true, false},
              {"qkv_bias", true, false, false},
              {"mlp_bias", false, false, true},
              {"enable_bias", true, true, true},
              {"bias", true, true, family.ffn == FfnKind::plain}};
  for (const auto& [key, qkv, out, ffn] : keys) {
    const auto given = fields.flag(key);
    if (!given) continue;
    if (qkv) u.qkv_bias = *given;
    if (out) u.out_bias = *given;
    if (ffn) u.ffn_bias = *given;
  }
  const bool newer = fields.flag("new_decoder_architecture").value_or(false);
  const auto norms = fields.whole("num_ln_in_parallel_attn", 1, 2).value_or(newer ? 2 : 1);
  if (fields.flag("parallel_attn").value_or(false)) u.norms = static_cast<int>(norms);
  u.head_bias = fields.flag("lm_head_bias").value_or(false);
  return u;
}

namespace {

double attention_vectors(const Uncounted& u, const model::Layers& g, double width) {
  if (g.attention == AttentionKind::mla)
    return static_cast<double>(g.mla.q_lora_rank + g.mla.kv_lora_rank);
  const auto head_dim = static_cast<double>(g.head_dim);
  const double queries = static_cast<double>(g.heads) * head_dim;
  const double keys = static_cast<double>(g.kv_heads) * head_dim;
  double sum = 0;
  if (u.qk_norm == QkNorm::head) sum += 2 * head_dim;
  if (u.qk_norm == QkNorm::whole) sum += queries + keys;
  if (u.qkv_bias) sum += queries + 2 * keys;
  if (u.out_bias) sum += width;
  if (u.sinks) sum += static_cast<double>(g.heads);
  return sum;
}

double ffn_vectors(const Uncounted& u, const model::Layers& g, double width) {
  const auto experts = static_cast<double>(g.experts);
  double sum = 0;
  if (u.ffn_bias)
    sum += experts * (model::ffn_up_matrices(g.ffn) * static_cast<double>(g.expert_ffn) + width);
  if (u.router_bias && g.experts > 1) sum += experts;
  if (u.shared_gate && g.shared_ffn > 0) sum += width;
  return sum;
}

}  // namespace

std::optional<double> uncounted_parameters(const Uncounted& u, const model::Architecture& a) {
  if (!u.known) return std::nullopt;
  const auto width = static_cast<double>(a.width);
  const double norm = u.layer_norm ? 2 * width : width;
  double sum = norm + (u.head_bias ? static_cast<double>(a.vocab) : 0.0);
  model::for_each_group(a, [&](const model::Layers& g) {
    const double layer = u.norms * norm + attention_vectors(u, g, width) + ffn_vectors(u, g, width);
    sum += static_cast<double>(g.layers) * layer;
  });
  return sum;
}

}  // namespace rooflaw::io
