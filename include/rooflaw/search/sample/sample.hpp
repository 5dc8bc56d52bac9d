#pragma once
// Method `sample`: a Latin hypercube over the axes, the baseline for strategies that look where
// it pays. Cut into pieces that any rank can score in any order; a sample depends on the seed and
// its number alone. It may know the space and the scanner, nothing of ranks.

#include <functional>
#include <string>

#include "rooflaw/search/score/scan.hpp"
#include "rooflaw/search/space/lattice.hpp"

namespace rooflaw::search {

/// A position drawn on each axis. It becomes a point as digits or as places: where the values stand
/// in the list, or in their order.
struct DrawnPositions {
  Lengths positions{};
  Digits as_digits() const { return {positions.values}; }
  Places as_places() const { return {positions.values}; }
  bool operator==(const DrawnPositions&) const = default;
};

/// Sample `number` of a Latin hypercube of `samples` over the axes: along each axis the samples
/// fall into as many equal strata, one in each.
DrawnPositions latin_hypercube(const Lengths& lengths, std::uint64_t seed, Index samples,
                               Index number);

class SamplePlan {
 public:
  /// Keeps a reference.
  SamplePlan(const Question& question, Index points);

  Index pieces() const;
  std::string name(Index piece) const;
  /// Scores a piece; `between` is called now and then.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between = {}) const;

 private:
  const Question& question_;
  Index points_;
  Lengths lengths_;
};

}  // namespace rooflaw::search
