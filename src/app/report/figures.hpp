#pragma once
// Figures for papers, by the reader results/plot_figures.py.

#include <string>
#include <vector>

#include "rooflaw/model/objective.hpp"

namespace rooflaw::app::report {

struct FigureRequest {
  std::string result, folder;
  std::string kind;  // "png" or "svg"
  std::vector<model::Limit> budgets;
  bool force = false;  // replace files that are no such figures
  bool unsealed = false;
};

/// Runs it; it prints the files that it makes. @throws Error (exit 3), with what is missing, if
/// there is no python3 or it fails; FileError if the reader is not there
void draw_figures(const FigureRequest& request);

}  // namespace rooflaw::app::report
