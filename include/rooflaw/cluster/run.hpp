#pragma once
// A search over all ranks. Rank 0 hands out pieces on demand and works itself between messages; the
// others return frontiers, never points. The merge is a function of the set of points alone, so the
// result is the same for any number of ranks.

#include <functional>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/search/plan.hpp"

namespace rooflaw::cluster {

struct Progress {
  search::Index pieces_done = 0;
  search::Index pieces = 0;
  std::size_t frontier_points = 0;  // of rank 0 so far, all targets
};

struct Outcome {
  std::vector<search::Frontier> frontiers;  // by target; rank 0 only
  std::int64_t pairs_scored = 0;            // architecture x target
  bool complete = false;                    // every piece was scored
};

/// Fills the power tables on rank 0, shares them, and scores the plan. `report` is called on rank 0
/// now and then.
Outcome run_search(const search::Problem& problem, Communicator& ranks,
                   const std::function<void(const Progress&)>& report);

}  // namespace rooflaw::cluster
