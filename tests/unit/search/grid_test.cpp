// The grid search against evaluating every point: the same bits, and the reference's frontier.

#include <gtest/gtest.h>

#include "reference/reference_model.hpp"
#include "rooflaw/core/error.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Frontier;
using search::FrontierPoint;
using search::Index;

TEST(Grid, EqualsBruteForceToTheBit) {
  Random random(101);
  std::size_t points = 0, several = 0;
  for (int i = 0; i < 1500 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 1, 600, 2000);
    if (random.chance(0.7)) limit_exactly(random, r);
    if (random.chance(0.3))
      r.question.space.within = r.question.laws[0].range = random_range(random);
    const auto frontiers = grid(r.question);
    const auto all = all_points(r.question.space);
    ASSERT_EQ(r.question.targets.size(), frontiers.size());
    for (std::size_t t = 0; t < frontiers.size(); ++t) {
      const auto expected = brute_force(r.question, r.question.targets[t], all);
      EXPECT_EQ(expected, frontiers[t].points()) << r.space.dump();
      points += expected.size();
      several += expected.size() > 1 ? 1 : 0;
    }
  }
  // The spaces were no empty ones.
  EXPECT_GT(points, 30000u);
  EXPECT_GT(several, 3000u);
}

TEST(Grid, EqualsTheReferenceUpToRounding) {
  Random random(103);
  constexpr double slack = 1e-11;
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 10, 150, 8);
    if (random.chance(0.2)) r.question.space.within = r.question.laws[0].range;
    const auto n = static_cast<std::size_t>(
        random.integer(0, static_cast<std::int64_t>(r.question.targets.size()) - 1));
    const search::Target target = r.question.targets[n];
    search::Deployment& deployment = r.question.deployments[target.deployment];
    const json& c = r.deployments[target.deployment];
    // Limits that no point meets exactly: there the last bit would decide.
    const auto some = model::evaluate(
        r.question.laws[0], random.pick(all_points(search::whole(r.question.space))).second,
        deployment.scenario);
    std::optional<double> budget;
    json limits;
    if (random.chance(0.5)) {
      budget = some.memory.total() * random.real(1.001, 1.5);
      deployment.limits.set(model::Objective::memory, *budget);
    }
    if (random.chance(0.5)) {
      const double most_s = some.total_s * random.real(1.001, 1.5);
      deployment.limits.set(model::Objective::total, most_s);
      limits["max_total_s"] = most_s;
    }
    const auto ours = grid(r.question)[n].points();
    std::vector<FrontierPoint> theirs;
    for (const auto& p :
         reference::frontier(r.space, c.at("device"), c.at("precision"), c.at("workload"),
                             c.at("engine"), json(), std::string(to_string(target.objective)),
                             budget, limits, r.question.space.within.has_value()))
      theirs.push_back({p.latency_s, p.loss, p.index});
    EXPECT_TRUE(covers(ours, theirs, slack)) << r.space.dump() << c.dump();
    EXPECT_TRUE(covers(theirs, ours, slack)) << r.space.dump() << c.dump();
    EXPECT_EQ(theirs.empty(), ours.empty());
  }
}

TEST(Grid, RowsOfManyPiecesInAnyOrder) {
  // More FFN blocks than a piece holds, so that a width is cut into several.
  Random random(107);
  RandomQuestion r = random_question(random, 1, 600, 100);
  json space = r.space;
  space["expert_ffn_ratio"] = json::array();
  for (int i = 1; i <= 140; ++i) space["expert_ffn_ratio"].push_back(0.03 * i);
  space["experts"] = {1, 4, 8};
  space["top_k"] = {1, 2};
  space["widths"] = {256, 512};
  space["head_dim"] = 64;
  space["kv_heads"] = {1, "heads"};
  space["layers"] = {3, 9};
  space.erase("attention"), space.erase("mla"), space.erase("shared_ffn");
  space["ffn_multiple_of"] = 64;  // many ratios give the same size: ties
  r.question.space = space_from(space);

  const search::PowerTables tables = search::fill_tables(r.question);
  const search::GridPlan plan(r.question);
  ASSERT_GT(plan.pieces(), 2 * static_cast<Index>(r.question.space.ffn.size()));
  std::vector<Index> order(static_cast<std::size_t>(plan.pieces()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
  random.shuffle(order);

  // Two scanners, as two ranks would, joined at the end.
  search::Scanner one(r.question, tables), other(r.question, tables);
  for (std::size_t i = 0; i < order.size(); ++i) plan.score(order[i], i % 2 == 0 ? one : other);
  EXPECT_EQ(search::valid_count(r.question.space) * static_cast<Index>(r.question.targets.size()),
            one.pairs_scored() + other.pairs_scored());
  const auto all = all_points(r.question.space);
  EXPECT_EQ(static_cast<Index>(all.size()), search::valid_count(r.question.space));
  for (std::size_t t = 0; t < r.question.targets.size(); ++t) {
    Frontier joined = one.frontiers()[t];
    for (const auto& p : other.frontiers()[t].points()) joined.insert(p);
    EXPECT_EQ(brute_force(r.question, r.question.targets[t], all), joined.points());
  }
}

TEST(Grid, MoreMemoryIsNeverWorse) {
  Random random(109);
  for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 10, 400, 50);
    auto& deployment = r.question.deployments[0];
    std::vector<double> needs;
    for (const auto& [index, a] : all_points(r.question.space))
      needs.push_back(model::evaluate(r.question.laws[0], a, deployment.scenario).memory.total());
    std::sort(needs.begin(), needs.end());
    std::vector<FrontierPoint> before;
    for (const double share : {0.0, 0.1, 0.3, 0.6, 1.0}) {
      const auto place = static_cast<std::size_t>(share * static_cast<double>(needs.size() - 1));
      deployment.limits.set(model::Objective::memory, needs[place]);
      const auto now = grid(r.question)[0].points();
      EXPECT_FALSE(now.empty());  // the point that needs just this fits
      EXPECT_TRUE(covers(now, before, 0.0)) << r.space.dump();
      EXPECT_LE(search::hypervolume(before, 1e9, 100), search::hypervolume(now, 1e9, 100));
      before = now;
    }
    deployment.limits.set(model::Objective::memory, std::nextafter(needs.front(), 0.0));
    EXPECT_EQ(0u, grid(r.question)[0].size());
  }
}

