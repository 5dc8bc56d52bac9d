// The local search before the last level of strategy exact: what it finds is of the space and
// scored as everywhere, never worse than before, and the same in whatever order.

#include <numeric>

#include <gtest/gtest.h>

#include "rooflaw/search/exact/local_search.hpp"
#include "rooflaw/search/state.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoints;
using search::Index;

/// A few thousand points, and the frontier of some of them.
struct Begun {
  RandomQuestion r;
  std::vector<FrontierPoints> truth, before;
};

Begun begun(Random& random) {
  Begun b{.r = random_question(random, 500, 6000, 500), .truth = {}, .before = {}};
  search::Question& question = b.r.question;
  shuffle_axes(random, question.space);
  if (random.chance(0.5)) question.space.within = question.laws[0].range = random_range(random);
  if (random.chance(0.5))
    for (auto& deployment : question.deployments)
      deployment.limits.set(model::Objective::memory, random.log_real(1e7, 4e9));
  b.truth = search::points_of(grid(question));
  // Every fourth point of it.
  for (const auto& truth : b.truth) {
    auto& some = b.before.emplace_back();
    for (std::size_t i = 0; i < truth.size(); i += 4) some.push_back(truth[i]);
  }
  return b;
}

std::vector<FrontierPoints> searched(const Begun& b, double least_gain, Random* order = nullptr) {
  const search::Question& question = b.r.question;
  const auto tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (std::size_t t = 0; t < b.before.size(); ++t)
    for (const auto& point : b.before[t]) scanner.insert(t, point);
  search::LocalSearch local(question, tables, search::exact_levels(question.space).back(), b.before,
                            least_gain);
  std::vector<Index> pieces(static_cast<std::size_t>(search::LocalSearch::pieces(question)));
  std::iota(pieces.begin(), pieces.end(), Index{0});
  if (order != nullptr) order->shuffle(pieces);
  struct Interrupted {};
  for (const Index piece : pieces) {
    if (order != nullptr) try {
        local.score(piece, scanner, [&] {
          if (order->chance(0.2)) throw Interrupted{};
        });
      } catch (const Interrupted&) {
      }
    local.score(piece, scanner, {});
  }
  return search::points_of(scanner.frontiers());
}

TEST(LocalSearch, FindsPointsOfTheTrueFrontierAndNothingThatIsNoPoint) {
  Random random(701);
  std::size_t before = 0, after = 0, true_points = 0;
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    const Begun b = begun(random);
    const auto found = searched(b, 0.0);
    const auto points = all_points(b.r.question.space);
    for (std::size_t t = 0; t < found.size(); ++t) {
      // Its points are those that brute force has under their indices.
      std::vector<std::pair<Index, model::Architecture>> of_found;
      for (const auto& p : found[t])
        of_found.emplace_back(
            p.index, search::architecture_at(b.r.question.space,
                                             search::digits_of(b.r.question.space, p.index))
                         .value());
      EXPECT_EQ(brute_force(b.r.question, b.r.question.targets[t], of_found), found[t]);
      EXPECT_EQ(search::merged(b.before[t], found[t]), found[t]) << "no worse than before";
      EXPECT_EQ(search::merged(b.truth[t], found[t]), b.truth[t]) << "no better than the truth";
      before += b.before[t].size();
      true_points += b.truth[t].size();
      for (const auto& p : found[t])
        after += std::find(b.truth[t].begin(), b.truth[t].end(), p) != b.truth[t].end() ? 1u : 0u;
    }
  }
  EXPECT_GT(true_points, 1000u);
  EXPECT_LT(before, true_points / 3);
  EXPECT_GT(after, true_points * 3 / 4) << "of " << true_points << ", begun with " << before;
}

// A law's range names pairs of experts and top_k; it may have both values and not the pair.
TEST(LocalSearch, StaysAtRoutingsInRange) {
  Random random(707);
  std::size_t found_points = 0;
  for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    Begun b = begun(random);
    search::Space& space = b.r.question.space;
    space.experts = {4, 1, 8, 16, 2};
    space.top_k = {2, 1, 4};
    auto& range = b.r.question.laws[0].range;
    range = {};
    range.experts_top_k.emplace();
    for (const auto& [experts, top_k] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {8, 1}, {16, 2}, {8, 4}})
      if (random.chance(0.6)) range.experts_top_k->emplace_back(experts, top_k);
    space.within = range;
    b.truth = search::points_of(grid(b.r.question));
    for (std::size_t t = 0; t < b.truth.size(); ++t) {
      b.before[t].clear();
      for (std::size_t p = 0; p < b.truth[t].size(); p += 4) b.before[t].push_back(b.truth[t][p]);
    }
    const auto found = searched(b, 0.0);
    for (std::size_t t = 0; t < found.size(); ++t) {
      EXPECT_EQ(search::merged(b.truth[t], found[t]), b.truth[t]) << b.r.space.dump();
      for (const auto& p : found[t])
        EXPECT_TRUE(search::architecture_at(space, search::digits_of(space, p.index)));
      found_points += found[t].size();
    }
  }
  EXPECT_GT(found_points, 500u);
}

TEST(LocalSearch, DoesNotDependOnTheOrderOrOnInterruptions) {
  Random random(703);
  for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    const Begun b = begun(random);
    const double least_gain = random.pick<double>({0.0, 1e-4, 1e-2});
    EXPECT_EQ(searched(b, least_gain), searched(b, least_gain, &random)) << b.r.space.dump();
  }
}

TEST(LocalSearch, LeavesWhatGainsTooLittle) {
  Random random(705);
  std::size_t all = 0, some = 0;
  for (int i = 0; i < 20; ++i) {
    const Begun b = begun(random);
    for (const auto& points : searched(b, 0.0)) all += points.size();
    const double least_gain = 1e-2;
    const auto found = searched(b, least_gain);
    for (std::size_t t = 0; t < found.size(); ++t) {
      some += found[t].size();
      for (const auto& p : found[t]) {
        if (std::find(b.before[t].begin(), b.before[t].end(), p) != b.before[t].end()) continue;
        double faster = std::numeric_limits<double>::infinity();
        for (const auto& q : b.before[t])
          if (q.latency_s < p.latency_s * (1.0 - 1e-3)) faster = std::min(faster, q.loss);
        EXPECT_LT(p.loss, faster - least_gain);
      }
    }
  }
  EXPECT_LT(some, all);
}

}  // namespace
}  // namespace rooflaw::testing
