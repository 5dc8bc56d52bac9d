#pragma once
// A decoder-only transformer of identical layers, as an engineer would write it down, and the
// quantities that the loss law and the roofline model take from it.
//
// Sources: [S] arXiv:2602.10377 sec. 3; MLA and plain (squared-ReLU) FFN as in [P]
// arXiv:2503.12167. Norms and biases are left out of every count.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rooflaw::model {

enum class AttentionKind { gqa, mla };  // gqa covers MHA (kv_heads = heads) and MQA (kv_heads = 1)
enum class FfnKind { gated, plain };    // gated: 3 matrices (SwiGLU); plain: 2 (squared ReLU)

std::string_view to_string(AttentionKind kind);
std::string_view to_string(FfnKind kind);
std::optional<AttentionKind> attention_kind_from(std::string_view name);
std::optional<FfnKind> ffn_kind_from(std::string_view name);

/// In lists of kv_heads: as many as there are query heads ("heads").
inline constexpr std::int64_t all_heads = 0;

/// Weight matrices of one FFN, and how many of them read the layer's input.
constexpr double ffn_matrices(FfnKind kind) { return kind == FfnKind::gated ? 3.0 : 2.0; }
constexpr double ffn_up_matrices(FfnKind kind) { return kind == FfnKind::gated ? 2.0 : 1.0; }

/// Sizes of multi-head latent attention; all zero for gqa.
struct MlaRanks {
  std::int64_t kv_lora_rank = 0;      // d_c, cached per token
  std::int64_t q_lora_rank = 0;       // d_q; 0 = queries are not compressed
  std::int64_t qk_nope_head_dim = 0;  // d_n
  std::int64_t qk_rope_head_dim = 0;  // d_r, cached per token
  std::int64_t v_head_dim = 0;        // d_v
  bool operator==(const MlaRanks&) const = default;
};

struct Architecture {
  std::int64_t layers = 0;
  std::int64_t width = 0;  // hidden size d
  std::int64_t heads = 0;  // query heads
  AttentionKind attention = AttentionKind::gqa;
  std::int64_t head_dim = 0;  // gqa only; heads * head_dim need not equal width
  std::int64_t kv_heads = 0;  // gqa only; divides heads
  MlaRanks mla{};             // mla only
  FfnKind ffn = FfnKind::gated;
  std::int64_t expert_ffn = 0;  // hidden size of one expert (dense: of the FFN)
  std::int64_t experts = 1;
  std::int64_t top_k = 1;       // experts per token
  std::int64_t shared_ffn = 0;  // hidden size of all shared experts together
  double ffn_sparsity = 0.0;    // share of zero hidden activations the engine skips, in [0, 1)
  std::int64_t vocab = 0;
  bool tied = true;  // one table for input and output embeddings

  bool operator==(const Architecture&) const = default;
};

/// The first rule that the architecture breaks, with the field it concerns; empty if it is sound.
/// Sound: all sizes >= 1 (expert_ffn may be 0 beside a shared FFN), kv_heads divides heads, top_k
/// <= experts, top_k = 1 if experts = 1, ffn_sparsity in [0, 1).
struct ArchitectureFault {
  std::string field;
  std::string rule;
};
std::optional<ArchitectureFault> find_fault(const Architecture& a);

/// @throws DomainError with the text of find_fault.
void require_sound(const Architecture& a);

}  // namespace rooflaw::model
