#pragma once
// How a search is cut into pieces that any rank can score: grid, every point of the space; sample,
// a Latin hypercube over its axes. The result does not depend on the cut.

#include <functional>
#include <string>

#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

class Plan {
 public:
  explicit Plan(const Question& question);

  Index pieces() const { return pieces_; }
  std::string name(Index piece) const;

  /// Before the first piece of a grid: scores some points from all over the space, so that the
  /// pieces meet frontiers that drop most of their points at a look. They come again with their
  /// piece and are counted there.
  void look_around(Scanner& scanner) const;

  /// Scores a piece; `between_rows` as in Scanner::scan.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between_rows = {}) const;

  /// Architectures the plan covers: the valid points of the space, or the samples.
  Index architectures() const { return architectures_; }

 private:
  Block grid_block(std::size_t ffn_digit, std::size_t width_digit) const;
  void score_grid(Index piece, Scanner& scanner, const std::function<void()>& between_rows) const;
  void score_sample(Index piece, Scanner& scanner) const;

  const Question& question_;
  std::vector<ExpertOption> routings_;
  Index pieces_ = 0;
  Index architectures_ = 0;
};

/// Sample `number` of a Latin hypercube of `samples` over the axes: along each axis the samples
/// fall into as many equal strata, one in each.
Digits latin_hypercube(const Space& space, std::uint64_t seed, Index samples, Index number);

}  // namespace rooflaw::search
