#include "rooflaw/search/portfolio/set_table.hpp"

#include <algorithm>
#include <limits>

namespace rooflaw::search {

namespace {
bool serves(const SetPoint& point, TargetSet targets) {
  return (point.targets & targets) == targets;
}
}  // namespace

void SetTable::insert(const SetPoint& point) {
  const auto place = std::lower_bound(points_.begin(), points_.end(), point, is_better);
  if (place != points_.end() && *place == point) return;
  if (std::any_of(points_.begin(), place,
                  [&](const SetPoint& better) { return serves(better, point.targets); }))
    return;
  const auto inserted = points_.insert(place, point);
  points_.erase(std::remove_if(inserted + 1, points_.end(),
                               [&](const SetPoint& worse) {
                                 return (point.targets & worse.targets) == worse.targets;
                               }),
                points_.end());
}

const SetPoint* SetTable::best_for(TargetSet targets) const {
  for (const auto& point : points_)
    if (serves(point, targets)) return &point;
  return nullptr;
}

double SetTable::least_loss(TargetSet targets) const {
  const SetPoint* best = best_for(targets);
  return best == nullptr ? std::numeric_limits<double>::infinity() : best->loss;
}

}  // namespace rooflaw::search
