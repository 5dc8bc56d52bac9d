#pragma once
// Pieces of work over all ranks: rank 0 hands them out on demand and works itself between messages.
// It knows at any time which pieces are done, so that a run that is stopped, or killed, goes on
// from its last checkpoint on any number of ranks; pieces that were under way are done again.
//
// Nothing here depends on what a piece is; see Work.

#include <functional>
#include <string>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"
#include "rooflaw/search/findings.hpp"

namespace rooflaw::cluster {

using search::Index;
using Between = std::function<void()>;

/// What is done with the pieces, and what becomes of it. Every rank has one. What the pieces give
/// together must not depend on their order nor on who did them, and a piece may be done twice.
class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;

  virtual Index pieces() const = 0;
  /// What a piece is, in the user's words: for error messages.
  virtual std::string name(Index piece) const = 0;
  /// `between` is to be called often: it answers others. It may throw; the piece is then void.
  virtual void score(Index piece, const Between& between) = 0;
  /// Few long pieces: a rank asks for the next one when it has finished, not while it works.
  virtual bool long_pieces() const { return false; }

  /// A worker: what its pieces gave since the last report.
  virtual Bytes report() = 0;
  /// Rank 0: takes in such a report.
  virtual void absorb(const Bytes& report) = 0;

  /// Rank 0: what this worker should know of the finds of others; a worker: takes it in.
  virtual Bytes news(int) { return {}; }
  virtual void learn(const Bytes&) {}
};

/// How far a queue is: pieces before `next` are done, but for those in `open`.
struct QueueState {
  Index next = 0;
  std::vector<Index> open;
};

using search::Serving;

/// Rank 0's part in the course of a queue; empty functions for none.
struct QueueHooks {
  std::function<void(const QueueState&)> progress{};    // after each piece
  std::function<void(const QueueState&)> checkpoint{};  // when one is due, and before a stop
  std::function<bool()> out_of_time{};                  // no more pieces shall be begun
};

/// Does all pieces from `state` on; returns on all ranks when the last report is in. On rank 0
/// `state` is then what was done: all of it, unless out_of_time said stop.
/// @throws Interrupted, RankFailed (see Watch::look), what Work::score throws
void run_queue(Work& work, QueueState& state, Communicator& ranks, Watch& watch,
               const QueueHooks& hooks, Serving& serving);

}  // namespace rooflaw::cluster
