#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "rooflaw/core/fixed_vector.hpp"

namespace rooflaw {
namespace {

template <std::size_t N>
std::vector<int> contents(const FixedVector<int, N>& v) {
  return {v.begin(), v.end()};
}

TEST(FixedVector, HoldsWhatWasPushedInOrder) {
  FixedVector<int, 3> v;
  EXPECT_TRUE(v.empty());
  EXPECT_EQ(v.begin(), v.end());
  v.push_back(4);
  v.push_back(5);
  EXPECT_FALSE(v.empty());
  EXPECT_EQ((std::vector<int>{4, 5}), contents(v));
  v[1] = 6;
  EXPECT_EQ(6, v[1]);
}

TEST(FixedVector, RefusesMoreThanItHoldsAndStaysAsItWas) {
  FixedVector<int, 2> v;
  v.push_back(1);
  v.push_back(2);
  EXPECT_THROW(v.push_back(3), std::out_of_range);
  EXPECT_EQ(2u, v.size());
  EXPECT_EQ((std::vector<int>{1, 2}), contents(v));
}

}  // namespace
}  // namespace rooflaw
