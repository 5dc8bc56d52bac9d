#pragma once
// FLOP and bytes of every operator of one layer, and of the output projection.
//
// One forward pass has `tokens` new tokens; each attends `keys` keys, and `cached_tokens` keys and
// values are read from the cache. A column each: FLOP, bytes, KV bytes (apart, because engines
// reach another share of the bandwidth on them), and the unit that computes.
//
// Sources: [S] arXiv:2602.10377 sec. 3, [R] arXiv:2602.11506, [P] arXiv:2503.12167. Two departures:
// the experts' weights read in a pass are those of the expected number of *distinct* experts (the
// papers charge top_k or all of them), and the cost of quantising matmul inputs is an operator.

#include <string_view>

#include "rooflaw/core/fixed_vector.hpp"
#include "rooflaw/model/precision.hpp"
#include "rooflaw/model/shape.hpp"
#include "rooflaw/model/workload.hpp"

namespace rooflaw::model {

enum class OperatorKind {
  qkv_proj,
  q_proj,
  q_down,
  q_up,
  kv_down,
  kv_up,
  attention,
  scores,
  softmax,
  context,
  o_proj,
  router,
  ffn_up,
  ffn_down,
  quantize,
  lm_head
};
std::string_view to_string(OperatorKind kind);

/// Which peak bounds an operator: that of the matmul type or that of the attention type.
enum class ComputeUnit { matmul_type, attention_type };

template <class T>
struct Operator {
  OperatorKind kind{};
  ComputeUnit unit{};
  T flops{};
  T bytes{};
  T kv_bytes{};
};
template <class T>
using OperatorList = FixedVector<Operator<T>, 10>;

/// One forward pass.
struct Pass {
  double batch = 1;          // sequences
  double tokens = 0;         // new tokens of all sequences
  double keys = 0;           // keys a new token attends, on average
  double cached_tokens = 0;  // tokens whose keys and values are read
  bool decode = false;
};

Pass prefill_pass(const Workload& workload, const Engine& engine);

/// Decode step s = 1 .. output_tokens; its context is input_tokens + s, the new token included.
Pass decode_pass(const Workload& workload, double step);

/// Expected number of distinct experts that `tokens` tokens meet: E(1 - (1 - K/E)^tokens); 1 if
/// dense. One token meets exactly K, and of K = E all are met: there the logarithm has no
/// derivative. Scalar code only: search reads it from tables.
template <class T>
T distinct_experts(const T& experts, const T& top_k, double tokens) {
  if (experts <= 1.0) return T(1.0);
  if (tokens == 1.0) return top_k;
  if (top_k >= experts) return experts;
  return -experts * exponential_minus_one(T(tokens * log_one_plus(T(-top_k / experts))));
}

/// Share of the down projection's rows that `tokens` tokens read when a share `sparsity` of hidden
/// activations is zero: 1 - sparsity^tokens.
double down_rows_read(double sparsity, double tokens);

/// The attention block of one layer; `quantize` last, if inputs are quantised.
template <class T>
OperatorList<T> attention_operators(const AttentionShape<T>& shape, const Pass& pass,
                                    const Precision& precision, const Engine& engine) {
  using enum OperatorKind;
  using enum ComputeUnit;
  const double tokens = pass.tokens;
  const double b_w = precision.weight_bytes;
  const double b_a = precision.activation_bytes;
  const double b_x = precision.input_bytes;
  const double b_kv = precision.kv_bytes;
  const bool is_mla = shape.kind == AttentionKind::mla;
  const T d = shape.width;
  const T q_dim = shape.q_dim();
  const T o_dim = shape.o_dim();
  const T cache = shape.cache_elements();
  const T none = 0.0 * d;

  OperatorList<T> ops;
  const auto project = [&](OperatorKind kind, const T& in, const T& out, const T& written_bytes,
                           const T& kv_bytes) {
    const T weights = in * out;
    ops.push_back({kind, matmul_type, 2.0 * tokens * weights,
                   weights * b_w + tokens * in * b_x + written_bytes, kv_bytes});
  };

  if (!is_mla) {
    const T out = q_dim + cache;
    project(qkv_proj, d, out, tokens * q_dim * b_a, tokens * cache * b_kv);
  } else {
    if (shape.q_lora_rank > 0) {
      const T rank = none + shape.q_lora_rank;
      project(q_down, d, rank, tokens * rank * b_a, none);
      project(q_up, rank, q_dim, tokens * q_dim * b_a, none);
    } else {
      project(q_proj, d, q_dim, tokens * q_dim * b_a, none);
    }
    const T up = shape.heads * (shape.qk_nope_head_dim + shape.v_head_dim);
    project(kv_down, d, cache, none, tokens * cache * b_kv);
    project(kv_up, shape.kv_lora_rank, up, tokens * up * b_a, none);
  }

  // MLA decode in latent space scores against d_c + d_r and sums over d_c per head.
  const bool absorbed = is_mla && pass.decode && !engine.mla_expanded;
  T score_dim = q_dim;
  T context_dim = o_dim;
  if (absorbed) {
    score_dim = shape.heads * (shape.kv_lora_rank + shape.qk_rope_head_dim);
    context_dim = shape.heads * shape.kv_lora_rank;
  }
  T read_elements = cache;
  if (is_mla && engine.mla_expanded)
    read_elements =
        shape.heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim + shape.v_head_dim);
  if (!is_mla && engine.query_heads) read_elements = 2.0 * shape.heads * shape.head_dim;

