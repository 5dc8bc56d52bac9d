// The Latin hypercube: its strata, its permutations, and what a search over it finds.

#include <gtest/gtest.h>

#include "rooflaw/core/random.hpp"
#include "rooflaw/search/sample/sample.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Digits;
using search::Index;

TEST(Permuted, IsAPermutation) {
  for (const std::uint64_t size :
       {1,  2,   3,   4,   5,   7,    8,    9,    15,   16,   17,    63,    64,
        65, 100, 255, 256, 257, 1000, 1023, 1024, 1025, 4097, 10007, 65536, 65537}) {
    for (const std::uint64_t stream : {0, 1, 8}) {
      std::vector<bool> seen(size, false);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t place = permuted(17, stream, size, i);
        ASSERT_LT(place, size);
        ASSERT_FALSE(seen[place]) << "size " << size << ": " << place << " twice";
        seen[place] = true;
      }
    }
  }
}

TEST(Permuted, DependsOnSeedAndStream) {
  const auto order = [](std::uint64_t seed, std::uint64_t stream) {
    std::vector<std::uint64_t> list;
    for (std::uint64_t i = 0; i < 1000; ++i) list.push_back(permuted(seed, stream, 1000, i));
    return list;
  };
  EXPECT_EQ(order(1, 0), order(1, 0));
  EXPECT_NE(order(1, 0), order(2, 0));
  EXPECT_NE(order(1, 0), order(1, 1));
  std::vector<std::uint64_t> sorted = order(1, 0);
  EXPECT_FALSE(std::is_sorted(sorted.begin(), sorted.end()));
}

TEST(RandomUnit, IsUniformAndItsOwnFunction) {
  double sum = 0, squares = 0;
  constexpr int n = 100000;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double x = random_unit(3, 1, i);
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(0.5, sum / n, 0.005);
  EXPECT_NEAR(1.0 / 3, squares / n, 0.005);
  EXPECT_EQ(random_unit(3, 1, 7), random_unit(3, 1, 7));
  EXPECT_NE(random_unit(3, 1, 7), random_unit(3, 2, 7));
  EXPECT_NE(random_unit(3, 1, 7), random_unit(4, 1, 7));
}

/// All samples of a question.
std::vector<Digits> samples(const search::Question& question, Index points) {
  std::vector<Digits> list;
  const auto lengths = search::axis_lengths(question.space);
  for (Index n = 0; n < points; ++n)
    list.push_back(search::latin_hypercube(lengths, question.seed, points, n).as_digits());
  return list;
}

TEST(LatinHypercube, EachStratumHoldsOneSampleAlongEachAxis) {
  Random random(11);
  for (int i = 0; i < 200; ++i) {
    search::Question question = random_question(random, 10, 100000, 1).question;
    question.seed = static_cast<std::uint64_t>(random.integer(0, 1000));
    const Index points = random.integer(1, 300);
    const search::Lengths lengths = search::axis_lengths(question.space);
    const auto list = samples(question, points);
    for (const search::Axis axis : search::all_axes) {
      std::vector<std::size_t> digits;
      for (const auto& d : list) digits.push_back(d[axis]);
      std::sort(digits.begin(), digits.end());
      // Stratum k of n covers [k, k+1) * length / n of the axis.
      const std::size_t n = digits.size(), length = lengths[axis];
      for (std::size_t k = 0; k < n; ++k) {
        EXPECT_GE(digits[k], k * length / n) << "axis " << static_cast<int>(axis);
        EXPECT_LE(digits[k], ((k + 1) * length + n - 1) / n - 1)
            << "axis " << static_cast<int>(axis);
      }
    }
  }
}

TEST(LatinHypercube, SameSeedSameSamples) {
  Random random(13);
  search::Question question = random_question(random, 200, 5000, 1).question;
  question.seed = 5;
  const auto first = samples(question, 200);
  EXPECT_EQ(first, samples(question, 200));
  question.seed = 6;
  EXPECT_NE(first, samples(question, 200));
}

TEST(Sample, EqualsBruteForceOverTheDrawnPoints) {
  Random random(17);
  std::size_t invalid = 0;
  for (int i = 0; i < 600 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 5, 600, 500);
    if (random.chance(0.5)) limit_exactly(random, r);
    if (random.chance(0.2)) r.question.space.within = r.question.laws[0].range;
    r.question.seed = static_cast<std::uint64_t>(i);
    const Index points = random.integer(1, 400);

    std::vector<std::pair<Index, model::Architecture>> drawn;
    for (const auto& digits : samples(r.question, points)) {
      const auto a = search::architecture_at(r.question.space, digits);
      if (a) drawn.emplace_back(search::index_of(r.question.space, digits), *a);
      invalid += a ? 0 : 1;
    }
    const auto sampled = run_plan(r.question, search::SamplePlan(r.question, points));
    const auto all = grid(r.question);
    for (std::size_t t = 0; t < sampled.size(); ++t) {
      EXPECT_EQ(brute_force(r.question, r.question.targets[t], drawn), sampled[t].points())
          << r.space.dump();
      EXPECT_TRUE(covers(all[t].points(), sampled[t].points(), 0.0));
    }
  }
  EXPECT_GT(invalid, 0u);  // digits that are no architecture were drawn and skipped
}

TEST(Sample, ManyPieces) {
  Random random(19);
  RandomQuestion r = random_question(random, 300, 600, 20);
  const search::SamplePlan plan(r.question, 10000);
  EXPECT_GT(plan.pieces(), 1);
  // So many samples of so few points leave none out that matters: the whole frontier.
  std::set<Index> drawn;
  for (const auto& digits : samples(r.question, 10000))
    drawn.insert(search::index_of(r.question.space, digits));
  std::vector<std::pair<Index, model::Architecture>> points;
  for (const Index index : drawn)
    if (const auto a =
            search::architecture_at(r.question.space, search::digits_of(r.question.space, index)))
      points.emplace_back(index, *a);
  const auto frontiers = run_plan(r.question, plan);
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    EXPECT_EQ(brute_force(r.question, r.question.targets[t], points), frontiers[t].points());
}

}  // namespace
}  // namespace rooflaw::testing
