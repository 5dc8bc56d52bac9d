#pragma once
// The best architecture near a start if sizes need not be whole: what a gap of a frontier could
// hold.
//
//   minimise  loss   over  layers, width, FFN ratio of an expert, KV heads, experts
//   under     latency <= a target, memory <= budget, the deployment's latency limits, KV heads <=
//   heads
//
// within the ends of the axes; kinds, MLA ranks, top_k and shared FFN stay those of the start. All
// in logarithms, by SLSQP of NLopt, values and gradients from the model's own templates
// (Eigen::AutoDiffScalar). Ends by number of evaluations or by a small step, never by time, so the
// answer is the same on every run. Units: seconds, bytes, nats.

#include <optional>

#include "rooflaw/search/question.hpp"
#include "rooflaw/theory/optimum.hpp"

namespace rooflaw::search {

/// The sizes that may lie between whole numbers.
struct RelaxedSizes {
  double layers = 0;
  double width = 0;
  double ffn_ratio = 0;  // of one expert
  double kv_heads = 0;   // not used with MLA
  double experts = 0;
};

/// A start: an architecture, whose kinds stay, and where to begin from it.
struct RelaxedStart {
  model::Architecture architecture;
  RelaxedSizes sizes;
};
RelaxedStart relaxed_start(const model::Architecture& a);

/// The closed-form optimum under a bound on the objective as a start; nullopt if the space has no
/// grouped-query attention, or nothing fits. Evaluates the xi model only.
std::optional<RelaxedStart> closed_form_start(const Question& question, const Target& target,
                                              double bound, const theory::ShapeBox& box);

/// How NLopt ended.
enum class RelaxedEnd {
  converged,
  out_of_evaluations,  // at `most`: the best point so far
  failed               // round-off, or SLSQP gave up: the last point
};

struct RelaxedSolution {
  RelaxedSizes sizes;
  double loss = 0;
  double value = 0;  // of the objective
  RelaxedEnd end{};
  bool feasible = false;
  int evaluations = 0;  // of the model, each with its gradient
};

/// Feasible: no limit is exceeded by more than a thousandth.
/// @param bound  what the target's objective must not exceed
/// @param most   evaluations that the solver may take; its answer is looked at once more
/// @throws Error if a limit or the model does
RelaxedSolution relax(const Question& question, const Target& target, double bound,
                      const RelaxedStart& start, int most);

}  // namespace rooflaw::search
