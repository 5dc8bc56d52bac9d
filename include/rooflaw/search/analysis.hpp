#pragma once
// What stands beside every frontier point: what a small change of it would do, and the closed-form
// optimum under the same latency and memory.

#include <span>
#include <string>
#include <vector>

#include "rooflaw/search/question.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "rooflaw/theory/sensitivity.hpp"

namespace rooflaw::search {

/// The best shape of the xi model within a point's latency and its target's memory budget, over the
/// box that the space spans. The xi model leaves out lm_head and activations, so it is as a rule
/// below the search; where the space is coarse the gap says how much a finer one could gain at
/// most.
struct TheoryRow {
  theory::Shape shape;  // NaN where no shape of the box fits
  double loss = 0;
  std::string binding;  // "decode", "decode+memory", ...; "box": no budget; "none-fits",
                        // "no-closed-form"
  double search_minus_theory_loss = 0;
};
template <class Archive>
void fields(Archive& a, TheoryRow& x) {
  a(x.shape, x.loss, x.binding, x.search_minus_theory_loss);
}

/// All that TheoryRow::binding can be.
std::vector<std::string> binding_words();

/// Smallest box of continuous shapes that holds every valid point of the space.
theory::ShapeBox bounding_box(const Space& space);

/// theory::sensitivity for a target. Cost: a microsecond.
theory::Sensitivity sensitivity_at(const Question& question, const Target& target,
                                   const model::Architecture& architecture);

/// One entry a point of the target's frontier. Cost: 40 microseconds a point.
std::vector<TheoryRow> theory_rows(const Question& question, const Target& target,
                                   std::span<const FrontierPoint> points);

}  // namespace rooflaw::search
