// Powers, exponentials and logarithms beside those of MPFR with 120 bits, on 10^7 arguments: no
// error is beyond what powers.hpp says.

#include <bit>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>
#include <mpfr.h>

#include "rooflaw/core/powers.hpp"

namespace rooflaw {
namespace {

class Number {
 public:
  Number() { mpfr_init2(number_, 120); }
  ~Number() { mpfr_clear(number_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  mpfr_ptr get() { return number_; }

 private:
  mpfr_t number_;
};

class Arguments {
 public:
  explicit Arguments(std::uint64_t seed = 0) : random_(seed) {}

  double uniform(double lo, double hi) {
    return lo + (hi - lo) * (static_cast<double>(random_() >> 11) * 0x1p-53);
  }
  /// Logarithms are uniform.
  double scale(double lo, double hi) {
    return exponential(uniform(natural_log(lo), natural_log(hi)));
  }
  double sign() { return random_() % 2 == 0 ? 1.0 : -1.0; }
  /// Any positive finite double, all alike likely.
  double any() { return std::bit_cast<double>(random_() % std::bit_cast<std::uint64_t>(HUGE_VAL)); }

 private:
  std::mt19937_64 random_;
};

/// The largest error of what was added, in ulp of the exact values.
class Worst {
 public:
  /// @param exact is overwritten
  void add(double result, Number& exact, double x, double y = 0) {
    const double rounded = mpfr_get_d(exact.get(), MPFR_RNDN);
    if (std::isinf(rounded) || rounded == 0.0) {
      EXPECT_EQ(rounded, result) << x << " " << y;
      return;
    }
    const int ulp_exponent = std::max(std::ilogb(rounded), -1022) - 52;
    mpfr_sub_d(exact.get(), exact.get(), result, MPFR_RNDN);
    mpfr_mul_2si(exact.get(), exact.get(), -ulp_exponent, MPFR_RNDN);
    const double error = std::abs(mpfr_get_d(exact.get(), MPFR_RNDN));
    if (!(error > worst_)) return;
    worst_ = error;
    x_ = x;
    y_ = y;
  }
  double worst() const {
    std::cout << "largest error " << worst_ << " ulp, at " << x_ << " " << y_ << "\n";
    return worst_;
  }

 private:
  double worst_ = 0;
  double x_ = 0;
  double y_ = 0;
};

using Reference = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

/// The largest error of a function of one number; next() gives the arguments.
template <class Function, class Next>
double worst_of(int count, Function function, Reference reference, Next next) {
  Worst worst;
  Number exact;
  for (int i = 0; i < count; ++i) {
    const double x = next();
    mpfr_set_d(exact.get(), x, MPFR_RNDN);
    reference(exact.get(), exact.get(), MPFR_RNDN);
    worst.add(function(x), exact, x);
  }
  return worst.worst();
}

/// The same of power(); next_x() and next_y() give base and exponent.
template <class NextX, class NextY>
double worst_of_power(int count, NextX next_x, NextY next_y) {
  Worst worst;
  Number exact;
  Number exponent;
  for (int i = 0; i < count; ++i) {
    const double x = next_x();
    const double y = next_y();
    mpfr_set_d(exact.get(), x, MPFR_RNDN);
    mpfr_set_d(exponent.get(), y, MPFR_RNDN);
    mpfr_pow(exact.get(), exact.get(), exponent.get(), MPFR_RNDN);
    worst.add(power(x, y), exact, x, y);
  }
  return worst.worst();
}

// In two halves, for two processors.
class PowerOfWhatTheModelTakesPowersOf : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PowerOfWhatTheModelTakesPowersOf, IsAsExactAsSaid) {
  Arguments a(GetParam());
  EXPECT_LT(
      worst_of_power(
          1000000, [&] { return a.scale(1e-6, 1e12); }, [&] { return a.uniform(-10.0, 10.0); }),
      0.501);
}

INSTANTIATE_TEST_SUITE_P(PowersAndMpfr, PowerOfWhatTheModelTakesPowersOf, ::testing::Values(1, 2));

TEST(PowersAndMpfr, PowerOfAnything) {
  Arguments a;
  EXPECT_LT(worst_of_power(
                250000, [&] { return a.any(); }, [&] { return a.uniform(-2.0, 2.0); }),
            0.501);
  EXPECT_LT(
      worst_of_power(
          250000, [&] { return a.uniform(0.7, 1.4); }, [&] { return a.uniform(-2000.0, 2000.0); }),
      0.501);
}

TEST(PowersAndMpfr, PowerNextToOneToALargeExponent) {
  Arguments a;
  // The logarithm is least exact just beyond the interval of 1 in its table.
  EXPECT_LT(worst_of_power(
                250000, [&] { return 1.0 + a.sign() * a.uniform(0x1p-11, 0x1p-10); },
                [&] { return a.uniform(-7e5, 7e5); }),
            0.501);
  EXPECT_LT(worst_of_power(
                250000, [&] { return 1.0 + a.sign() * a.scale(0x1p-50, 0x1p-4); },
                [&] { return a.sign() * a.scale(1.0, 0x1p58); }),
            0.501);
}

TEST(PowersAndMpfr, Exponential) {
  Arguments a;
  EXPECT_LT(worst_of(200000, exponential, mpfr_exp, [&] { return a.uniform(-746.0, 710.0); }),
            0.501);
  EXPECT_LT(worst_of(200000, exponential, mpfr_exp, [&] { return a.uniform(-10.0, 10.0); }), 0.501);
  EXPECT_LT(worst_of(50000, exponential, mpfr_exp, [&] { return a.uniform(-746.0, -708.0); }),
            0.501);
  EXPECT_LT(worst_of(50000, exponential, mpfr_exp, [&] { return a.sign() * a.scale(1e-17, 1.0); }),
            0.501);
}

TEST(PowersAndMpfr, ExponentialMinusOne) {
  Arguments a;
  const auto worst = [](int count, auto next) {
    return worst_of(count, exponential_minus_one, mpfr_expm1, next);
  };
  EXPECT_LT(worst(100000, [&] { return a.uniform(-41.0, 100.0); }), 0.51);
  EXPECT_LT(worst(100000, [&] { return a.uniform(-0.01, 0.01); }), 0.51);
  EXPECT_LT(worst(100000, [&] { return a.sign() * a.scale(1e-17, 1.0); }), 0.51);
}

TEST(PowersAndMpfr, Exponentials) {
  Arguments a;
  const auto one = [](double x) {
    exponentials({&x, 1});
    return x;
  };
  EXPECT_LT(worst_of(200000, one, mpfr_exp, [&] { return a.uniform(-746.0, 710.0); }), 1.0);
  EXPECT_LT(worst_of(200000, one, mpfr_exp, [&] { return a.uniform(-10.0, 10.0); }), 1.0);
  EXPECT_LT(worst_of(50000, one, mpfr_exp, [&] { return a.uniform(-0.35, 0.35); }), 1.0);
  EXPECT_LT(worst_of(50000, one, mpfr_exp, [&] { return a.uniform(-746.0, -708.0); }), 1.0);
}

TEST(PowersAndMpfr, NaturalLog) {
  Arguments a;
  EXPECT_LT(worst_of(150000, natural_log, mpfr_log, [&] { return a.any(); }), 0.501);
  EXPECT_LT(worst_of(150000, natural_log, mpfr_log, [&] { return a.scale(1e-6, 1e12); }), 0.501);
  EXPECT_LT(worst_of(150000, natural_log, mpfr_log, [&] { return a.uniform(0.99, 1.01); }), 0.501);
}

TEST(PowersAndMpfr, CommonLog) {
  Arguments a;
  EXPECT_LT(worst_of(50000, common_log, mpfr_log10, [&] { return a.any(); }), 0.501);
  EXPECT_LT(worst_of(50000, common_log, mpfr_log10, [&] { return a.scale(1e-6, 1e12); }), 0.501);
  EXPECT_LT(worst_of(50000, common_log, mpfr_log10, [&] { return a.uniform(0.99, 1.01); }), 0.501);
}

TEST(PowersAndMpfr, LogOnePlus) {
  Arguments a;
  const auto worst = [](int count, auto next) {
    return worst_of(count, log_one_plus, mpfr_log1p, next);
  };
  EXPECT_LT(worst(50000, [&] { return a.sign() * a.scale(1e-17, 1.0); }), 0.501);
  EXPECT_LT(worst(50000, [&] { return a.uniform(-1.0, 1.0); }), 0.501);
  EXPECT_LT(worst(50000, [&] { return a.scale(1e-3, 1e12); }), 0.501);
}

}  // namespace
}  // namespace rooflaw
