// Every frontier of golden.json through the search, from a Question built from the JSON.

#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/result.hpp"
#include "unit/space_json.hpp"

namespace rooflaw::testing {
namespace {

search::Question problem_from(const json& g) {
  search::Question question;
  question.space = space_from(g.at("space"));
  question.laws = {published_law()};
  search::Deployment deployment;
  deployment.scenario = scenario_from(g);
  const json& budget = g.at("memory_budget");
  if (budget.is_number()) deployment.limits.set(model::Objective::memory, budget.get<double>());
  question.deployments = {deployment};
  const auto objective = model::objective_from(g.at("latency").get<std::string>()).value();
  question.targets = {{.id = "golden", .deployment = 0, .objective = objective}};
  return question;
}

class GoldenFrontier : public ::testing::TestWithParam<std::size_t> {};

TEST_P(GoldenFrontier, ThroughTheGrid) {
  const json& g = golden().at("frontiers").at(GetParam());
  const search::Question question = problem_from(g);
  EXPECT_EQ(g.at("points").get<search::Index>(), search::valid_count(question.space));

  const search::PowerTables tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  const search::GridPlan plan(question);
  for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
  const auto rows =
      search::rows_of(question, question.targets[0], scanner.frontiers().at(0).points());

  const json& expected = g.at("frontier");
  ASSERT_EQ(expected.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE("point " + std::to_string(i));
    const json& point = expected[i];
    const search::Row& a = rows[i];
    EXPECT_EQ(point.at("layers"), a.layers);
    EXPECT_EQ(point.at("width"), a.width);
    EXPECT_EQ(point.at("kv_heads"), a.kv_heads);
    EXPECT_EQ(point.at("expert_ffn"), a.expert_ffn);
    EXPECT_EQ(point.at("experts"), a.experts);
    EXPECT_EQ(point.at("top_k"), a.top_k);
    const double latency = point.at("latency_s");
    const double loss = point.at("loss");
    EXPECT_NEAR(latency, rows[i].objective, 1e-10 * latency);
    EXPECT_NEAR(loss, rows[i].loss, 1e-10 * loss);
  }
}

INSTANTIATE_TEST_SUITE_P(, GoldenFrontier,
                         ::testing::Range<std::size_t>(0, golden().at("frontiers").size()));

}  // namespace
}  // namespace rooflaw::testing
