#include "rooflaw/model/architecture.hpp"

#include <array>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

namespace {

constexpr std::array attention_names = {
    std::pair{AttentionKind::gqa, "gqa"}, std::pair{AttentionKind::mla, "mla"},
    std::pair{AttentionKind::recurrent, "recurrent"}, std::pair{AttentionKind::none, "none"}};
constexpr std::array ffn_names = {std::pair{FfnKind::gated, "gated"},
                                  std::pair{FfnKind::plain, "plain"},
                                  std::pair{FfnKind::none, "none"}};

template <class Names, class Kind>
std::string_view name_in(const Names& names, Kind kind) {
  for (const auto& [each, name] : names)
    if (each == kind) return name;
  return "";
}
template <class Kind, class Names>
std::optional<Kind> kind_in(const Names& names, std::string_view name) {
  for (const auto& [kind, each] : names)
    if (each == name) return kind;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(AttentionKind kind) { return name_in(attention_names, kind); }
std::string_view to_string(FfnKind kind) { return name_in(ffn_names, kind); }

std::optional<AttentionKind> attention_kind_from(std::string_view name) {
  return kind_in<AttentionKind>(attention_names, name);
}
std::optional<FfnKind> ffn_kind_from(std::string_view name) {
  return kind_in<FfnKind>(ffn_names, name);
}

std::int64_t depth(const Architecture& a) {
  std::int64_t layers = 0;
  for_each_group(a, [&](const Layers& group) { layers += group.layers; });
  return layers;
}

namespace {

using Fault = ArchitectureFault;

std::optional<Fault> find_size_fault(const Layers& g) {
  const bool gqa = g.attention == AttentionKind::gqa;
  const bool mla = g.attention == AttentionKind::mla;
  const bool recurrent = g.attention == AttentionKind::recurrent;
  const struct {
    std::string_view field;
    std::int64_t size;
    std::int64_t least;
    bool applies;
  } sizes[] = {
      {"layers", g.layers, 1, true},
      {"heads", g.heads, 1, gqa || mla},
      {"head_dim", g.head_dim, 1, gqa},
      {"kv_heads", g.kv_heads, 1, gqa},
      {"window", g.window, 0, true},
      {"kv_lora_rank", g.mla.kv_lora_rank, 1, mla},
      {"q_lora_rank", g.mla.q_lora_rank, 0, mla},
      {"qk_nope_head_dim", g.mla.qk_nope_head_dim, 1, mla},
      {"qk_rope_head_dim", g.mla.qk_rope_head_dim, 1, mla},
      {"v_head_dim", g.mla.v_head_dim, 1, mla},
      {"mixer_weights", g.recurrent.mixer_weights, 1, recurrent},
      {"mixer_width", g.recurrent.mixer_width, 1, recurrent},
      {"state_elements", g.recurrent.state_elements, 1, recurrent},
      {"experts", g.experts, 1, true},
      {"top_k", g.top_k, 1, true},
      {"shared_ffn", g.shared_ffn, 0, true},
      {"expert_ffn", g.expert_ffn, 0, true},
  };
  for (const auto& [field, size, least, applies] : sizes)
    if (applies && size < least)
      return Fault{std::string(field), least == 0 ? "must not be negative" : "must be at least 1"};
  return std::nullopt;
}

std::optional<Fault> find_fault_of_group(const Layers& g) {
  if (const auto fault = find_size_fault(g)) return fault;
  const bool has_ffn = g.ffn != FfnKind::none;
  if (g.attention == AttentionKind::none && !has_ffn)
    return Fault{"ffn", "must not be \"none\" where attention is \"none\", too"};
  if (g.attention == AttentionKind::recurrent && !(g.recurrent.state_flops >= 1.0))
    return Fault{"state_flops", "must be at least 1"};
  if (g.window > 0 && g.attention != AttentionKind::gqa)
    return Fault{"window", "goes with attention = \"gqa\""};
  if (has_ffn && g.expert_ffn == 0 && g.shared_ffn == 0)
    return Fault{"expert_ffn", "must be at least 1 where there is no shared FFN"};
  if (!has_ffn && (g.expert_ffn > 0 || g.shared_ffn > 0 || g.experts > 1))
    return Fault{"ffn", "must not be \"none\" where there are sizes of an FFN"};
  if (g.attention == AttentionKind::gqa && g.heads % g.kv_heads != 0)
    return Fault{"kv_heads", fmt::format("must divide the {} query heads", g.heads)};
  if (g.experts == 1 && g.top_k > 1)
    return Fault{"top_k", "must be 1 in a dense model (experts = 1)"};
  if (g.top_k > g.experts)
    return Fault{"top_k", fmt::format("must not exceed the {} experts", g.experts)};
  if (!(g.ffn_sparsity >= 0.0 && g.ffn_sparsity < 1.0))
    return Fault{"ffn_sparsity", "must lie in [0, 1)"};
  return std::nullopt;
}

}  // namespace

std::optional<ArchitectureFault> find_fault(const Architecture& a) {
  if (a.width < 1) return Fault{"width", "must be at least 1"};
  if (a.vocab < 1) return Fault{"vocab", "must be at least 1"};
  if (a.positions < 0) return Fault{"positions", "must not be negative"};
  std::optional<Fault> found;
  std::size_t number = 0;
  for_each_group(a, [&](const Layers& group) {
    if (!found && (found = find_fault_of_group(group))) found->group = number;
    ++number;
  });
  return found;
}

void require_sound(const Architecture& a) {
  if (const auto fault = find_fault(a))
    throw DomainError("architecture." + fault->field + ": " + fault->rule);
}

bool law_has_opinion(const Architecture& a) {
  bool all = true;
  for_each_group(a, [&](const Layers& group) {
    const bool attends =
        group.attention == AttentionKind::gqa || group.attention == AttentionKind::mla;
    all = all && attends && group.ffn != FfnKind::none;
  });
  return all;
}

Tables tables_of(const Architecture& a) {
  return {.vocab = static_cast<double>(a.vocab),
          .tied = a.tied,
          .positions = static_cast<double>(a.positions)};
}

AttentionShape<double> attention_shape(const Layers& g, std::int64_t width) {
  // Fields of another kind of mixer mean nothing.
  if (g.attention == AttentionKind::none)
    return {.kind = g.attention, .width = static_cast<double>(width)};
  if (g.attention == AttentionKind::recurrent)
    return {.kind = g.attention,
            .width = static_cast<double>(width),
            .mixer_weights = static_cast<double>(g.recurrent.mixer_weights),
            .mixer_width = static_cast<double>(g.recurrent.mixer_width),
            .state_elements = static_cast<double>(g.recurrent.state_elements),
            .state_flops = g.recurrent.state_flops};
  return {.kind = g.attention,
          .width = static_cast<double>(width),
          .heads = static_cast<double>(g.heads),
          .kv_heads = static_cast<double>(g.kv_heads),
          .kv_lora_rank = static_cast<double>(g.mla.kv_lora_rank),
          .head_dim = static_cast<double>(g.head_dim),
          .q_lora_rank = static_cast<double>(g.mla.q_lora_rank),
          .qk_nope_head_dim = static_cast<double>(g.mla.qk_nope_head_dim),
          .qk_rope_head_dim = static_cast<double>(g.mla.qk_rope_head_dim),
          .v_head_dim = static_cast<double>(g.mla.v_head_dim),
          .window = static_cast<double>(g.window)};
}

FfnShape<double> ffn_shape(const Layers& g, std::int64_t width) {
  return {.kind = g.ffn,
          .width = static_cast<double>(width),
          .expert_ffn = static_cast<double>(g.expert_ffn),
          .experts = static_cast<double>(g.experts),
          .top_k = static_cast<double>(g.top_k),
          .shared_ffn = static_cast<double>(g.shared_ffn),
          .routed = g.experts > 1 ? 1.0 : 0.0,
          .has_shared = g.shared_ffn > 0 ? 1.0 : 0.0,
          .sparsity = g.ffn_sparsity};
}

}  // namespace rooflaw::model
