#pragma once
// Curves for a screen: of many points those without which the drawing would look different.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace rooflaw::app::report {

/// Places of at most `most` (>= 2) points of a curve sorted by x, rising. Kept are both ends, then
/// the corners of its lower convex hull, then always the point that is farthest above or below the
/// line between its kept neighbours, both axes scaled to the curve's extent. So a convex curve
/// stays convex, and a thinned one is never below the points that were found. Corners of the hull
/// are chosen among themselves in the same way where they alone are too many.
/// Cost: O(n log n) as a rule, O(n most) at worst.
std::vector<std::size_t> thinned(std::span<const std::pair<double, double>> curve,
                                 std::size_t most);

}  // namespace rooflaw::app::report
