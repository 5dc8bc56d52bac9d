#pragma once
// The report page: one file that loads nothing.

#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/model/objective.hpp"

namespace rooflaw::app::report {

struct PageQuestion {
  std::string baseline;  // that chips are compared with; empty: the first of the result
  std::vector<model::Limit> budgets;              // of the decision; none: as DecisionQuestion
  const format::Hdf5Reader* portfolio = nullptr;  // shown, too; null: that of the result, if any
};

/// @throws Error (exit 2) if the result has not this device or cannot answer a budget; as
/// compare(), decisions() and read_page_study
std::string page_of(const format::Hdf5Reader& file, const PageQuestion& question);

}  // namespace rooflaw::app::report
