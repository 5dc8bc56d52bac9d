#include "rooflaw/search/question.hpp"

#include <array>

namespace rooflaw::search {

std::string_view to_string(Strategy strategy) {
  constexpr std::array names = {"exact", "grid", "sample", "plas"};
  return names[static_cast<std::size_t>(strategy)];
}

std::optional<Strategy> strategy_from(std::string_view name) {
  for (const auto strategy : {Strategy::exact, Strategy::grid, Strategy::sample, Strategy::plas})
    if (to_string(strategy) == name) return strategy;
  return std::nullopt;
}

}  // namespace rooflaw::search
