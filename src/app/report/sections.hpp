#pragma once
// The parts of the report page, in their order; each is a <section>, or empty where the result has
// nothing for it. All of it can be read without a script.

#include <string>

#include <nlohmann/json.hpp>

#include "report/study.hpp"
#include "report/svg.hpp"

namespace rooflaw::search {
struct PortfolioResult;
}

namespace rooflaw::app {
struct DeviceComparison;
struct Decision;
}  // namespace rooflaw::app

namespace rooflaw::app::report {

/// Curves of a group in one chart, or in one a precision where they would be too many to tell
/// apart.
inline constexpr std::size_t legible_curves = 18;
struct Panel {
  std::string name;
  std::vector<std::size_t> targets;
};
std::vector<Panel> panels_of(const PageStudy& study, const PageGroup& group);

/// "16 x 2304, KV 4, 8 experts of 576 top-1"
std::string architecture_words(const search::Row& row);

/// "12.3 ms" of whatever is an objective.
std::string objective_words(model::Objective objective, double value);
/// The same, as a tick of an axis needs it.
std::string seconds_tick(double value);
/// An axis of a group's objective.
Axis objective_axis(model::Objective objective);

/// The answer, of app::decisions.
std::string decision_section(const PageStudy& study, const std::vector<Decision>& all);
/// The frontiers; the script puts its chart in their place.
std::string frontier_section(const PageStudy& study);
/// Chips side by side. `comparison`: null where there is one device only.
std::string comparison_section(const DeviceComparison* comparison);
std::string regimes_section(const PageStudy& study, const std::string& baseline);
std::string roofline_section(const PageStudy& study);
std::string shape_section(const PageStudy& study);
std::string worth_section(const PageStudy& study);
std::string portfolio_section(const search::PortfolioResult& result);
std::string trust_section(const PageStudy& study);
std::string provenance_section(const format::Hdf5Reader& file, const PageStudy& study);

/// What the script needs, numbers to five digits. A column whose values are all equal is that
/// value.
nlohmann::json page_json(const PageStudy& study);

}  // namespace rooflaw::app::report
