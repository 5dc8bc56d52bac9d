#pragma once

#include <cmath>

#include <gtest/gtest.h>

namespace rooflaw::testing {

/// Equal but for the rounding of a computation of some operations.
inline void expect_close(double expected, double actual, const char* what = "") {
  EXPECT_NEAR(expected, actual, 1e-12 * std::abs(expected)) << what;
}

}  // namespace rooflaw::testing
