// What stands beside the points of a frontier.

#include "rooflaw/search/analysis.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "random_question.hpp"
#include "rooflaw/theory/optimum.hpp"

namespace rooflaw::testing {
namespace {

using search::Binding;
using search::FrontierPoint;

/// Points of a target at times from far too little to far too much. Whether an architecture has
/// them does not matter here.
std::vector<FrontierPoint> points_at(Random& random, int count, double least, double most) {
  std::vector<FrontierPoint> points;
  for (int i = 0; i < count; ++i) {
    const double share = (i + random.real(0, 0.9)) / count;
    points.push_back(
        {.latency_s = least * std::pow(most / least, share), .loss = 4.0 - 0.001 * i, .index = i});
  }
  return points;
}

double solved_alone(const search::Question& question, const search::Target& target,
                    double latency_s) {
  const auto& d = question.deployments[target.deployment];
  const auto& s = d.scenario;
  try {
    return theory::optimise(law_of(question, target), theory::xi_model(s),
                            theory::budgets_at(s, target.objective, latency_s,
                                               d.limits.of(model::Objective::memory)),
                            search::bounding_box(question.space), s.precision.loss_delta)
        .loss;
  } catch (const theory::DoesNotFit&) {
    return std::nan("");
  }
}

TEST(TheoryRows, AreTheOptimumOfEveryPointByItself) {
  Random random(21);
  std::set<Binding> seen;
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(i);
    auto r = random_question(random, 10, 100000, 500);
    auto& question = r.question;
    for (auto& deployment : question.deployments)
      if (random.chance(0.5))
        deployment.limits.set(model::Objective::memory, random.log_real(1e7, 1e12));
    if (question.deployments.front().scenario.workload.output_tokens > 0)
      question.targets.push_back({"target", 0, model::Objective::decode});
    for (const auto& target : question.targets) {
      const auto points = points_at(random, 40, 1e-9, 1e6);
      const auto rows = search::theory_rows(question, target, points);
      ASSERT_EQ(rows.size(), points.size());
      for (std::size_t p = 0; p < points.size(); ++p) {
        SCOPED_TRACE(points[p].latency_s);
        const double alone = solved_alone(question, target, points[p].latency_s);
        const auto& row = rows[p];
        seen.insert(row.binding);
        if (std::isnan(alone)) {
          EXPECT_EQ(row.binding, Binding::none_fits);
          EXPECT_TRUE(std::isnan(row.loss) && std::isnan(row.shape.width));
          continue;
        }
        EXPECT_NEAR(row.loss, alone, 1e-10);
        EXPECT_EQ(row.search_minus_theory_loss, points[p].loss - row.loss);
      }
    }
  }
  EXPECT_TRUE(seen.contains(Binding::box) && seen.contains(Binding::none_fits));
  EXPECT_GE(seen.size(), 6U);
}

TEST(TheoryRows, DependOnNothingOutsideOfTheirBlock) {
  Random random(22);
  for (int i = 0; i < 10; ++i) {
    const auto r = random_question(random, 10, 100000, 500);
    const auto& target = r.question.targets.front();
    const auto points = points_at(random, 60, 1e-4, 1e2);
    const std::vector<FrontierPoint> block(points.begin() + 20, points.begin() + 40);
    const auto whole = search::theory_rows(r.question, target, points);
    const auto inside = search::theory_rows(r.question, target, std::span(points).subspan(20, 20));
    const auto alone = search::theory_rows(r.question, target, block);
    for (std::size_t p = 0; p < block.size(); ++p) {
      EXPECT_EQ(inside[p].binding, alone[p].binding);
      if (alone[p].binding == Binding::none_fits) continue;
      EXPECT_EQ(inside[p].loss, alone[p].loss);
      EXPECT_EQ(inside[p].shape.gqa, alone[p].shape.gqa);
      EXPECT_NEAR(whole[20 + p].loss, alone[p].loss, 1e-10);
    }
  }
}

TEST(TheoryRows, OfALawBeyondTheTheorySayNothing) {
  Random random(23);
  auto r = random_question(random, 10, 100000, 500);
  r.question.laws.front().kappa_d = -1;
  for (const auto& row :
       search::theory_rows(r.question, r.question.targets.front(), points_at(random, 3, 1, 10))) {
    EXPECT_EQ(row.binding, Binding::no_closed_form);
    EXPECT_TRUE(std::isnan(row.loss) && std::isnan(row.search_minus_theory_loss));
  }
}

TEST(Binding, HasAWordForEverySetOfBudgets) {
  const auto& words = search::binding_words();
  EXPECT_EQ(words.size(), static_cast<std::size_t>(Binding::last) + 1);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto binding = search::binding_from(words[i]);
    ASSERT_TRUE(binding);
    EXPECT_EQ(static_cast<std::size_t>(*binding), i);
    EXPECT_EQ(to_string(*binding), words[i]);
  }
  EXPECT_EQ(to_string(Binding::box), "box");
  EXPECT_EQ(to_string(Binding::none_fits), "none-fits");
  EXPECT_EQ(to_string(Binding::no_closed_form), "no-closed-form");
  EXPECT_EQ(to_string(Binding::last), "prefill+decode+total+memory");
  EXPECT_TRUE(search::binding_from("decode+memory"));
  EXPECT_FALSE(search::binding_from("memory+decode"));
  EXPECT_FALSE(search::binding_from("forged"));
}

}  // namespace
}  // namespace rooflaw::testing
