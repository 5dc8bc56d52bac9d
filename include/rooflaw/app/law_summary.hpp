#pragma once
// What hangs on the law, as text at the end of a search.

#include <string>
#include <vector>

#include "rooflaw/search/result.hpp"

namespace rooflaw::app {

/// How far the resamples of the law agree on a target's frontier, and what the other laws say of
/// it; empty if nothing is known of either.
std::string law_summary(const search::TargetResult& result);

/// Where the order of two precisions on one device is within the uncertainty of their penalties, by
/// the first law; empty if nowhere.
std::string precision_ties(const search::Question& question,
                           const std::vector<search::FrontierPoints>& frontiers);

}  // namespace rooflaw::app
