#pragma once
// Statistics of small samples, sums in the order in which the values stand.

#include <vector>

namespace rooflaw::fit {

/// Between neighbours, as R's and NumPy's default; NaN of none.
double quantile(std::vector<double> values, double share);
/// From 0; equal values share their mean rank.
std::vector<double> ranks_of(const std::vector<double>& values);
/// Pearson's; NaN where one of them does not vary.
double correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace rooflaw::fit
