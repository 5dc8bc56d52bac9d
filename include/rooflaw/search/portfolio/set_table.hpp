#pragma once
// Architectures as a portfolio sees them: the set of targets whose budgets one meets, and its loss.
// What remains of any number of them is small: those that no other beats, one as good that serves
// all the same targets and perhaps more. Among these stands the best for any group of targets.
//
// Losses are those of the law, without what a precision adds: they order architectures the same on
// every target.

#include <cstdint>
#include <vector>

#include "rooflaw/core/archive.hpp"

namespace rooflaw::search {

/// Bit t: target t.
using TargetSet = std::uint64_t;
inline constexpr std::size_t most_set_targets = 64;
inline TargetSet target_bit(std::size_t target) { return TargetSet{1} << target; }

struct SetPoint {
  TargetSet targets = 0;
  double loss = 0;
  std::int64_t index = 0;
  bool operator==(const SetPoint&) const = default;
};
template <class Archive>
void fields(Archive& a, SetPoint& x) {
  a(x.targets, finite(x.loss), x.index);
}

/// The less the better; of the same loss the one of the lower index.
inline bool is_better(const SetPoint& x, const SetPoint& y) {
  return x.loss < y.loss || (x.loss == y.loss && x.index < y.index);
}

/// What it holds is a function of the set of points that were inserted, whatever their order.
class SetTable {
 public:
  /// Adds a point unless one that is better serves all its targets, and drops those it beats in
  /// turn. Cost: linear in the table.
  void insert(const SetPoint& point);

  /// The best of those that serve all of these targets; null if none does.
  const SetPoint* best_for(TargetSet targets) const;
  /// Its loss, or infinity.
  double least_loss(TargetSet targets) const;
  /// Best first.
  const std::vector<SetPoint>& points() const { return points_; }

 private:
  std::vector<SetPoint> points_;
};

}  // namespace rooflaw::search
