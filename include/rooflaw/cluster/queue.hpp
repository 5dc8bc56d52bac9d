#pragma once
// Pieces of work over all ranks: rank 0 hands them out on demand, in runs, and works itself between
// messages. What they gave stays where they were done; it goes up a tree of ranks for a checkpoint
// and at the end, and what saves others work goes along its edges all the while (tree_talk.hpp). So
// rank 0 serves small requests, however many points there are.
//
// It knows at any checkpoint which pieces are done, so that a run that is stopped, or killed, goes
// on from there on any number of ranks; pieces that were under way are done again.
//
// Nothing here depends on what a piece is; see core/work.hpp.

#include <functional>
#include <string>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"
#include "rooflaw/core/work.hpp"
#include "rooflaw/search/findings.hpp"

namespace rooflaw::cluster {

/// Pieces in a row: from `first` to before `end`.
struct PieceRun {
  std::int64_t first = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - first; }
  bool operator==(const PieceRun&) const = default;
};
template <class Archive>
void fields(Archive& a, PieceRun& x) {
  a(x.first, x.end);
}

/// How far a queue is: pieces before `next` are done, but for those in `open`.
struct QueueState {
  std::int64_t next = 0;
  std::vector<PieceRun> open{};
};
template <class Archive>
void fields(Archive& a, QueueState& x) {
  a(x.next, x.open);
}
/// Can it be of so many pieces?
bool fits(const QueueState& state, std::int64_t pieces);

/// Rank 0's part in the course of a queue; empty functions for none.
struct QueueHooks {
  std::function<void(const QueueState&)> progress{};    // after each run
  std::function<void(const QueueState&)> checkpoint{};  // when one is due, and before a stop
  std::function<bool()> out_of_time{};                  // no more pieces shall be begun
};

/// Does all pieces from `state` on; returns on all ranks when the last report is in. On rank 0
/// `state` is then what was done: all of it, unless out_of_time said stop.
/// @throws Interrupted, RankFailed (see Watch::look), what Work::score throws
void run_queue(Work& work, QueueState& state, Communicator& ranks, Watch& watch,
               const QueueHooks& hooks, search::Serving& serving);

}  // namespace rooflaw::cluster
