#pragma once
// A space as a search walks it: every axis in the order of its values, points repaired to the
// nearest valid one, one index per architecture however many combinations mean it.

#include <optional>
#include <vector>

#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

/// A position on each axis, counted in the order of values.
using Places = Digits;

struct LatticePoint {
  Places places{};
  Index index = 0;  // the least of those that mean this architecture: its key
  model::Architecture architecture;
};

class Lattice {
 public:
  /// Keeps a reference to the question.
  explicit Lattice(const Question& question);

  const Space& space() const { return question_.space; }
  std::size_t length(Axis axis) const { return lengths_[static_cast<std::size_t>(axis)]; }

  /// The point at these places. Where they do not go together, KV heads and top_k are lowered until
  /// they do; nullopt if none helps, or if range = "enforce" leaves the point out.
  std::optional<LatticePoint> point(Places places) const;
  /// Of an index that point() gave.
  LatticePoint at(Index index) const;

  /// The last place of an axis with a value not above `value`, or 0. For the axes layers, width,
  /// ratio, experts, top_k, shared and, of grouped-query attention, kv.
  std::size_t place_below(Axis axis, double value) const;

  /// The place of the kv axis with these ranks, which the space has.
  std::size_t mla_place(const model::MlaRanks& ranks) const;

  /// Where an architecture stands; nullopt if the space does not have it.
  std::optional<LatticePoint> find(const model::Architecture& a) const;

 private:
  std::size_t digit(Axis axis, const Places& places) const;
  std::size_t least_equal_ratio(std::size_t width_digit, std::size_t place) const;
  std::optional<model::Architecture> architecture(const Places& places, Digits& digits) const;

  const Question& question_;
  Digits lengths_{};
  std::vector<std::vector<std::size_t>> order_;  // by axis: digit at each place
  std::vector<std::size_t> mla_order_;           // of the kv axis where attention is MLA
  std::vector<std::vector<double>> values_;      // by axis, sorted; empty for kinds
};

}  // namespace rooflaw::search
