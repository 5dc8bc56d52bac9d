#pragma once
// FLOP and bytes of every operator of one layer in one forward pass, and of the output projection.
// A column each: FLOP, bytes, KV bytes (apart, because engines reach another share of the bandwidth
// on them), and what bounds the arithmetic.
//
// Sources: [S] arXiv:2602.10377 sec. 3, [R] arXiv:2602.11506, [P] arXiv:2503.12167. Departures: the
// experts' weights read in a pass are those of the expected number of *distinct* experts (the
// papers charge top_k or all of them); norms, activations and the quantisation of matmul inputs are
// operators; a prefill of MLA reads what it decompresses.

#include <string_view>

#include "rooflaw/core/fixed_vector.hpp"
#include "rooflaw/model/passes.hpp"
#include "rooflaw/model/precision.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

enum class OperatorKind {
  norm,
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
  mixer_proj,
  mixer_state,
  router,
  ffn_up,
  activation,
  ffn_down,
  quantize,
  lm_head
};
std::string_view to_string(OperatorKind kind);

/// Which peak bounds an operator: that of the matmul type, that of the attention type at the
/// efficiency of attention or of recurrent states, or that type at the efficiency of everything
/// else.
enum class ComputeUnit { matmul, attention, state, vector };

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

/// Residual addition and norm of one sublayer.
template <class T>
Operator<T> norm_operator(const T& width, double tokens, const Precision& p) {
  return {OperatorKind::norm, ComputeUnit::vector, 5.0 * tokens * width,
          tokens * width * (3.0 * p.activation_bytes + p.input_bytes), 0.0 * width};
}

/// Matmul inputs that no other kernel quantises on its way.
template <class T>
Operator<T> quantize_operator(const T& elements, double tokens, const Precision& p) {
  return {OperatorKind::quantize, ComputeUnit::matmul, 0.0 * elements,
          tokens * elements * (p.activation_bytes + p.input_bytes), 0.0 * elements};
}

/// What attention reads of the cache, in bytes per token: keys, values, and both together.
template <class T>
struct CacheTraffic {
  T keys{}, values{}, both{};
};

template <class T>
CacheTraffic<T> cache_traffic(const AttentionShape<T>& shape, bool absorbed, bool decode,
                              const Precision& p, const Engine& engine) {
  if (shape.kind == AttentionKind::gqa) {
    const T elements =
        engine.query_heads ? T(2.0 * shape.heads * shape.head_dim) : shape.cache_elements();
    const T both = elements * p.kv_bytes;
    return {0.5 * both, 0.5 * both, both};
  }
  if (absorbed && decode)  // Latents serve as keys and as values; fused attention reads them once.
    return {shape.cache_elements() * p.kv_bytes, shape.kv_lora_rank * p.kv_bytes,
            shape.cache_elements() * p.kv_bytes};
  // What kv_up wrote in this pass, or what the cache holds.
  const double bytes = absorbed ? p.activation_bytes : p.kv_bytes;
  return {shape.heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim) * bytes,
          shape.heads * shape.v_head_dim * bytes, shape.expanded_elements() * bytes};
}

/// What the operators of a mixer are made of.
template <class T>
struct MixerPass {
  const AttentionShape<T>& shape;
  const Pass& pass;
  const Precision& precision;
  const Engine& engine;
  double cached = tokens_read(pass, engine, shape.window);
  T none = 0.0 * shape.width;
  bool absorbed = shape.kind == AttentionKind::mla && !engine.mla_expanded;
  // Absorbed decode works in latent space: scores against d_c + d_r, sums over d_c per head.
  bool latent = absorbed && pass.decode;

  /// A product with in x out weights.
  Operator<T> project(OperatorKind kind, const T& in, const T& out, const T& written_bytes,
                      const T& kv_bytes) const {
    const T weights = in * out;
    return {kind, ComputeUnit::matmul, 2.0 * pass.tokens * weights,
            weights * precision.attention_weight_bytes + pass.tokens * in * precision.input_bytes +
                written_bytes,
            kv_bytes};
  }
};

