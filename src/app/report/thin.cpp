#include "report/thin.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

namespace rooflaw::app::report {

namespace {

using Point = std::pair<double, double>;
using Places = std::vector<std::size_t>;

/// A gap between kept points, first < last as places in the list of candidates, and its worst
/// point.
struct Gap {
  double distance = 0;
  std::size_t first = 0, worst = 0, last = 0;
  bool operator<(const Gap& other) const {
    return distance != other.distance ? distance < other.distance : first > other.first;
  }
};

Places lower_hull(std::span<const Point> curve) {
  Places hull;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    while (hull.size() >= 2) {
      const auto& [ax, ay] = curve[hull[hull.size() - 2]];
      const auto& [bx, by] = curve[hull.back()];
      const auto& [cx, cy] = curve[i];
      if ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax) > 0) break;
      hull.pop_back();
    }
    hull.push_back(i);
  }
  return hull;
}

/// Adds candidates, places of the curve, to `kept`, which are among them, until there are `most`.
Places add_worst(std::span<const Point> curve, const Places& candidates, const Places& kept,
                 std::size_t most) {
  const auto [low, high] =
      std::minmax_element(curve.begin(), curve.end(),
                          [](const Point& a, const Point& b) { return a.second < b.second; });
  const double height = std::max(high->second - low->second, 1e-300);
  const auto gap = [&](std::size_t first, std::size_t last) {
    const auto& [ax, ay] = curve[candidates[first]];
    const auto& [bx, by] = curve[candidates[last]];
    Gap g{-1, first, first, last};
    for (std::size_t i = first + 1; i < last; ++i) {
      const auto& [x, y] = curve[candidates[i]];
      const double on_line = bx > ax ? ay + (by - ay) * (x - ax) / (bx - ax) : ay;
      if (const double d = std::abs(y - on_line) / height; d > g.distance) {
        g.distance = d;
        g.worst = i;
      }
    }
    return g;
  };
  std::priority_queue<Gap> gaps;
  const auto push = [&](std::size_t first, std::size_t last) {
    if (last > first + 1) gaps.push(gap(first, last));
  };
  Places all = kept;
  std::size_t before = 0;
  for (std::size_t i = 0, k = 0; i < candidates.size() && k < kept.size(); ++i)
    if (candidates[i] == kept[k]) {
      if (k++ > 0) push(before, i);
      before = i;
    }
  for (; all.size() < most && !gaps.empty();) {
    const Gap g = gaps.top();
    gaps.pop();
    all.push_back(candidates[g.worst]);
    push(g.first, g.worst);
    push(g.worst, g.last);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

Places thinned(std::span<const Point> curve, std::size_t most) {
  Places all(curve.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (curve.size() <= most) return all;
  const Places hull = lower_hull(curve);
  const Places ends{0, curve.size() - 1};
  const Places corners = hull.size() <= most ? hull : add_worst(curve, hull, ends, most);
  return add_worst(curve, all, corners, most);
}

}  // namespace rooflaw::app::report
