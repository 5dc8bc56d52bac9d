#pragma once
// What hangs on the law, as text at the end of a search.

#include <string>
#include <vector>

#include "rooflaw/search/result.hpp"

namespace rooflaw::app {

/// How far the resamples of the law agree on a target's frontier, and what the other laws say of
/// it; empty if nothing is known of either.
std::string law_summary(const search::TargetResult& result);

/// Which precision has the least loss on a device at a few budgets, by the first law, and which are
/// no worse for what is known of their penalties; a line a budget, empty for one precision.
std::string precision_order(const search::Question& question,
                            const std::vector<search::FrontierPoints>& frontiers);

}  // namespace rooflaw::app