/// The decompression of MLA: of the new tokens, of all that are cached, or not at all, where its
/// weights are applied to queries and to outputs instead.
template <class T>
Operator<T> kv_up_operator(const MixerPass<T>& m) {
  const auto& [shape, pass, p, engine, cached, none, absorbed, latent] = m;
  constexpr auto kind = OperatorKind::kv_up;
  constexpr auto unit = ComputeUnit::matmul;
  const double tokens = pass.tokens;
  const T rank = shape.kv_lora_rank;
  const T weights = rank * (shape.heads * (shape.qk_nope_head_dim + shape.v_head_dim));
  const T weight_bytes = weights * p.attention_weight_bytes;
  const T expanded = shape.expanded_elements();
  if (!absorbed)
    return {kind, unit, 2.0 * tokens * weights, weight_bytes + tokens * rank * p.input_bytes,
            tokens * expanded * p.kv_bytes};
  if (latent)
    return {kind, unit, 2.0 * tokens * weights,
            weight_bytes +
                tokens * (shape.heads * (shape.qk_nope_head_dim + rank)) * p.input_bytes +
                tokens * (shape.heads * (rank + shape.v_head_dim)) * p.activation_bytes,
            none};
  // Keys get their rotary part per head.
  return {kind, unit, 2.0 * cached * weights, weight_bytes + cached * expanded * p.activation_bytes,
          cached * shape.cache_elements() * p.kv_bytes};
}

/// Queries, keys and values.
template <class T>
void add_projections(const MixerPass<T>& m, OperatorList<T>& ops) {
  using enum OperatorKind;
  const auto& shape = m.shape;
  const double tokens = m.pass.tokens;
  const double b_a = m.precision.activation_bytes;
  const double b_kv = m.precision.kv_bytes;
  const T d = shape.width;
  const T q_dim = shape.q_dim();
  const T cache = shape.cache_elements();
  const T queries = tokens * q_dim * b_a;
  if (shape.kind == AttentionKind::gqa) {
    ops.push_back(m.project(qkv_proj, d, q_dim + cache, queries, tokens * cache * b_kv));
    return;
  }
  if (shape.q_lora_rank > 0) {
    const T rank = m.none + shape.q_lora_rank;
    ops.push_back(m.project(q_down, d, rank, tokens * rank * b_a, m.none));
    ops.push_back(m.project(q_up, rank, q_dim, queries, m.none));
  } else {
    ops.push_back(m.project(q_proj, d, q_dim, queries, m.none));
  }
  if (m.absorbed)
    ops.push_back(m.project(kv_down, d, cache, m.none, tokens * cache * b_kv));
  else
    ops.push_back(m.project(kv_down, d, cache, tokens * cache * b_a, m.none));
  ops.push_back(kv_up_operator(m));
}

/// Scores, softmax and weighted sum, as one kernel or as three.
template <class T>
void add_attention(const MixerPass<T>& m, OperatorList<T>& ops) {
  using enum OperatorKind;
  const auto& shape = m.shape;
  const double b_a = m.precision.activation_bytes;
  T score_dim = shape.q_dim();
  T context_dim = shape.o_dim();
  if (m.latent) {
    score_dim = shape.heads * (shape.kv_lora_rank + shape.qk_rope_head_dim);
    context_dim = shape.heads * shape.kv_lora_rank;
  }
  const double pairs = m.pass.tokens * keys_attended(m.pass, m.engine, shape.window);
  const T score_flops = 2.0 * pairs * score_dim;
  const T context_flops = 2.0 * pairs * context_dim;
  const T softmax_flops = 5.0 * pairs * shape.heads;
  const T query_bytes = m.pass.tokens * score_dim * b_a;
  const T output_bytes = m.pass.tokens * context_dim * b_a;
  const CacheTraffic<T> read =
      cache_traffic(shape, m.absorbed, m.pass.decode, m.precision, m.engine);
  constexpr auto unit = ComputeUnit::attention;
  if (m.engine.flash) {
    const T flops = score_flops + context_flops + softmax_flops;
    ops.push_back({attention, unit, flops, query_bytes + output_bytes, m.cached * read.both});
    return;
  }
  const T scores_bytes = pairs * shape.heads * b_a;
  ops.push_back({scores, unit, score_flops, query_bytes + scores_bytes, m.cached * read.keys});
  ops.push_back({softmax, unit, softmax_flops, 2.0 * scores_bytes, m.none});
  ops.push_back(
      {context, unit, context_flops, scores_bytes + output_bytes, m.cached * read.values});
}

