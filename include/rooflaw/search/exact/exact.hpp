#pragma once
// Strategy `exact`: the frontier of the whole space, with a proof, from a small part of its points.
//
// At one width a point is attention block x FFN block x depth, and FFN blocks are by far the most
// numerous. They form boxes (boxes.hpp): runs of FFN ratios x runs of expert numbers, at one top_k
// and shared FFN. Along both axes time, memory and activations do not fall and the loss does not
// rise, so the corner with the least of both is the fastest and smallest of the box, and the
// opposite corner has the least loss. A box whose two corners together cannot matter to a target
// (bounds.hpp, slack.hpp) is dropped for it; else it is cut in four, down to single blocks, which
// are then scored at every depth with every attention block, as strategy grid does. Width is not
// monotone and is enumerated, as are attention blocks, whose decode sums need not be monotone to
// the last bit.
//
// Each level (levels.hpp) searches a finer sub-space, pruned by the frontier of the level before;
// the last is the space. What is dropped is strictly dominated by a point of the space, so the
// result is that of grid, ties by index included, whatever the order, the number of ranks or the
// quality of the frontiers that pruned. With a tolerance, boxes are dropped too that a frontier
// known before the last level, lowered by the tolerance, proves to gain less than that.
//
// The folder knows the space, the scanner and frontiers that come from anywhere; nothing of ranks.

#include <functional>
#include <string>

#include "rooflaw/search/exact/boxes.hpp"
#include "rooflaw/search/exact/slack.hpp"

namespace rooflaw::search {

class ExactLevel {
 public:
  /// Keeps references. @param seed  by target, frontiers lowered by the tolerance; empty:
  /// none
  ExactLevel(const Question& question, const PowerTables& tables, const Subspace& subspace,
             std::vector<LossBound> lowered_seed);

  /// FFN kind x width.
  Index pieces() const { return static_cast<Index>(frames_.size()); }
  std::string name(Index piece) const;
  /// Finds what matters of a piece and scores it, pruned by the scanner's frontiers. `between` is
  /// called now and then.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between);

 private:
  friend class PieceSearch;
  const Question& question_;
  const PowerTables& tables_;
  const Subspace& subspace_;
  std::vector<Frame> frames_;
  Depths depths_;
  Routes routes_;
  std::vector<LossBound> lowered_seed_;
};

/// Pieces of a level.
Index pieces_of(const Question& question, const Subspace& subspace);

}  // namespace rooflaw::search
