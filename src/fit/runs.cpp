#include "rooflaw/fit/runs.hpp"

#include <algorithm>

namespace rooflaw::fit {

bool varies(const Runs& runs, Column column) {
  return std::any_of(runs.rows.begin(), runs.rows.end(),
                     [&](const Run& r) { return r[column] != runs.rows.front()[column]; });
}

void keep_lowest(Runs& runs, std::size_t count) {
  if (count >= runs.rows.size()) return;
  std::vector<double> losses;
  for (const auto& run : runs.rows) losses.push_back(run.loss);
  std::sort(losses.begin(), losses.end());
  std::erase_if(runs.rows, [&](const Run& run) { return run.loss >= losses[count]; });
}

}  // namespace rooflaw::fit
