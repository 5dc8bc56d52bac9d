// What powers, exponentials and logarithms are where it is known without computing, and that they
// are the same bits everywhere. How exact they are: powers_mpfr_test.cpp.

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw {
namespace {

using ::testing::Each;
using ::testing::IsNan;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double least_normal = std::numeric_limits<double>::min();
constexpr double least = std::numeric_limits<double>::denorm_min();

// Unlike ==, tells 0 from -0.
std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }

/// Between lo and hi; the same on every system.
double uniform(std::mt19937_64& random, double lo, double hi) {
  return lo + (hi - lo) * (static_cast<double>(random() >> 11) * 0x1p-53);
}

TEST(Power, IsOneForExponentZeroAndForBaseOne) {
  for (const double x : {0.0, -0.0, 1.0, -3.5, 7.0, least, largest, inf, -inf, nan}) {
    EXPECT_EQ(1.0, power(x, 0.0)) << x;
    EXPECT_EQ(1.0, power(x, -0.0)) << x;
    EXPECT_EQ(1.0, power(1.0, x)) << x;
  }
  EXPECT_EQ(1.0, power(-1.0, inf));
  EXPECT_EQ(1.0, power(-1.0, -inf));
}

TEST(Power, OfANegativeNumberNeedsAnIntegralExponent) {
  EXPECT_EQ(-8.0, power(-2.0, 3.0));
  EXPECT_EQ(0.0625, power(-2.0, -4.0));
  EXPECT_EQ(-1.0, power(-1.0, 0x1.fffffffffffffp52));  // the largest odd double
  EXPECT_EQ(1.0, power(-1.0, 0x1p53));
  EXPECT_EQ(1.0, power(-1.0, 1e300));
  EXPECT_THAT(power(-2.0, 0.5), IsNan());
  EXPECT_THAT(power(-2.0, 0x1.8p51 + 0.5), IsNan());
  EXPECT_THAT(power(-least, 1.0 / 3.0), IsNan());
}

TEST(Power, OfZeroAndInfinity) {
  EXPECT_EQ(bits(0.0), bits(power(0.0, 2.5)));
  EXPECT_EQ(bits(-0.0), bits(power(-0.0, 3.0)));
  EXPECT_EQ(bits(0.0), bits(power(-0.0, 2.0)));
  EXPECT_EQ(inf, power(0.0, -1.0));
  EXPECT_EQ(-inf, power(-0.0, -1.0));
  EXPECT_EQ(inf, power(-0.0, -0.5));
  EXPECT_EQ(inf, power(0.0, -inf));
  EXPECT_EQ(inf, power(inf, 1e-300));
  EXPECT_EQ(-inf, power(-inf, 3.0));
  EXPECT_EQ(inf, power(-inf, 0.5));
  EXPECT_EQ(bits(-0.0), bits(power(-inf, -3.0)));
  EXPECT_EQ(bits(0.0), bits(power(inf, -0.5)));
}

TEST(Power, ToInfinityAndBeyondTheRange) {
  EXPECT_EQ(inf, power(1.5, inf));
  EXPECT_EQ(0.0, power(1.5, -inf));
  EXPECT_EQ(0.0, power(-0.5, inf));
  EXPECT_EQ(inf, power(0.5, -inf));
  const double above_1 = 1.0 + 0x1p-52;
  const double below_1 = 1.0 - 0x1p-53;
  EXPECT_EQ(inf, power(above_1, 0x1p63));
  EXPECT_EQ(0.0, power(below_1, largest));
  EXPECT_EQ(inf, power(below_1, -largest));
  EXPECT_EQ(inf, power(10.0, 308.5));
  EXPECT_EQ(-inf, power(-10.0, 309.0));
  EXPECT_EQ(bits(-0.0), bits(power(-10.0, -325.0)));
  EXPECT_EQ(1.0, power(largest, least));
  EXPECT_EQ(1.0, power(least, -least));
}

TEST(Power, OfANanIsANan) {
  EXPECT_THAT(power(nan, 1.0), IsNan());
  EXPECT_THAT(power(2.0, nan), IsNan());
  EXPECT_THAT(power(-inf, nan), IsNan());
}

TEST(Power, IsExactWhereTheResultIsADouble) {
  EXPECT_EQ(1024.0, power(2.0, 10.0));
  EXPECT_EQ(2.0, power(4.0, 0.5));
  EXPECT_EQ(1e22, power(10.0, 22.0));
  EXPECT_EQ(1.0 / 4096.0, power(16.0, -3.0));
  EXPECT_EQ(2187.0, power(9.0, 3.5));
  for (int n = -1074; n < 1024; ++n) {
    const double expected = n >= -1022 ? std::bit_cast<double>(std::uint64_t(n + 1023) << 52)
                                       : std::bit_cast<double>(std::uint64_t{1} << (n + 1074));
    ASSERT_EQ(expected, power(2.0, n)) << n;
    ASSERT_EQ(expected, power(0.5, -n)) << n;
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const double any = std::bit_cast<double>(random() % (bits(inf) - 1) + 1);
    ASSERT_EQ(any, power(any, 1.0));
    ASSERT_EQ(-any, power(-any, 1.0));
    const double small = static_cast<double>(random() >> 38);  // 26 bits: its square is exact
    ASSERT_EQ(small * small, power(small, 2.0));
    ASSERT_EQ(small, power(small * small, 0.5));
  }
  for (const double x : {least, 3 * least, least_normal, least_normal - least, largest})
    EXPECT_EQ(x, power(x, 1.0));
}

TEST(Power, GrowsWithBaseAndExponent) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 100000; ++i) {
    const double x = exponential(uniform(random, -14.0, 28.0));
    const double y = uniform(random, 1e-3, 10.0);
    ASSERT_LE(power(x, y), power(x * (1.0 + 0x1p-45), y)) << x << " " << y;
    ASSERT_GE(power(x, -y), power(x * (1.0 + 0x1p-45), -y)) << x << " " << y;
    const double larger = 1.0 + x;
    ASSERT_LE(power(larger, y), power(larger, y * (1.0 + 0x1p-40))) << x << " " << y;
  }
}

