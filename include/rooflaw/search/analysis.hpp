#pragma once
// What stands beside every frontier point: what a small change of it would do, and the closed-form
// optimum under the same latency and memory.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/search/question.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "rooflaw/theory/sensitivity.hpp"

namespace rooflaw::search {

/// Which budgets bind at a closed-form optimum: a set of resources, or why there is none. Its value
/// is the place of its word among binding_words().
enum class Binding : std::uint8_t {
  box,             // no budget, only the box
  none_fits,       // no shape of the box meets the budgets
  no_closed_form,  // the law, or the point, is beyond the theory
  last = no_closed_form + (1U << theory::all_resources.size()) - 1  // all budgets at once
};

/// "box", "none-fits", "no-closed-form", then "prefill", "decode", "prefill+decode", ...: all sets.
const std::vector<std::string>& binding_words();
std::string_view to_string(Binding binding);
std::optional<Binding> binding_from(std::string_view word);

/// The best shape of the xi model within a point's latency and its target's memory budget, over the
/// box that the space spans. The xi model leaves out lm_head and activations, so it is as a rule
/// below the search; where the space is coarse the gap says how much a finer one could gain at
/// most.
struct TheoryRow {
  theory::Shape shape;  // NaN where no shape of the box fits
  double loss = 0;
  Binding binding{};
  double search_minus_theory_loss = 0;
};
template <class Archive>
void fields(Archive& a, TheoryRow& x) {
  a(x.shape, x.loss, within(x.binding, Binding::box, Binding::last), x.search_minus_theory_loss);
}

/// Smallest box of continuous shapes that holds every valid point of the space.
theory::ShapeBox bounding_box(const Space& space);

/// theory::sensitivity for a target. Cost: a microsecond.
theory::Sensitivity sensitivity_at(const Question& question, const Target& target,
                                   const model::Architecture& architecture);

/// One entry a point: neighbours of the target's frontier, in its order, each sought from the one
/// before (theory::OptimumWalk), so that the last bits of a row depend on the points before it here
/// and on nothing else. Cost: 3 microseconds a point; 50 for the first, and where other budgets
/// bind than at the one before.
std::vector<TheoryRow> theory_rows(const Question& question, const Target& target,
                                   std::span<const FrontierPoint> points);

}  // namespace rooflaw::search
