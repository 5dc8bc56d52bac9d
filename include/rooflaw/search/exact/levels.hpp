#pragma once
// The levels of strategy `exact`: ever finer parts of the space, the last of them all of it. What a
// level finds prunes the next.

#include "rooflaw/search/space/options.hpp"

namespace rooflaw::search {

/// Digits of each axis that a level uses, by value; all of them where an axis is not thinned.
using Subspace = PerAxis<std::vector<std::size_t>, struct DigitsOfLevel>;

/// Combinations of its values, those that are no architecture too.
double size_of(const Subspace& level);

/// Sub-spaces of about 10^6 points, of a hundredth of the space, and the whole; fewer for a small
/// space. Cost: sorts every axis.
std::vector<Subspace> exact_levels(const Space& space);

}  // namespace rooflaw::search
