// What other laws say of a frontier, against comparing every candidate with every other.

#include "rooflaw/search/opinion.hpp"

#include <gtest/gtest.h>

#include "rooflaw/core/statistics.hpp"
#include "rooflaw/search/state.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoints;

struct Candidates {
  std::vector<model::Architecture> architectures;
  std::vector<double> objectives;
  std::vector<search::Index> indices;
};

/// The points of the frontiers of one target under all laws.
Candidates candidates_of(const search::Question& question,
                         const std::vector<FrontierPoints>& frontiers, std::size_t first) {
  std::set<std::pair<double, search::Index>> points;
  for (std::size_t law = 0; law < question.laws.size(); ++law)
    for (const auto& p : frontiers[first + law]) points.emplace(p.latency_s, p.index);
  Candidates c;
  for (const auto& [objective, index] : points) {
    c.objectives.push_back(objective);
    c.indices.push_back(index);
    c.architectures.push_back(
        *search::architecture_at(question.space, search::digits_of(question.space, index)));
  }
  return c;
}

double least_within(const FrontierPoints& frontier, double objective) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& p : frontier)
    if (p.latency_s <= objective) best = std::min(best, p.loss);
  return best;
}

model::Law scoring_law() {
  model::Law law = published_law();
  law.id = "scores";
  law.kappa_m = law.alpha_m = 0;
  law.kappa_p = 2605;
  law.alpha_p = 0.5055;
  return law;
}

TEST(Opinions, AreThoseOfEveryPairCompared) {
  Random random(9001);
  int looked_at = 0;
  for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    RandomQuestion r = random_question(random, 30, 1500, 16);
    limit_exactly(random, r);
    std::vector<model::Law> laws{published_law(), random_law(random), random_law(random)};
    laws[1].id = "second", laws[2].id = "third";
    const auto question = with_laws(r.question, laws);
    const auto frontiers = search::points_of(grid(question));
    const std::vector<model::Law> others{scoring_law()};
    for (std::size_t t = 0; t < question.targets.size(); t += laws.size()) {
      if (frontiers[t].empty()) continue;
      const auto& scenario = deployment_of(question, question.targets[t]).scenario;
      const auto c = candidates_of(question, frontiers, t);
      const auto opinions = search::opinions_on(question, frontiers, t, others);
      ASSERT_EQ(4u, opinions.by_law.size());
      std::vector<std::vector<double>> loss(4);
      for (std::size_t law = 0; law < 4; ++law)
        for (const auto& a : c.architectures)
          loss[law].push_back(model::evaluate(law < 3 ? laws[law] : others[0], a, scenario).loss);
      const auto best_at = [&](std::size_t law, double objective) {
        if (law < 3) return least_within(frontiers[t + law], objective);
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < c.objectives.size(); ++k)
          if (c.objectives[k] <= objective) best = std::min(best, loss[3][k]);
        return best;
      };
      for (std::size_t law = 0; law < 4; ++law) {
        const auto& o = opinions.by_law[law];
        EXPECT_EQ(law < 3 ? laws[law].id : "scores", o.law);
        EXPECT_EQ(law < 3, o.searched);
        ASSERT_EQ(frontiers[t].size(), o.rows.size());
        double sum = 0, largest = 0;
        for (std::size_t row = 0; row < o.rows.size(); ++row) {
          const auto& point = frontiers[t][row];
          const auto place = static_cast<std::size_t>(
              std::find(c.indices.begin(), c.indices.end(), point.index) - c.indices.begin());
          EXPECT_EQ(loss[law][place], o.rows[row].loss);
          EXPECT_EQ(loss[law][place] - best_at(law, point.latency_s), o.rows[row].regret);
          EXPECT_GE(o.rows[row].regret, 0.0);
          sum += o.rows[row].regret;
          largest = std::max(largest, o.rows[row].regret);
        }
        EXPECT_EQ(largest, o.largest_regret);
        EXPECT_DOUBLE_EQ(sum / static_cast<double>(o.rows.size()), o.mean_regret);
        if (law == 0) {
          EXPECT_EQ(0.0, o.largest_regret);
        }
        for (const auto& choice : o.choices) {
          EXPECT_LE(choice.objective, choice.within);
          EXPECT_EQ(best_at(law, choice.within), choice.loss);
        }
      }
      ASSERT_FALSE(opinions.least_regret.empty());
      for (const auto& choice : opinions.least_regret) {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < c.objectives.size(); ++k) {
          if (c.objectives[k] > choice.within) continue;
          double worst = 0;
          for (std::size_t law = 0; law < 3; ++law)
            worst = std::max(worst, loss[law][k] - best_at(law, choice.within));
          least = std::min(least, worst);
        }
        EXPECT_EQ(least, choice.worst_regret);
        ++looked_at;
      }
    }
  }
  EXPECT_GT(looked_at, 500);
}

TEST(Opinions, OfOneLawThereIsNoLeastRegret) {
  Random random(9002);
  const RandomQuestion r = random_question(random, 100, 1500, 16);
  const auto frontiers = search::points_of(grid(r.question));
  const auto opinions = search::opinions_on(r.question, frontiers, 0, {scoring_law()});
  ASSERT_EQ(2u, opinions.by_law.size());
  EXPECT_TRUE(opinions.least_regret.empty());
  EXPECT_DOUBLE_EQ(1.0, opinions.by_law[0].rank_correlation);
  EXPECT_NE(std::string::npos, opinions.by_law[1].opinion_on.find("layers"));
  EXPECT_EQ(std::string::npos, opinions.by_law[1].opinion_on.find("KV dimension"));
}

TEST(Opinions, AMultiplierHasNoRegret) {
  Random random(9003);
  const RandomQuestion r = random_question(random, 100, 1500, 16);
  model::Law multiplier;
  multiplier.id = "multiplier";
  multiplier.form = model::ConditionalLaw{2.3, 0.24, 0.02, 0.5, 0.005, 0.006};
  const auto opinions =
      search::opinions_on(r.question, search::points_of(grid(r.question)), 0, {multiplier});
  EXPECT_TRUE(std::isnan(opinions.by_law[1].rows.front().loss));
  EXPECT_TRUE(std::isnan(opinions.by_law[1].mean_regret));
  EXPECT_TRUE(opinions.by_law[1].choices.empty());
}

TEST(Statistics, RanksAndCorrelations) {
  EXPECT_EQ((std::vector<double>{2, 0.5, 0.5, 3}), ranks_of({7, 1, 1, 9}));
  EXPECT_DOUBLE_EQ(-1.0, correlation({1, 2, 3}, {6, 4, 2}));
  EXPECT_TRUE(std::isnan(correlation({1, 1, 1}, {6, 4, 2})));
  EXPECT_DOUBLE_EQ(2.5, quantile({4, 1, 3, 2}, 0.5));
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(inf, quantile({1, inf, inf}, 0.75));
}

}  // namespace
}  // namespace rooflaw::testing
