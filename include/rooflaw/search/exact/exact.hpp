#pragma once
// Strategy `exact`: the frontier of the whole space, with a proof, from a small part of its points.
//
// At one width a point is attention block x FFN block x depth, and FFN blocks are by far the most
// numerous. They form boxes (boxes.hpp): runs of FFN ratios x runs of expert numbers, at one top_k
// and shared FFN. Along both axes time, memory and activations do not fall and the loss does not
// rise, so the corner with the least of both is the fastest and smallest of the box, and the
// opposite corner has the least loss. A box whose two corners together cannot matter to a target
// (bounds.hpp, slack.hpp) is dropped for it; else it is cut in four, down to single blocks. Eight
// blocks of like time are then scored together, at those depths and with those attention blocks
// where the fastest and best of the eight would matter. Width is not monotone and is enumerated, as
// are attention blocks, whose decode sums need not be monotone to the last bit; many of these are
// bounded in groups first.
//
// Each level (levels.hpp) searches a finer sub-space, pruned by the frontier of the level before;
// the last is the space. What is dropped is strictly dominated by a point of the space, so the
// result is that of grid, ties by index included, whatever the order, the number of ranks or the
// quality of the frontiers that pruned.
//
// With a tolerance, in a large space, a local search (local_search.hpp) makes the frontier of the
// level before nearly the true one. The result is that frontier and all points that gain the
// tolerance or more on it: again a function of the space alone. In the last level boxes are dropped
// that gain less.
//
// A piece is a part of the boxes of one frame (FFN kind x width): routes, and runs along their
// monotone axes. How many there are follows from the job alone, about the cube root of points x
// targets, since the work grows more slowly than these: less than a millisecond each of a search of
// a minute, tens of them of one of many days. Narrow widths, which have most of the work, are cut
// into more and come first. The pieces of a frame follow one another, and what is known of the
// frame is kept from one to the next.
//
// The folder knows the space, the scanner and frontiers that come from anywhere; nothing of ranks.

#include <functional>
#include <memory>
#include <string>

#include "rooflaw/search/exact/boxes.hpp"
#include "rooflaw/search/exact/slack.hpp"

namespace rooflaw::search {

class FrameSearch;

/// The frames of a level, narrow ones first, and how they are cut into pieces.
struct LevelCuts {
  std::vector<Frame> frames;
  double most_work = 0;      // of a piece, times its width
  std::vector<Index> first;  // by frame: its first piece; then their number
};

class ExactLevel {
 public:
  /// Keeps references. @param seed  by target, frontiers lowered by the tolerance; empty:
  /// none
  ExactLevel(const Question& question, const PowerTables& tables, const Subspace& subspace,
             std::vector<LossBound> lowered_seed);
  ~ExactLevel();

  Index pieces() const { return cuts_.first.back(); }
  std::string name(Index piece) const;
  /// Finds what matters of a piece and scores it, pruned by the scanner's frontiers, the same
  /// scanner until settle(). `between` is called now and then, and may throw: that piece is void
  /// then. Fastest where piece follows piece.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between);
  /// Pieces count as done only now: some of their blocks may have waited for more to be scored
  /// together with.
  void settle(Scanner& scanner);

  /// Of all pieces so far.
  std::int64_t boxes_looked_at() const;
  /// FFN kind x width of a piece, by number.
  std::size_t frame_of(Index piece) const;
  /// The end of the pieces of its frame.
  Index end_of_frame(Index piece) const { return cuts_.first[frame_of(piece) + 1]; }

 private:
  friend class FrameSearch;
  void enter(std::size_t frame, Scanner& scanner);
  void refresh_bounds(const Scanner& scanner);

  const Question& question_;
  const PowerTables& tables_;
  const Subspace& subspace_;
  Depths depths_;
  Routes routes_;
  LevelCuts cuts_;
  std::vector<LossBound> lowered_seed_;

  std::unique_ptr<FrameSearch> search_;  // of the frame of the piece before
  std::size_t searched_ = 0;             // that frame
  std::vector<std::vector<Box>> parts_;  // its pieces
  std::int64_t looked_at_ = 0;           // boxes of frames before it
  std::int64_t refreshed_at_ = 0;        // so many boxes
  std::vector<std::uint64_t> changes_;   // of what each target's bound is made of, then
};

/// Pieces of a level.
Index pieces_of(const Question& question, const Subspace& subspace);

}  // namespace rooflaw::search
