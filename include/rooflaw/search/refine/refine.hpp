#pragma once
// The stage after a strategy: what can be built between the points of the space and improves its
// frontiers. PLAS on the finest lattice within the ends of the axes (whole layers, experts and KV
// heads, widths of whole heads, FFNs of whole units), starting from the frontiers found. What an
// axis has between its values is its own affair (space/axes.hpp). The folder knows plas and
// frontiers, not which strategy found them.
//
// Each target is refined by itself: what is found for a chip does not depend on which other chips
// the job has.

#include <functional>
#include <span>

#include "rooflaw/search/plas/plas.hpp"

namespace rooflaw::search {

/// The same axes with everything in between that can be built; kinds, MLA ranks and shared FFNs as
/// they are. An axis that would get more than 65,536 values, or a space of more than 2^63 - 1
/// points, is given a wider step.
Space finest(const Space& space);

/// `question` on the finest space.
Question refined_question(const Question& question);

/// `question` with this target alone.
Question of_target(const Question& question, std::size_t target);

/// The stage for one target. `fine` is the refined_question of `question`; `between` is called
/// often.
struct Refinement {
  Frontier improvements;  // points of `fine`
  PlasCounts counts;
};
Refinement refine(const Question& question, const Question& fine, std::size_t target,
                  std::span<const FrontierPoint> frontier, const RefineOptions& options,
                  const std::function<void()>& between);

/// Frontiers of `question` as points of `fine`, its refined_question.
std::vector<KnownFrontier> known_frontiers(const Question& question, const Question& fine,
                                           const std::vector<FrontierPoints>& frontiers);

/// Of frontiers found on `fine`, the points that were not known.
std::vector<Frontier> improvements(const std::vector<Frontier>& found,
                                   const std::vector<KnownFrontier>& known);

}  // namespace rooflaw::search
