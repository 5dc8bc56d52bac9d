#pragma once
// From the optimum of the xi model to an architecture that can be built: whole heads, KV heads that
// divide them, whole experts, an FFN of whole units, whole layers; and within the budgets by the
// operator model, which counts what the xi model leaves out (lm_head, activations, quantisation).
//
// Starts at the optimum, rounded, and moves one size at a time while the loss falls, each candidate
// as deep as the operator model allows: where the xi model is far off (prefill of a short prompt),
// rounding alone would be too. Prefers what the law was fitted on: its numbers of experts and KV
// heads. Cost: some thousand evaluations of the operator model, a few milliseconds.

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/optimum.hpp"

namespace rooflaw::theory {

/// What a builder keeps to. Routing is top-1.
struct BuildRules {
  std::int64_t head_dim = 64;
  std::int64_t ffn_multiple_of = 64;
  std::int64_t vocab = 151936;
  bool tied = true;
};

/// All sizes stay in the box, to the nearest that can be built (KV heads must divide the heads).
/// @throws DomainError if no architecture of the box meets the budgets (says which budget the
/// smallest
///         one breaks most, and by how much), or no whole number of experts lies in the box
model::Architecture buildable(const model::Law& law, const model::Scenario& scenario,
                              const Shape& shape, const model::Limits& budgets, const ShapeBox& box,
                              const BuildRules& rules);

}  // namespace rooflaw::theory
