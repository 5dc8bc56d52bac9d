#pragma once
// A portfolio as text and as JSON.

#include <string>

#include <nlohmann/json.hpp>

#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::app {

/// Every choice: architectures, what runs where, what it costs to have no more of them; targets
/// that nothing serves, with what would. Lines of at most 80 columns.
std::string portfolio_text(const search::PortfolioResult& result);

/// The same, numbers in full; what is not known, and what is infinite, is null.
nlohmann::ordered_json portfolio_json(const search::PortfolioResult& result);

}  // namespace rooflaw::app
