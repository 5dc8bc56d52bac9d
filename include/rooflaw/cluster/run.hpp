#pragma once
// A search over all ranks. Of grid and sample rank 0 hands out pieces on demand and works itself
// between messages; the others return frontiers, never points. The merge is a function of the set
// of points alone, so the result is the same for any number of ranks.

#include <functional>
#include <optional>
#include <vector>

#include "rooflaw/cluster/plas.hpp"
#include "rooflaw/search/plan.hpp"
#include "rooflaw/search/refine.hpp"

namespace rooflaw::cluster {

struct Progress {
  search::Index pieces_done = 0;
  search::Index pieces = 0;
  std::size_t frontier_points = 0;  // of rank 0 so far, all targets
};

/// What answering the others took of rank 0.
struct Serving {
  std::int64_t messages = 0;
  double cpu_s = 0;  // processor time, of `of_cpu_s` that rank 0 used while it searched
  double of_cpu_s = 0;
};

struct Outcome {
  std::vector<search::Frontier> frontiers;  // by target; rank 0 only
  std::int64_t pairs_scored = 0;            // architecture x target
  bool complete = false;                    // not ended by max_seconds
  std::optional<search::PlasCounts> plas;   // of strategy plas
  Serving serving;
};

/// How far it is: called on rank 0 now and then.
struct Reports {
  std::function<void(const Progress&)> pieces;
  std::function<void(const PlasProgress&)> rounds;
};

/// The problem's strategy. For grid and sample fills the power tables on rank 0 and shares them.
Outcome run_search(const search::Problem& problem, Communicator& ranks, const Reports& reports);

/// The refine stage after it. `frontiers` are rank 0's; what improves on them comes back on all
/// ranks, as points of search::refined_problem.
struct Refined {
  std::vector<search::Frontier> improvements;  // by target
  search::PlasCounts counts;
};
Refined run_refine(const search::Problem& problem, std::vector<search::Frontier> frontiers,
                   Communicator& ranks, const Reports& reports);

}  // namespace rooflaw::cluster
