#pragma once
// Bytes a model occupies while it serves a workload: weights with all experts, KV cache and states,
// workspace.

#include <algorithm>

#include "rooflaw/model/passes.hpp"
#include "rooflaw/model/scenario.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

/// Weight bytes of the blocks of one layer; the router is kept in activation precision.
template <class T>
T attention_weight_bytes(const AttentionShape<T>& shape, const Precision& p) {
  return shape.weights() * p.attention_weight_bytes;
}
template <class T>
T ffn_weight_bytes(const FfnShape<T>& shape, const Precision& p) {
  return shape.weights() * p.ffn_weight_bytes + shape.router_weights() * p.activation_bytes;
}

/// A tied table is stored as the output projection reads it.
template <class T>
T table_bytes(const T& width, const Tables& t, const Precision& p) {
  const double per_row = p.head_bytes + (t.tied ? 0.0 : p.embedding_bytes);
  return (t.vocab * per_row + t.positions * p.embedding_bytes) * width;
}

/// Tokens of all sequences that a layer's cache holds at the end of the workload.
inline double cached_tokens(double window, const Scenario& s) {
  const auto all = static_cast<double>(s.workload.input_tokens + s.workload.output_tokens);
  const bool trims = window > 0.0 && !s.engine.full_window_cache;
  return static_cast<double>(s.workload.batch) * (trims ? std::min(all, window) : all);
}

/// Bytes that one layer keeps: its KV cache, or its state.
template <class T>
T kv_cache_bytes(const AttentionShape<T>& shape, const Scenario& s) {
  if (shape.kind == AttentionKind::recurrent)
    return 0.0 * shape.width + static_cast<double>(s.workload.batch) * shape.state_elements *
                                   s.precision.activation_bytes;
  const bool expanded = shape.kind == AttentionKind::mla && s.engine.mla_expanded;
  const T elements = expanded ? shape.expanded_elements() : shape.cache_elements();
  return cached_tokens(shape.window, s) * elements * s.precision.kv_bytes;
}

/// Widest activations of each block, in elements per token; the workspace holds the wider of them.
template <class T>
T attention_activations(const AttentionShape<T>& shape) {
  if (shape.kind == AttentionKind::recurrent) return 0.0 * shape.width + shape.mixer_width;
  return shape.q_dim() + shape.cache_elements();
}
template <class T>
T ffn_activations(const FfnShape<T>& shape) {
  return ffn_up_matrices(shape.kind) * shape.active_hidden();
}

/// New tokens of all sequences in the largest pass.
inline double largest_pass(const Scenario& s) {
  return static_cast<double>(s.workload.batch) * std::max(1.0, chunk_tokens(s.workload, s.engine));
}

/// What the engine's attention needs beside activations: scores, keys and values copied for each
/// query head, latents decompressed.
template <class T>
T attention_scratch_bytes(const AttentionShape<T>& shape, const Scenario& s) {
  const Precision& p = s.precision;
  const auto batch = static_cast<double>(s.workload.batch);
  const auto prompt = static_cast<double>(s.workload.input_tokens);
  const auto all = prompt + static_cast<double>(s.workload.output_tokens);
  T bytes = 0.0 * shape.width;
  const bool is_mla = shape.kind == AttentionKind::mla;
  if (shape.kind != AttentionKind::gqa && !is_mla) return bytes;
  if (!s.engine.flash)
    bytes =
        bytes + std::max(largest_pass(s) * prompt, batch * all) * shape.heads * p.activation_bytes;
  if (!is_mla && s.engine.query_heads)
    bytes =
        bytes + cached_tokens(shape.window, s) * (2.0 * shape.heads * shape.head_dim) * p.kv_bytes;
  if (is_mla && !s.engine.mla_expanded)
    bytes = bytes + batch * prompt * shape.expanded_elements() * p.activation_bytes;
  return bytes;
}

/// Logits or a layer, whichever is larger. `elements` and `scratch`: the largest of any layer.
inline double logit_bytes(double vocab, const Scenario& s) {
  if (!s.engine.lm_head) return 0.0;
  return static_cast<double>(s.workload.batch) * vocab * s.precision.activation_bytes;
}
template <class T>
T workspace_bytes(const T& width, const T& elements, const T& scratch, double logits,
                  double bytes_per_element) {
  const T layer = bytes_per_element * (width + elements) + scratch;
  return larger<T>(layer, constant<T>(logits));
}
/// Bytes that an activation of every token of the largest pass takes.
inline double activation_bytes(const Scenario& s) {
  return largest_pass(s) * s.precision.activation_bytes;
}

/// The three parts of a model; feasible if their sum does not exceed the budget.
template <class T>
struct Memory {
  T weights{};
  T kv{};
  T workspace{};
  T total() const { return (weights + kv) + workspace; }
};

}  // namespace rooflaw::model
