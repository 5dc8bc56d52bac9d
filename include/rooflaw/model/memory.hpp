#pragma once
// Bytes a model occupies while it serves a workload: weights with all experts, KV cache, workspace.

#include "rooflaw/model/scenario.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

/// Weight bytes of the blocks of one layer; the router is kept in activation precision.
template <class T>
T attention_weight_bytes(const AttentionShape<T>& shape, const Precision& p) {
  return shape.weights() * p.weight_bytes;
}
template <class T>
T ffn_weight_bytes(const FfnShape<T>& shape, const Precision& p) {
  return shape.weights() * p.weight_bytes + shape.router_weights() * p.activation_bytes;
}

/// KV cache bytes of one layer at the end of the workload.
template <class T>
T kv_cache_bytes(const AttentionShape<T>& shape, const Scenario& s) {
  const double tokens = static_cast<double>(s.workload.batch) *
                        static_cast<double>(s.workload.input_tokens + s.workload.output_tokens);
  return tokens * shape.cache_elements() * s.precision.kv_bytes;
}

/// Widest activations of each block, in elements per token; the workspace holds the wider of them.
template <class T>
T attention_activations(const AttentionShape<T>& shape) {
  return shape.q_dim() + shape.cache_elements();
}
template <class T>
T ffn_activations(const FfnShape<T>& shape) {
  return ffn_up_matrices(shape.kind) * shape.active_hidden();
}
template <class T>
T workspace_bytes(const T& width, const T& attention_elements, const T& ffn_elements,
                  const Scenario& s) {
  const double bytes_per_element = static_cast<double>(s.workload.batch) *
                                   static_cast<double>(s.workload.input_tokens) *
                                   s.precision.activation_bytes;
  return bytes_per_element * (width + larger<T>(attention_elements, ffn_elements));
}

/// The three parts of a model; feasible if their sum does not exceed the budget.
template <class T>
struct Memory {
  T weights{};
  T kv{};
  T workspace{};
  T total() const { return (weights + kv) + workspace; }
};

template <class T, class Layers, class Embedding>
Memory<T> model_memory(const Layers& layers, const T& attention_bytes, const T& ffn_bytes,
                       const Embedding& embedding_bytes, const T& kv_bytes, const T& workspace) {
  return {layers * (attention_bytes + ffn_bytes) + embedding_bytes, layers * kv_bytes, workspace};
}

}  // namespace rooflaw::model
