#pragma once
// States of a search come from outside: from a checkpoint, which may hold anything. They are plain
// values, and what is in them is looked at one by one before it is used.

#include <vector>

#include "rooflaw/search/analysis.hpp"

namespace rooflaw::search {

/// @throws Error, exit code checkpoint_mismatch, unless `fits`
void require_fit(bool fits);

/// Are these frontiers of the question's targets, their latencies rising and their losses falling,
/// and every point what the model says of its architecture, bit for bit?
/// Cost: a microsecond a point. @throws Error as require_fit
void require_frontiers(const std::vector<FrontierPoints>& frontiers, const Question& question);

/// Are these rows of these points? To know whether they are right is to find them again; what is
/// asked is a loss that goes with the point's. (That they name what can bind, the archive asks.)
/// @throws Error as require_fit
void require_theory(std::span<const TheoryRow> rows, std::span<const FrontierPoint> points);

std::vector<FrontierPoints> points_of(const std::vector<Frontier>& frontiers);
std::size_t count_points(const std::vector<Frontier>& frontiers);
std::size_t count_points(const std::vector<FrontierPoints>& frontiers);

}  // namespace rooflaw::search
