#pragma once
// Figures for papers, by the reader results/plot_figures.py.

#include <string>
#include <vector>

#include "rooflaw/model/objective.hpp"

namespace rooflaw::app::report {

/// Runs it; it prints the files that it makes. @param kind  "png" or "svg"
/// @throws Error (exit 3), with what is missing, if there is no python3 or it fails; FileError if
///         the reader is not there
void draw_figures(const std::string& result, const std::string& folder, const std::string& kind,
                  const std::vector<model::Limit>& budgets);

}  // namespace rooflaw::app::report