  const double pairs = tokens * pass.keys;
  const T score_flops = 2.0 * pairs * score_dim;
  const T context_flops = 2.0 * pairs * context_dim;
  const T softmax_flops = 5.0 * pairs * shape.heads;
  const T query_bytes = tokens * q_dim * b_a;
  const T output_bytes = tokens * o_dim * b_a;
  const T kv_read = pass.cached_tokens * read_elements * b_kv;
  if (engine.flash) {
    const T flops = score_flops + context_flops + softmax_flops;
    ops.push_back({attention, attention_type, flops, query_bytes + output_bytes, kv_read});
  } else {
    const T scores_bytes = pairs * shape.heads * b_a;
    ops.push_back({scores, attention_type, score_flops, query_bytes + scores_bytes, 0.5 * kv_read});
    ops.push_back({softmax, attention_type, softmax_flops, 2.0 * scores_bytes, none});
    ops.push_back(
        {context, attention_type, context_flops, scores_bytes + output_bytes, 0.5 * kv_read});
  }

  project(o_proj, o_dim, d, tokens * d * b_a, none);
  if (precision.quantizes_inputs())
    ops.push_back({quantize, matmul_type, none, tokens * (d + o_dim) * (b_a + b_x), none});
  return ops;
}

/// The FFN block of one layer; `quantize` last, if inputs are quantised. `distinct` and `rows_read`
/// are distinct_experts and down_rows_read of the pass: powers, so they come from tables.
template <class T>
OperatorList<T> ffn_operators(const FfnShape<T>& shape, const Pass& pass,
                              const Precision& precision, const T& distinct, double rows_read) {
  using enum OperatorKind;
  using enum ComputeUnit;
  const double tokens = pass.tokens;
  const double b_w = precision.weight_bytes;
  const double b_a = precision.activation_bytes;
  const double b_x = precision.input_bytes;
  const T d = shape.width;
  const T active = shape.active_hidden();
  const T read = distinct * shape.expert_ffn + shape.shared_ffn;
  const T none = 0.0 * d;
  const double up = ffn_up_matrices(shape.kind);

  OperatorList<T> ops;
  const T router_elements = d * shape.experts + tokens * d + tokens * shape.experts;
  ops.push_back({router, attention_type, 2.0 * tokens * shape.router_weights(),
                 shape.routed * router_elements * b_a, none});
  const T inputs = shape.top_k + shape.has_shared;
  ops.push_back({ffn_up, matmul_type, 2.0 * tokens * up * (d * active),
                 read * d * (up * b_w) + tokens * d * b_x * inputs + tokens * active * b_a, none});
  ops.push_back({ffn_down, matmul_type, 2.0 * tokens * (active * d) * (1.0 - shape.sparsity),
                 read * d * (b_w * rows_read) + tokens * active * b_x + tokens * d * b_a, none});
  if (precision.quantizes_inputs())
    ops.push_back({quantize, matmul_type, none, tokens * (d + active) * (b_a + b_x), none});
  return ops;
}

/// The output projection, once per pass, on the last token of each sequence.
template <class T>
Operator<T> lm_head_operator(const T& width, double vocab, double batch,
                             const Precision& precision) {
  const T weights = width * vocab;
  return {OperatorKind::lm_head, ComputeUnit::matmul_type, 2.0 * batch * weights,
          weights * precision.head_bytes + batch * width * precision.activation_bytes +
              batch * vocab * precision.activation_bytes,
          0.0 * width};
}

}  // namespace rooflaw::model
