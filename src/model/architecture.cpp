#include "rooflaw/model/architecture.hpp"

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

std::string_view to_string(AttentionKind kind) {
  return kind == AttentionKind::gqa ? "gqa" : "mla";
}
std::string_view to_string(FfnKind kind) { return kind == FfnKind::gated ? "gated" : "plain"; }

std::optional<AttentionKind> attention_kind_from(std::string_view name) {
  if (name == "gqa") return AttentionKind::gqa;
  if (name == "mla") return AttentionKind::mla;
  return std::nullopt;
}
std::optional<FfnKind> ffn_kind_from(std::string_view name) {
  if (name == "gated") return FfnKind::gated;
  if (name == "plain") return FfnKind::plain;
  return std::nullopt;
}

std::optional<ArchitectureFault> find_fault(const Architecture& a) {
  using Fault = ArchitectureFault;
  const struct {
    std::string_view field;
    std::int64_t size;
    bool applies;
  } sizes[] = {
      {"layers", a.layers, true},
      {"width", a.width, true},
      {"heads", a.heads, true},
      {"head_dim", a.head_dim, a.attention == AttentionKind::gqa},
      {"kv_heads", a.kv_heads, a.attention == AttentionKind::gqa},
      {"kv_lora_rank", a.mla.kv_lora_rank, a.attention == AttentionKind::mla},
      {"qk_nope_head_dim", a.mla.qk_nope_head_dim, a.attention == AttentionKind::mla},
      {"v_head_dim", a.mla.v_head_dim, a.attention == AttentionKind::mla},
      {"experts", a.experts, true},
      {"top_k", a.top_k, true},
      {"vocab", a.vocab, true},
  };
  for (const auto& [field, size, applies] : sizes)
    if (applies && size < 1) return Fault{std::string(field), "must be at least 1"};
  if (a.mla.q_lora_rank < 0) return Fault{"q_lora_rank", "must not be negative"};
  if (a.mla.qk_rope_head_dim < 0) return Fault{"qk_rope_head_dim", "must not be negative"};
  if (a.shared_ffn < 0) return Fault{"shared_ffn", "must not be negative"};
  if (a.expert_ffn < 0) return Fault{"expert_ffn", "must not be negative"};
  if (a.expert_ffn == 0 && a.shared_ffn == 0)
    return Fault{"expert_ffn", "must be at least 1 where there is no shared FFN"};
  if (a.attention == AttentionKind::gqa && a.heads % a.kv_heads != 0)
    return Fault{"kv_heads", fmt::format("must divide the {} query heads", a.heads)};
  if (a.experts == 1 && a.top_k > 1)
    return Fault{"top_k", "must be 1 in a dense model (experts = 1)"};
  if (a.top_k > a.experts)
    return Fault{"top_k", fmt::format("must not exceed the {} experts", a.experts)};
  if (!(a.ffn_sparsity >= 0.0 && a.ffn_sparsity < 1.0))
    return Fault{"ffn_sparsity", "must lie in [0, 1)"};
  return std::nullopt;
}

void require_sound(const Architecture& a) {
  if (const auto fault = find_fault(a))
    throw DomainError("architecture." + fault->field + ": " + fault->rule);
}

AttentionShape<double> attention_shape(const Architecture& a) {
  return {.kind = a.attention,
          .width = static_cast<double>(a.width),
          .heads = static_cast<double>(a.heads),
          .kv_heads = static_cast<double>(a.kv_heads),
          .kv_lora_rank = static_cast<double>(a.mla.kv_lora_rank),
          .head_dim = static_cast<double>(a.head_dim),
          .q_lora_rank = static_cast<double>(a.mla.q_lora_rank),
          .qk_nope_head_dim = static_cast<double>(a.mla.qk_nope_head_dim),
          .qk_rope_head_dim = static_cast<double>(a.mla.qk_rope_head_dim),
          .v_head_dim = static_cast<double>(a.mla.v_head_dim)};
}

FfnShape<double> ffn_shape(const Architecture& a) {
  return {.kind = a.ffn,
          .width = static_cast<double>(a.width),
          .expert_ffn = static_cast<double>(a.expert_ffn),
          .experts = static_cast<double>(a.experts),
          .top_k = static_cast<double>(a.top_k),
          .shared_ffn = static_cast<double>(a.shared_ffn),
          .routed = a.experts > 1 ? 1.0 : 0.0,
          .has_shared = a.shared_ffn > 0 ? 1.0 : 0.0,
          .sparsity = a.ffn_sparsity};
}

}  // namespace rooflaw::model
