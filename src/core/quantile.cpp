#include "rooflaw/core/quantile.hpp"

#include <algorithm>
#include <limits>

namespace rooflaw {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  const double between = at - static_cast<double>(low);
  if (between == 0.0 || values[low] == values[high]) return values[low];
  return values[low] + between * (values[high] - values[low]);
}

}  // namespace rooflaw
