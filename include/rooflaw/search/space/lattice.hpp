#pragma once
// A space as a search walks it: every axis in the order of its values, points repaired to the
// nearest valid one, one index per architecture however many combinations mean it.

#include <optional>
#include <vector>

#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

/// A position on each axis, counted in the order of values.
using Places = PerAxis<std::size_t, struct PlaceInOrder>;

struct LatticePoint {
  Places places{};
  Index index = 0;  // the least of those that mean this architecture: its key
  model::Architecture architecture;
};

class Lattice {
 public:
  /// Keeps a reference to the space. Cost: sorts every axis.
  explicit Lattice(const Space& space);

  const Space& space() const { return space_; }
  std::size_t length(Axis axis) const { return order_[axis].size(); }

  /// The point at these places. Where they do not go together, top_k and KV heads are lowered until
  /// they do; nullopt if none helps.
  std::optional<LatticePoint> point(Places places) const;
  /// Of an index that point() gave. Cost: a look-up per axis.
  LatticePoint at(Index index) const;

  /// The last place of an axis with a key of this group not above `key` and the next of the group;
  /// the first of the group twice where all are above.
  struct Neighbours {
    std::size_t below = 0, above = 0;
  };
  Neighbours around(Axis axis, const AxisKey& key) const;

  /// The last place of an axis with a number not above `value`, or 0.
  std::size_t place_below(Axis axis, double value) const { return around(axis, {0, value}).below; }

  /// Where each value of an architecture stands on its axis, or near which it would.
  Places places_near(const model::Architecture& a) const;

  /// Where an architecture stands; nullopt if the space does not have it.
  std::optional<LatticePoint> find(const model::Architecture& a) const;

 private:
  Digits digits_at(const Places& places) const;
  std::size_t least_equal_ratio(std::size_t width_digit, std::size_t place) const;

  const Space& space_;
  PerAxis<std::vector<std::size_t>, struct DigitsByPlace> order_;
  PerAxis<std::vector<std::size_t>, struct PlacesByDigit> place_of_;
  PerAxis<std::vector<AxisKey>, struct KeysByPlace> keys_;
};

}  // namespace rooflaw::search
