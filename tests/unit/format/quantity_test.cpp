// Sizes and times as people write them.

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/format/quantity.hpp"

namespace rooflaw::format {
namespace {

using ::testing::HasSubstr;

double size(const std::string& text) {
  const auto q = read_quantity(text, Dimension::bytes);
  EXPECT_TRUE(q.value) << text << ": " << q.fault;
  return q.value.value_or(NAN);
}
double time(const std::string& text) {
  const auto q = read_quantity(text, Dimension::seconds);
  EXPECT_TRUE(q.value) << text << ": " << q.fault;
  return q.value.value_or(NAN);
}

TEST(Quantity, Sizes) {
  EXPECT_EQ(4294967296.0, size("4GiB"));
  EXPECT_EQ(7.3e9, size("7.3GB"));
  EXPECT_EQ(512.0 * 1024 * 1024, size("512MiB"));
  EXPECT_EQ(1536.0, size("1.5KiB"));
  EXPECT_EQ(3e3, size("3kB"));
  EXPECT_EQ(2e12, size("2TB"));
  EXPECT_EQ(0x1p41, size("2TiB"));
  EXPECT_EQ(5.0, size("5B"));
  EXPECT_EQ(8e9, size("8e9"));
  EXPECT_EQ(8e9, size("8 GB"));
  EXPECT_EQ(4e9, size("4e3 MB"));
}

TEST(Quantity, TimesAreTheDoublesOneWouldWrite) {
  EXPECT_EQ(0.02, time("20ms"));
  EXPECT_EQ(500e-6, time("500us"));
  EXPECT_EQ(500e-6, time("500\u00b5s"));
  EXPECT_EQ(500e-6, time("500\u03bcs"));
  EXPECT_EQ(7e-9, time("7ns"));
  EXPECT_EQ(1.5, time("1.5s"));
  EXPECT_EQ(120.0, time("2min"));
  EXPECT_EQ(5400.0, time("1.5 h"));
  EXPECT_EQ(172800.0, time("2d"));
  EXPECT_EQ(0.25, time("0.25"));
  for (int n = 1; n < 1000; ++n)
    EXPECT_EQ(std::stod(std::to_string(n) + "e-3"), time(std::to_string(n) + "ms"));
}

TEST(Quantity, SignsAndInfinityAreTheCallersAffair) {
  EXPECT_EQ(-2e9, size("-2GB"));
  EXPECT_EQ(0.0, time("0ms"));
  EXPECT_TRUE(std::isinf(size("inf")));
}

struct Bad {
  std::string text;
  Dimension dimension;
  std::string fault;
  std::string hint;
};
class BadQuantity : public ::testing::TestWithParam<Bad> {};

TEST_P(BadQuantity, SaysWhy) {
  const auto& [text, dimension, fault, hint] = GetParam();
  const auto q = read_quantity(text, dimension);
  EXPECT_FALSE(q.value) << text;
  EXPECT_THAT(q.fault, HasSubstr(fault)) << text;
  EXPECT_THAT(q.hint, HasSubstr(hint)) << text;
}

constexpr auto of_size = Dimension::bytes;
constexpr auto of_time = Dimension::seconds;
INSTANTIATE_TEST_SUITE_P(
    , BadQuantity,
    ::testing::Values(Bad{"20 GB", of_time, "\"GB\" is a unit of size, not of time", ""},
                      Bad{"20ms", of_size, "\"ms\" is a unit of time, not of size", ""},
                      Bad{"4gib", of_size, "no unit \"gib\"", "\"GiB\""},
                      Bad{"4G", of_size, "no unit \"G\"", "\"GB\" or \"GiB\""},
                      Bad{"5m", of_time, "no unit \"m\"", "\"ms\" or \"min\""},
                      Bad{"4GB5", of_size, "no unit \"GB5\"", "\"GB\""},
                      Bad{"4 apples", of_size, "no unit \"apples\"", ""},
                      Bad{"1,5s", of_time, "no unit \",5s\"", ""},
                      Bad{"0x10", of_size, "no unit \"x10\"", ""}, Bad{"", of_size, "empty", ""},
                      Bad{"GB", of_size, "begin with a number", ""},
                      Bad{" 4GB", of_size, "begin with a number", ""},
                      Bad{"+4GB", of_size, "begin with a number", ""},
                      Bad{"4 ", of_size, "spaces", ""}, Bad{"nan", of_time, "not a number", ""},
                      Bad{"nanGB", of_size, "not a number", ""},
                      Bad{"1e400GB", of_size, "larger", ""}, Bad{"1e300TB", of_size, "larger", ""},
                      Bad{"1e-400s", of_time, "smaller", ""}));

}  // namespace
}  // namespace rooflaw::format
