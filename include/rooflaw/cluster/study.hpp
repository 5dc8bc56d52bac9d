#pragma once
// A whole study over all ranks: search, refine stage, certification, closed forms. Each phase is a
// queue of pieces (queue.hpp) whose result is a function of the set of pieces alone, so it is the
// same for any number of ranks, and for a run that was stopped and goes on.

#include <functional>
#include <string_view>

#include "rooflaw/cluster/queue.hpp"
#include "rooflaw/search/method_run.hpp"

namespace rooflaw::cluster {

/// What is to be done.
struct Study {
  const search::Question& question;
  search::Method method;
  search::RefineOptions refine;
  bool certify = false;       // find the true frontiers too
  std::size_t resamples = 0;  // of each law, carried through where the method proves its frontiers
};

struct StudyHooks {
  /// On rank 0, now and then: how far a phase is.
  std::function<void(std::string_view phase, const search::Progress&)> progress;
  /// On rank 0: the study as it stands, for a checkpoint.
  std::function<void(const Bytes&)> keep;
};

/// Does what is left of a study. `kept`, the same on all ranks, is what an earlier run of the same
/// study kept; empty to begin anew. Returns what was found on rank 0, nothing of use elsewhere.
/// @throws Interrupted on all ranks if the run is to end; rank 0 has then kept the study
/// @throws RankFailed on rank 0 if another rank cannot go on
search::Findings run_study(const Study& study, Communicator& ranks, Watch& watch, const Bytes& kept,
                           const StudyHooks& hooks);

/// @throws Error if `kept` is not what this study keeps
void check_kept(const Study& study, const Bytes& kept);

/// A finished study as `keep` would have it: for a stop while its result is made.
Bytes as_kept(const search::Findings& findings);

}  // namespace rooflaw::cluster
