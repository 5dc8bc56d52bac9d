#pragma once
// Quantiles of a sample.

#include <vector>

namespace rooflaw {

/// Linear between neighbours, as R's and NumPy's default (type 7); NaN of none. Infinite values are
/// allowed.
/// @param share  0 to 1
double quantile(std::vector<double> values, double share);

}  // namespace rooflaw