TEST(Exponential, SpecialValues) {
  EXPECT_EQ(1.0, exponential(0.0));
  EXPECT_EQ(1.0, exponential(-0.0));
  EXPECT_EQ(1.0, exponential(least));
  EXPECT_EQ(inf, exponential(inf));
  EXPECT_EQ(0.0, exponential(-inf));
  EXPECT_THAT(exponential(nan), IsNan());
  EXPECT_EQ(0x1.fffffffffff2ap1023, exponential(0x1.62e42fefa39efp+9));  // the last before inf
  EXPECT_EQ(inf, exponential(0x1.62e42fefa39f0p+9));
  EXPECT_EQ(least, exponential(-745.0));
  EXPECT_EQ(0.0, exponential(-745.2));
}

TEST(ExponentialMinusOne, SpecialValues) {
  EXPECT_EQ(0.0, exponential_minus_one(0.0));
  EXPECT_EQ(1e-300, exponential_minus_one(1e-300));
  EXPECT_EQ(-least, exponential_minus_one(-least));
  EXPECT_EQ(-1.0, exponential_minus_one(-inf));
  EXPECT_EQ(-1.0, exponential_minus_one(-40.5));
  EXPECT_EQ(inf, exponential_minus_one(inf));
  EXPECT_EQ(inf, exponential_minus_one(709.9));
  EXPECT_EQ(exponential(500.0), exponential_minus_one(500.0));
  EXPECT_THAT(exponential_minus_one(nan), IsNan());
}

TEST(Logarithms, SpecialValues) {
  for (double (*log)(double) : {natural_log, common_log}) {
    EXPECT_EQ(bits(0.0), bits(log(1.0)));
    EXPECT_EQ(-inf, log(0.0));
    EXPECT_EQ(-inf, log(-0.0));
    EXPECT_EQ(inf, log(inf));
    EXPECT_THAT((std::vector<double>{log(-least), log(-1.0), log(-inf), log(nan)}), Each(IsNan()));
  }
  EXPECT_EQ(0x1.62e42fefa39efp-1, natural_log(2.0));
  EXPECT_EQ(-0x1.74385446d71c3p+9, natural_log(least));
  double ten_to_n = 1.0;
  for (int n = 0; n <= 22; ++n, ten_to_n *= 10.0) EXPECT_EQ(n, common_log(ten_to_n));
}

TEST(LogOnePlus, SpecialValues) {
  EXPECT_EQ(0.0, log_one_plus(0.0));
  EXPECT_EQ(1e-300, log_one_plus(1e-300));
  EXPECT_EQ(-least, log_one_plus(-least));
  EXPECT_EQ(-inf, log_one_plus(-1.0));
  EXPECT_EQ(inf, log_one_plus(inf));
  EXPECT_EQ(natural_log(1e20), log_one_plus(1e20));
  EXPECT_EQ(natural_log(4.0), log_one_plus(3.0));
  EXPECT_THAT(log_one_plus(-1.5), IsNan());
  EXPECT_THAT(log_one_plus(nan), IsNan());
}

TEST(Exponentials, SpecialValues) {
  std::vector<double> x{0.0, -0.0, inf, 1e9, 710.0, -inf, -1e9, -746.0, -745.0, nan};
  exponentials(x);
  EXPECT_THAT(x.back(), IsNan());
  x.pop_back();
  EXPECT_EQ((std::vector<double>{1.0, 1.0, inf, inf, inf, 0.0, 0.0, 0.0, least}), x);
  exponentials({});
}

TEST(Exponentials, DependOnNothingButTheElement) {
  std::mt19937_64 random(3);
  std::vector<double> x(5000);
  for (double& element : x) element = uniform(random, -800.0, 720.0);
  std::vector<double> all = x;
  exponentials(all);
  for (std::size_t i = 0; i < x.size(); ++i) {
    double alone = x[i];
    exponentials({&alone, 1});
    ASSERT_EQ(alone, all[i]) << x[i];
  }
  for (std::size_t first = 0; first < 20; ++first)
    for (std::size_t size = 1; size < 40; ++size) {
      std::vector<double> part(x.begin() + first, x.begin() + first + size);
      exponentials(part);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), all.begin() + first))
          << first << " " << size;
    }
}

/// Changes with any bit of what was added, and with the order.
class Checksum {
 public:
  void add(double x) { sum_ = std::rotl(sum_ ^ bits(x), 23) * 0x9e3779b97f4a7c15U; }
  std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

TEST(Powers, AreTheSameBitsWithEveryCompilerAndProcessor) {
  std::mt19937_64 random(4);
  Checksum powers;
  Checksum others;
  std::vector<double> many;
  for (int i = 0; i < 100000; ++i) {
    const double x = exponential(uniform(random, -14.0, 28.0));
    const double y = uniform(random, -10.0, 10.0);
    powers.add(power(x, y));
    for (const double result : {exponential(y), exponential(60.0 * y), exponential_minus_one(y),
                                natural_log(x), common_log(x), log_one_plus(x)})
      others.add(result);
    many.push_back(60.0 * y);
  }
  exponentials(many);
  Checksum of_many;
  for (const double result : many) of_many.add(result);
  EXPECT_EQ(10269633449936576111U, powers.sum());
  EXPECT_EQ(9043409366934831653U, others.sum());
  EXPECT_EQ(3768933831795542344U, of_many.sum());
}

}  // namespace
}  // namespace rooflaw
