#pragma once
// Method `grid`: every point of the space is scored. The plain way to a frontier, and what
// method `exact` is compared with. Cut into pieces that any rank can score in any order; the
// result does not depend on the cut. It may know the space and the scanner, nothing of ranks.

#include <functional>
#include <string>

#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

class GridPlan {
 public:
  /// Keeps a reference.
  explicit GridPlan(const Question& question);

  Index pieces() const { return static_cast<Index>(frames_.size()) * pieces_per_frame_; }
  std::string name(Index piece) const;

  /// Before the first piece: scores some points from all over the space, so that the pieces meet
  /// frontiers that drop most of their points at a look. They come again with their piece and are
  /// counted there.
  void look_around(Scanner& scanner) const;

  /// Scores a piece; `between_rows` as in Scanner::scan.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between_rows = {}) const;

  /// The valid points of the space.
  Index architectures() const { return architectures_; }

 private:
  Block block_of(const Frame& frame) const;

  const Question& question_;
  std::vector<Frame> frames_;
  FfnOptions options_;
  std::vector<std::size_t> layer_digits_;
  Index pieces_per_frame_ = 0;
  Index architectures_ = 0;
};

}  // namespace rooflaw::search
