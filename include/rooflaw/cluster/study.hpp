#pragma once
// A whole study over all ranks: search, refine stage, certification, closed forms. Each phase is a
// queue of pieces (queue.hpp) whose result is a function of the set of pieces alone, so it is the
// same for any number of ranks, and for a run that was stopped and goes on.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/cluster/queue.hpp"
#include "rooflaw/search/findings.hpp"

namespace rooflaw::cluster {

using Found = search::Findings;  // as far as it is; on rank 0
using search::Outcome;
using search::Refined;
using search::TheoryTable;

/// How far a phase is.
struct Progress {
  std::string_view phase;
  Index done = 0;  // pieces; of plas, evaluations
  Index of = 0;
  std::size_t frontier_points = 0;  // of rank 0 so far, all targets
  // Of plas:
  Index rounds = 0;
  double hypervolume = 0;
  double largest_gap = 0;
};

struct StudyHooks {
  std::function<void(const Progress&)> progress;  // on rank 0, now and then
  /// On rank 0: the study as it stands, for a checkpoint.
  std::function<void(const Bytes&)> keep;
};

/// Does what is left of a study. `kept`, the same on all ranks, is what an earlier run of the same
/// question kept; empty to begin anew. Returns what was found on rank 0, an empty Found elsewhere.
/// @throws Interrupted on all ranks if the run is to end; rank 0 has then kept the study, and the
///         ranks have taken leave of each other
/// @throws RankFailed on rank 0 if another rank cannot go on
Found run_study(const search::Question& question, bool certify, Communicator& ranks, Watch& watch,
                const Bytes& kept, const StudyHooks& hooks);

/// @throws Error if `kept` is not what a study of this question keeps
void check_kept(const search::Question& question, const Bytes& kept);

/// A finished study as `keep` would have it: for a stop while its result is made.
Bytes packed(const Found& found);

}  // namespace rooflaw::cluster