TEST(Grid, OneMoreValueOfAnAxisIsNeverWorse) {
  Random random(113);
  for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 5, 300, 50);
    if (random.chance(0.5)) limit_exactly(random, r);
    const auto before = grid(r.question);
    search::Space& space = r.question.space;
    switch (random.integer(0, 5)) {
      case 0:
        space.layers.push_back(20);
        break;
      case 1:
        space.widths.insert(space.widths.begin(), 640);
        break;
      case 2:
        space.expert_ffn_ratio.insert(space.expert_ffn_ratio.begin(), 3.3);
        break;
      case 3:
        space.experts.push_back(32);
        break;
      case 4:
        space.top_k.push_back(3);
        break;
      default:
        space.shared_ffn.push_back(777);
    }
    const auto after = grid(r.question);
    for (std::size_t t = 0; t < before.size(); ++t)
      EXPECT_TRUE(covers(after[t].points(), before[t].points(), 0.0)) << r.space.dump();
  }
}

TEST(Grid, DescribesItsPointsAsEvaluateDoes) {
  Random random(127);
  for (int i = 0; i < 200; ++i) {
    const RandomQuestion r = random_question(random, 5, 300, 500);
    const auto frontiers = grid(r.question);
    for (std::size_t t = 0; t < frontiers.size(); ++t) {
      const auto& target = r.question.targets[t];
      const auto points = frontiers[t].points();
      auto rows = search::rows_of(r.question, target, points);
      ASSERT_EQ(points.size(), rows.size());
      for (std::size_t k = 0; k < rows.size(); ++k) {
        const auto a = *search::architecture_at(
            r.question.space, search::digits_of(r.question.space, points[k].index));
        const auto e = model::evaluate(search::law_of(r.question, target), a,
                                       search::deployment_of(r.question, target).scenario);
        EXPECT_EQ(points[k].index, rows[k].index);
        EXPECT_EQ(points[k].latency_s, rows[k].latency_s);
        EXPECT_EQ(points[k].loss, rows[k].loss);
        auto expected = search::row_of(
            {a, e, points[k].latency_s, points[k].latency_s, {}, {}, points[k].index});
        // No error is known of these chips.
        EXPECT_TRUE(std::isnan(rows[k].latency_low_s) && std::isnan(rows[k].latency_high_s));
        expected.latency_low_s = rows[k].latency_low_s = 0;
        expected.latency_high_s = rows[k].latency_high_s = 0;
        EXPECT_TRUE(std::isnan(rows[k].loss_low) && std::isnan(rows[k].loss_high));
        expected.loss_low = rows[k].loss_low = expected.loss_high = rows[k].loss_high = 0;
        // Without output tokens a NaN, which equals nothing.
        if (std::isnan(e.tpot_s) && std::isnan(rows[k].tpot_s))
          expected.tpot_s = rows[k].tpot_s = 0;
        EXPECT_EQ(std::isnan(e.energy_j), std::isnan(rows[k].energy_j));
        if (std::isnan(e.energy_j)) expected.energy_j = rows[k].energy_j = 0;
        for (const auto field :
             {&search::Row::loss_delta_ptq, &search::Row::loss_delta_ptq_low,
              &search::Row::loss_delta_ptq_high, &search::Row::loss_delta_qat,
              &search::Row::loss_delta_qat_low, &search::Row::loss_delta_qat_high})
          if (std::isnan(expected.*field) && std::isnan(rows[k].*field))
            expected.*field = rows[k].*field = 0;
        EXPECT_EQ(expected, rows[k]);
      }
    }
  }
}

TEST(Grid, DescribeNoticesWhatTheModelDoesNotSay) {
  Random random(131);
  const RandomQuestion r = random_question(random, 20, 300, 20);
  FrontierPoint p = grid(r.question)[0].points().front();
  Frontier wrong;
  wrong.insert({std::nextafter(p.latency_s, 1e9), p.loss, p.index});
  EXPECT_THROW(search::rows_of(r.question, r.question.targets[0], wrong.points()), Error);
  Frontier wrong_loss;
  wrong_loss.insert({p.latency_s, std::nextafter(p.loss, 0.0), p.index});
  EXPECT_THROW(search::rows_of(r.question, r.question.targets[0], wrong_loss.points()), Error);
}

}  // namespace
}  // namespace rooflaw::testing
