#pragma once
// Statistics of samples. Sums go in the order in which the values stand.

#include <vector>

namespace rooflaw {

/// Linear between neighbours, as R's and NumPy's default (type 7); NaN of none. Infinite values are
/// allowed. O(n log n).
/// @param share  0 to 1
double quantile(std::vector<double> values, double share);

/// From 0; equal values share their mean rank. O(n log n).
std::vector<double> ranks_of(const std::vector<double>& values);

/// Pearson's, of as many x as y; NaN where one of them does not vary. Of ranks it is Spearman's.
double correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace rooflaw
