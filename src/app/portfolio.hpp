#pragma once
// A portfolio as text and as JSON.

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::app {

inline constexpr std::size_t page_columns = 80;

/// Every choice: architectures, what runs where, what it costs to have no more of them; targets
/// that nothing serves, with what would. Lines of at most `page_columns`.
std::string portfolio_text(const search::PortfolioResult& result);

/// The same, numbers in full; what is not known, and what is infinite, is null.
nlohmann::ordered_json portfolio_json(const search::PortfolioResult& result);

}  // namespace rooflaw::app
