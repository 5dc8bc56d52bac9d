#include "rooflaw/search/problem.hpp"

namespace rooflaw::search {

std::string_view to_string(Strategy strategy) {
  return strategy == Strategy::grid ? "grid" : "sample";
}

std::optional<Strategy> strategy_from(std::string_view name) {
  for (const auto strategy : {Strategy::grid, Strategy::sample})
    if (to_string(strategy) == name) return strategy;
  return std::nullopt;
}

}  // namespace rooflaw::search