/// The projections and the state of a recurrent mixer.
template <class T>
void add_recurrence(const MixerPass<T>& m, OperatorList<T>& ops) {
  const auto& shape = m.shape;
  const double tokens = m.pass.tokens;
  const double b_a = m.precision.activation_bytes;
  ops.push_back({OperatorKind::mixer_proj, ComputeUnit::matmul,
                 m.none + 2.0 * tokens * shape.mixer_weights,
                 shape.mixer_weights * m.precision.attention_weight_bytes +
                     tokens * (shape.width + shape.mixer_width) * (m.precision.input_bytes + b_a),
                 m.none});
  ops.push_back({OperatorKind::mixer_state, ComputeUnit::state, m.none + tokens * shape.state_flops,
                 m.none + 2.0 * tokens * shape.mixer_width * b_a,
                 m.none + 2.0 * m.pass.batch * shape.state_elements * b_a});
}

/// The mixer block of one layer; `quantize` last.
template <class T>
OperatorList<T> attention_operators(const AttentionShape<T>& shape, const Pass& pass,
                                    const Precision& precision, const Engine& engine) {
  OperatorList<T> ops;
  if (shape.kind == AttentionKind::none) return ops;
  const MixerPass<T> m{shape, pass, precision, engine};
  const double tokens = pass.tokens;
  const T d = shape.width;
  const bool kernels = engine.elementwise != Elementwise::ignored;
  if (kernels) ops.push_back(norm_operator(d, tokens, precision));
  T inner = m.none + shape.mixer_width;
  if (shape.kind == AttentionKind::recurrent) {
    add_recurrence(m, ops);
  } else {
    inner = shape.o_dim();
    add_projections(m, ops);
    add_attention(m, ops);
    ops.push_back(
        m.project(OperatorKind::o_proj, inner, d, tokens * d * precision.activation_bytes, m.none));
  }
  if (precision.quantizes_inputs())
    ops.push_back(quantize_operator<T>(kernels ? inner : T(inner + d), tokens, precision));
  return ops;
}

/// The FFN block of one layer; `quantize` last. `distinct` and `rows_read` are distinct_experts and
/// down_rows_read of the pass: powers, so they come from tables.
template <class T>
OperatorList<T> ffn_operators(const FfnShape<T>& shape, double tokens, const Precision& precision,
                              const Engine& engine, const T& distinct, double rows_read) {
  using enum OperatorKind;
  OperatorList<T> ops;
  if (shape.kind == FfnKind::none) return ops;
  const double b_wf = precision.ffn_weight_bytes;
  const double b_a = precision.activation_bytes;
  const double b_x = precision.input_bytes;
  const T d = shape.width;
  const T active = shape.active_hidden();
  const T read = distinct * shape.expert_ffn + shape.shared_ffn;
  const T none = 0.0 * d;
  const double up = ffn_up_matrices(shape.kind);
  const bool separate = engine.elementwise == Elementwise::separate;
  const bool ignored = engine.elementwise == Elementwise::ignored;

  if (!ignored) ops.push_back(norm_operator(d, tokens, precision));
  const T router_elements = d * shape.experts + tokens * d + tokens * shape.experts;
  ops.push_back({router, ComputeUnit::vector, 2.0 * tokens * shape.router_weights(),
                 shape.routed * router_elements * b_a, none});
  const T inputs = shape.top_k + shape.has_shared;
  const double written = separate ? up : 1.0;
  ops.push_back(
      {ffn_up, ComputeUnit::matmul, 2.0 * tokens * up * (d * active),
       read * d * (up * b_wf) + tokens * d * b_x * inputs + tokens * active * (written * b_a),
       none});
  if (separate)
    ops.push_back({activation, ComputeUnit::vector, 5.0 * tokens * active,
                   tokens * active * (up * b_a + b_x), none});
  ops.push_back({ffn_down, ComputeUnit::matmul,
                 2.0 * tokens * (active * d) * (1.0 - shape.sparsity),
                 read * d * (b_wf * rows_read) + tokens * active * b_x + tokens * d * b_a, none});
  if (precision.quantizes_inputs() && !separate)
    ops.push_back(quantize_operator<T>(ignored ? T(active + d) : active, tokens, precision));
  return ops;
}

/// The output projection, once per pass, on the last token of each sequence.
template <class T>
Operator<T> lm_head_operator(const T& width, double vocab, double batch,
                             const Precision& precision) {
  const T weights = width * vocab;
  return {OperatorKind::lm_head, ComputeUnit::matmul, 2.0 * batch * weights,
          weights * precision.head_bytes + batch * width * precision.activation_bytes +
              batch * vocab * precision.activation_bytes,
          0.0 * width};
}

}  // namespace rooflaw::model
