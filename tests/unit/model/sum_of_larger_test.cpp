// The closed form of a sum of maxima against the loop it stands for.

#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/model/latency.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;

/// Two lines over steps 0 .. n-1: values at the first step, and slopes.
struct Lines {
  double compute, compute_slope, memory, memory_slope;
  double compute_at(double step) const { return compute + compute_slope * step; }
  double memory_at(double step) const { return memory + memory_slope * step; }
};

Duration<double> by_loop(const Lines& lines, int steps) {
  long double seconds = 0, compute_bound = 0;
  for (int i = 0; i < steps; ++i) {
    const double c = lines.compute_at(i);
    const double m = lines.memory_at(i);
    seconds += std::max(c, m);
    if (c >= m) compute_bound += c;
  }
  return {static_cast<double>(seconds), static_cast<double>(compute_bound)};
}

Duration<double> by_formula(const Lines& lines, int steps) {
  return sum_of_larger<double>(lines.compute_at(0), lines.memory_at(0), lines.compute_at(steps - 1),
                               lines.memory_at(steps - 1), steps);
}

void expect_equal(const Lines& lines, int steps) {
  const auto expected = by_loop(lines, steps);
  const auto actual = by_formula(lines, steps);
  const double slack = 1e-12 * expected.seconds;
  EXPECT_NEAR(expected.seconds, actual.seconds, slack)
      << steps << " steps, " << lines.compute << "+" << lines.compute_slope << " against "
      << lines.memory << "+" << lines.memory_slope;
  EXPECT_NEAR(expected.compute_bound_s, actual.compute_bound_s, slack);
}

TEST(SumOfLarger, RandomLines) {
  Random random(1);
  for (int i = 0; i < 20000 && !HasFailure(); ++i) {
    const int steps = static_cast<int>(random.integer(1, 200));
    const double scale = random.log_real(1e-9, 1e3);
    expect_equal({scale * random.real(0.01, 1), scale * random.log_real(1e-6, 1),
                  scale * random.real(0.01, 1), scale * random.log_real(1e-6, 1)},
                 steps);
  }
}

TEST(SumOfLarger, OneAndTwoSteps) {
  expect_equal({1, 0, 2, 0}, 1);
  expect_equal({2, 0, 1, 0}, 1);
  expect_equal({1, 3, 2, 0.5}, 2);  // memory, then compute
  expect_equal({2, 0.5, 1, 3}, 2);  // compute, then memory
  expect_equal({1, 1, 1, 1}, 2);
}

TEST(SumOfLarger, CrossingExactlyOnAStep) {
  // Whole numbers, so that the tie is exact: it is compute-bound, whichever side it is met from.
  for (int steps = 2; steps <= 100 && !HasFailure(); ++steps) {
    for (int tie = 0; tie < steps && !HasFailure(); ++tie) {
      SCOPED_TRACE("tie at step " + std::to_string(tie) + " of " + std::to_string(steps));
      expect_equal({10, 3, 10.0 + 2 * tie, 1}, steps);  // memory-bound before the tie
      expect_equal({10.0 + 2 * tie, 1, 10, 3}, steps);  // compute-bound before the tie
    }
  }
}

TEST(SumOfLarger, EqualLinesAreComputeBound) {
  const auto sum = by_formula({0.5, 0.25, 0.5, 0.25}, 64);
  EXPECT_EQ(by_loop({0.5, 0.25, 0.5, 0.25}, 64).seconds, sum.seconds);
  EXPECT_EQ(sum.seconds, sum.compute_bound_s);
}

TEST(SumOfLarger, ManySteps) {
  Random random(2);
  for (const int steps : {100000, 1000000}) {
    const double cross = random.real(0.1, 0.9) * steps;
    expect_equal({1.0, 1e-3 + 1.0 / cross, 2.0, 1e-3}, steps);
    expect_equal({2.0, 1e-3, 1.0, 1e-3 + 1.0 / cross}, steps);
  }
}

TEST(SumOfLarger, LanesTakeEachItsOwnBranch) {
  using Eight = Eigen::Array<double, 8, 1>;
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const double steps = static_cast<double>(random.integer(1, 500));
    Eight c0, m0, c1, m1;
    for (Eigen::Index k = 0; k < 8; ++k) {
      c0[k] = random.pick<double>({1, 2, random.real(0, 3)});
      m0[k] = random.pick<double>({1, 2, random.real(0, 3)});
      c1[k] = c0[k] + random.pick<double>({0, 1, random.real(0, 3)});
      m1[k] = m0[k] + random.pick<double>({0, 1, random.real(0, 3)});
    }
    const auto lanes = sum_of_larger<Eight>(c0, m0, c1, m1, steps);
    for (Eigen::Index k = 0; k < 8; ++k) {
      const auto one = sum_of_larger<double>(c0[k], m0[k], c1[k], m1[k], steps);
      ASSERT_EQ(one.seconds, lanes.seconds[k]);
      ASSERT_EQ(one.compute_bound_s, lanes.compute_bound_s[k]);
    }
  }
}

}  // namespace
}  // namespace rooflaw::model
