#pragma once
// The two blocks of a layer as continuous quantities: what the operators, the memory and the loss
// law are written in. An attention block and an FFN block share no axis but the width, which is why
// their costs can be tabulated apart and added.

#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/numeric.hpp"

namespace rooflaw::model {

/// Mixer block. T fields may vary (lanes, derivatives); the others are fixed sizes.
template <class T>
struct AttentionShape {
  AttentionKind kind = AttentionKind::gqa;
  T width{};
  T heads{};
  T kv_heads{};      // gqa
  T kv_lora_rank{};  // mla, d_c
  double head_dim = 0;
  double q_lora_rank = 0;
  double qk_nope_head_dim = 0;
  double qk_rope_head_dim = 0;
  double v_head_dim = 0;
  double window = 0;  // gqa; 0: none
  double mixer_weights = 0;
  double mixer_width = 0;
  double state_elements = 0;
  double state_flops = 0;

  T q_dim() const {
    if (kind == AttentionKind::mla) return heads * (qk_nope_head_dim + qk_rope_head_dim);
    return heads * head_dim;
  }
  T o_dim() const {
    if (kind == AttentionKind::mla) return heads * v_head_dim;
    return q_dim();
  }
  /// Cache elements per token and layer.
  T cache_elements() const {
    if (kind == AttentionKind::mla) return kv_lora_rank + qk_rope_head_dim;
    return 2.0 * kv_heads * head_dim;
  }
  /// Keys and values of MLA, decompressed.
  T expanded_elements() const { return heads * (qk_nope_head_dim + qk_rope_head_dim + v_head_dim); }
  /// KV dimension of the loss law. For MLA half the cache, our extension: equal cache, equal term.
  T kv_dim() const { return 0.5 * cache_elements(); }

  T weights() const {
    if (kind == AttentionKind::mla) {
      T query = width * q_dim();
      if (q_lora_rank > 0) query = width * q_lora_rank + q_lora_rank * q_dim();
      const T down = width * (kv_lora_rank + qk_rope_head_dim);
      const T up = kv_lora_rank * (heads * (qk_nope_head_dim + v_head_dim));
      return query + down + up + o_dim() * width;
    }
    if (kind == AttentionKind::recurrent) return 0.0 * width + mixer_weights;
    return width * (q_dim() + cache_elements()) + q_dim() * width;
  }
};

/// FFN block: `experts` experts of hidden size `expert_ffn`, of which a token takes `top_k`, and
/// shared experts of `shared_ffn` together.
template <class T>
struct FfnShape {
  FfnKind kind = FfnKind::gated;
  T width{};
  T expert_ffn{};
  T experts{};
  T top_k{};
  T shared_ffn{};
  T routed{};      // 1 if experts > 1, else 0: is there a router?
  T has_shared{};  // 1 if shared_ffn > 0, else 0
  double sparsity = 0;

  /// Hidden units a token activates, and those stored.
  T active_hidden() const { return top_k * expert_ffn + shared_ffn; }
  T stored_hidden() const { return experts * expert_ffn + shared_ffn; }

  /// Activated FFN ratio of the law. It was fitted on gated FFNs; a plain FFN counts by parameters.
  /// Of whole sizes it is rounded once, so that equal shapes have equal losses.
  T ffn_ratio() const { return (ffn_matrices(kind) * active_hidden()) / (3.0 * width); }
  T activation_rate() const { return active_hidden() / stored_hidden(); }

  T weights() const { return ffn_matrices(kind) * width * stored_hidden(); }
  T active_weights() const { return ffn_matrices(kind) * width * active_hidden(); }
  T router_weights() const { return routed * (width * experts); }
};

/// The tables beside the layers.
struct Tables {
  double vocab = 0;
  bool tied = true;
  double positions = 0;
};
Tables tables_of(const Architecture& a);

/// Vocabulary, once for the input, once more for the output if not tied; and learned positions.
template <class T>
T table_params(const T& width, const Tables& t) {
  return (t.vocab * (t.tied ? 1.0 : 2.0) + t.positions) * width;
}

/// The blocks of a group; and of one in another number type, which may then vary sizes.
AttentionShape<double> attention_shape(const Layers& group, std::int64_t width);
FfnShape<double> ffn_shape(const Layers& group, std::int64_t width);
inline FfnShape<double> ffn_shape(const Architecture& a) { return ffn_shape(a, a.width); }

template <class T>
AttentionShape<T> lift(const AttentionShape<double>& b) {
  return {.kind = b.kind,
          .width = T(b.width),
          .heads = T(b.heads),
          .kv_heads = T(b.kv_heads),
          .kv_lora_rank = T(b.kv_lora_rank),
          .head_dim = b.head_dim,
          .q_lora_rank = b.q_lora_rank,
          .qk_nope_head_dim = b.qk_nope_head_dim,
          .qk_rope_head_dim = b.qk_rope_head_dim,
          .v_head_dim = b.v_head_dim,
          .window = b.window,
          .mixer_weights = b.mixer_weights,
          .mixer_width = b.mixer_width,
          .state_elements = b.state_elements,
          .state_flops = b.state_flops};
}
template <class T>
FfnShape<T> lift(const FfnShape<double>& b) {
  return {.kind = b.kind,
          .width = T(b.width),
          .expert_ffn = T(b.expert_ffn),
          .experts = T(b.experts),
          .top_k = T(b.top_k),
          .shared_ffn = T(b.shared_ffn),
          .routed = T(b.routed),
          .has_shared = T(b.has_shared),
          .sparsity = b.sparsity};
}

}  // namespace rooflaw::model
