#pragma once
// Frontier points with everything the model says of them.

#include <vector>

#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

struct Row {
  model::Architecture architecture;
  model::Evaluation evaluation;
  double latency_s = 0;  // of the target's kind
  Index index = -1;      // -1: not a point of the lattice
};

/// The frontier of a target as rows. Its latencies and losses are those of model::evaluate, bit for
/// bit. @throws Error if they are not: the search and the model would disagree.
std::vector<Row> describe(const Question& question, const Target& target, const Frontier& frontier);

}  // namespace rooflaw::search
