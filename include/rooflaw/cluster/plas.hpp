#pragma once
// PLAS over all ranks: each works on its share of a round's stretches, what they ask for is joined
// up a tree, rank 0 scores it and tells all. Every rank goes through the same states, so the result
// is that of one rank.
//
// Rank 0 alone calls the model for scores: powers may differ in the last bit between processors,
// and scoring takes a hundredth of the time that choosing what to score does.

#include <functional>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/search/plas.hpp"

namespace rooflaw::cluster {

struct PlasProgress {
  const search::PlasCounts& counts;
  double hypervolume = 0;
  double largest_gap = 0;
  std::int64_t max_evaluations = 0;
  std::size_t frontier_points = 0;
};

/// Runs to the end; returns whether it was one of its own, not `max_seconds`. `report` is called on
/// rank 0 once a round.
bool run_plas(search::Plas& plas, const search::PlasSettings& settings, double max_seconds,
              Communicator& ranks, const std::function<void(const PlasProgress&)>& report);

/// Rank 0's frontiers on all ranks.
void share_frontiers(std::vector<search::Frontier>& frontiers, Communicator& ranks);

}  // namespace rooflaw::cluster
