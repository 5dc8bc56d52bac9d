// Both frontiers of golden.json through the search, from a Problem built from the JSON.

#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/search/grid/plan.hpp"
#include "rooflaw/search/rows.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::testing {
namespace {

search::Problem problem_from(const json& g) {
  search::Problem problem;
  problem.space = space_from(g.at("space"));
  problem.law = published_law();
  search::Setting setting;
  setting.scenario = scenario_from(g);
  const json& budget = g.at("memory_budget");
  if (budget.is_number()) setting.memory_budget_bytes = budget.get<double>();
  problem.settings = {setting};
  const auto kind = model::latency_kind_from(g.at("latency").get<std::string>()).value();
  problem.targets = {{.id = "golden", .setting = 0, .latency = kind}};
  return problem;
}

class GoldenFrontier : public ::testing::TestWithParam<std::size_t> {};

TEST_P(GoldenFrontier, ThroughTheGrid) {
  const json& g = golden().at("frontiers").at(GetParam());
  const search::Problem problem = problem_from(g);
  EXPECT_EQ(g.at("points").get<search::Index>(), search::valid_count(problem.space));

  const search::PowerTables tables = search::fill_tables(problem);
  search::Scanner scanner(problem, tables);
  const search::Plan plan(problem);
  for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
  const auto rows = search::describe(problem, problem.targets[0], scanner.frontiers().at(0));

  const json& expected = g.at("frontier");
  ASSERT_EQ(expected.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE("point " + std::to_string(i));
    const json& point = expected[i];
    const model::Architecture& a = rows[i].architecture;
    EXPECT_EQ(point.at("layers"), a.layers);
    EXPECT_EQ(point.at("width"), a.width);
    EXPECT_EQ(point.at("kv_heads"), a.kv_heads);
    EXPECT_EQ(point.at("expert_ffn"), a.expert_ffn);
    EXPECT_EQ(point.at("experts"), a.experts);
    EXPECT_EQ(point.at("top_k"), a.top_k);
    const double latency = point.at("latency_s");
    const double loss = point.at("loss");
    EXPECT_NEAR(latency, rows[i].latency_s, 1e-10 * latency);
    EXPECT_NEAR(loss, rows[i].evaluation.loss, 1e-10 * loss);
  }
}

INSTANTIATE_TEST_SUITE_P(, GoldenFrontier,
                         ::testing::Range<std::size_t>(0, golden().at("frontiers").size()));

}  // namespace
}  // namespace rooflaw::testing
