#pragma once
// A decoder as an engineer would write it down: a stack of groups of identical layers, each a mixer
// and an FFN. Most models are one group.
//
// Sources: [S] arXiv:2602.10377 sec. 3; MLA and plain (squared-ReLU) FFN as in [P]
// arXiv:2503.12167. Norms and biases are left out of every count.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rooflaw::model {

/// The mixer of a layer. gqa covers MHA (kv_heads = heads) and MQA (kv_heads = 1); recurrent: state
/// space, linear attention, short convolution.
enum class AttentionKind { gqa, mla, recurrent, none };
/// gated: 3 matrices (SwiGLU); plain: 2 (squared ReLU).
enum class FfnKind { gated, plain, none };

std::string_view to_string(AttentionKind kind);
std::string_view to_string(FfnKind kind);
std::optional<AttentionKind> attention_kind_from(std::string_view name);
std::optional<FfnKind> ffn_kind_from(std::string_view name);

/// In lists of kv_heads: as many as there are query heads ("heads").
inline constexpr std::int64_t all_heads = 0;

/// Weight matrices of one FFN, and how many of them read the layer's input.
constexpr double ffn_matrices(FfnKind kind) {
  return kind == FfnKind::gated ? 3.0 : kind == FfnKind::plain ? 2.0 : 0.0;
}
constexpr double ffn_up_matrices(FfnKind kind) {
  return kind == FfnKind::gated ? 2.0 : kind == FfnKind::plain ? 1.0 : 0.0;
}

/// Sizes of multi-head latent attention; all zero for other mixers.
struct MlaRanks {
  std::int64_t kv_lora_rank = 0;      // d_c, cached per token
  std::int64_t q_lora_rank = 0;       // d_q; 0 = queries are not compressed
  std::int64_t qk_nope_head_dim = 0;  // d_n
  std::int64_t qk_rope_head_dim = 0;  // d_r, cached per token
  std::int64_t v_head_dim = 0;        // d_v
  bool operator==(const MlaRanks&) const = default;
};

/// Sizes of a recurrent mixer; all zero for others.
struct RecurrentSizes {
  std::int64_t mixer_weights = 0;   // of its projections
  std::int64_t mixer_width = 0;     // inner width m
  std::int64_t state_elements = 0;  // per sequence
  double state_flops = 0;           // FLOP per token beside the projections
  bool operator==(const RecurrentSizes&) const = default;
};

/// A group of identical layers.
struct Layers {
  std::int64_t layers = 0;
  AttentionKind attention = AttentionKind::gqa;
  std::int64_t heads = 0;     // query heads; gqa, mla
  std::int64_t head_dim = 0;  // gqa only; heads * head_dim need not equal width
  std::int64_t kv_heads = 0;  // gqa only; divides heads
  std::int64_t window = 0;    // gqa only: tokens that a token attends, itself included; 0 = all
  MlaRanks mla{};
  RecurrentSizes recurrent{};
  FfnKind ffn = FfnKind::gated;
  std::int64_t expert_ffn = 0;  // hidden size of one expert (dense: of the FFN)
  std::int64_t experts = 1;
  std::int64_t top_k = 1;       // experts per token
  std::int64_t shared_ffn = 0;  // hidden size of all shared experts together
  double ffn_sparsity = 0.0;    // share of zero hidden activations the engine skips, in [0, 1)

  bool operator==(const Layers&) const = default;
};

/// The first group, which most models are whole, what is common to all, and the further groups.
struct Architecture : Layers {
  std::int64_t width = 0;  // hidden size d
  std::int64_t vocab = 0;
  bool tied = true;            // one table for input and output embeddings
  std::int64_t positions = 0;  // rows of a learned position table
  std::vector<Layers> further;

  bool operator==(const Architecture&) const = default;
};

/// Calls visit(group) for each, the first first.
template <class Visit>
void for_each_group(const Architecture& a, Visit visit) {
  visit(static_cast<const Layers&>(a));
  for (const Layers& group : a.further) visit(group);
}

/// Layers of all groups.
std::int64_t depth(const Architecture& a);

/// The first rule that the architecture breaks, with the field it concerns; empty if it is sound.
/// Sound: a mixer or an FFN in each group; sizes and counts that its kinds have >= 1 (expert_ffn
/// may be 0 beside a shared FFN), kv_heads divides heads, a window on gqa only, top_k <= experts,
/// top_k = 1 if experts = 1, ffn_sparsity in [0, 1).
struct ArchitectureFault {
  std::string field;
  std::string rule;
  std::size_t group = 0;
};
std::optional<ArchitectureFault> find_fault(const Architecture& a);

/// @throws DomainError with the text of find_fault.
void require_sound(const Architecture& a);

/// Does the law speak of it? Not of recurrent mixers, nor of layers without attention or FFN.
bool law_has_opinion(const Architecture& a);

}  // namespace rooflaw::model
