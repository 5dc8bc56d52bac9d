#pragma once
// The closed-form optimum beside every frontier point, over all ranks: a large result has hundreds
// of thousands of points, and each is a small optimisation.

#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/search/analysis.hpp"

namespace rooflaw::cluster {

/// search::theory_rows for rank 0's frontiers, by target; on rank 0, empty elsewhere.
std::vector<std::vector<search::TheoryRow>> theory_rows(const search::Problem& problem,
                                                        std::vector<search::Frontier> frontiers,
                                                        Communicator& ranks);

}  // namespace rooflaw::cluster
