// The frontiers of a law's resamples: those of every point scored, and what is said of them.

#include "rooflaw/search/resample/resample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/search/state.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoints;
using ::testing::ElementsAre;

/// Far from the law it is of, its exponents of either sign.
model::LawCoefficients<double> random_resample(Random& random, const model::Law& law) {
  model::LawCoefficients<double> c = law;
  for (const auto& k : model::law_coefficients<>) c.*k.member *= random.real(0.6, 1.4);
  for (const auto member : {&model::Law::alpha_l, &model::Law::beta_1, &model::Law::beta_2,
                            &model::Law::alpha_m, &model::Law::alpha_r, &model::Law::alpha_rho})
    if (random.chance(0.25)) c.*member = -0.3 * c.*member;
  if (random.chance(0.2)) c.kappa_m = -c.kappa_m;
  if (random.chance(0.2)) c.kappa_rho = 0;
  return c;
}

TEST(Resample, FrontiersAreThoseOfEveryPointScored) {
  Random random(7001);
  int bounded = 0, unbounded = 0;
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    RandomQuestion r = random_question(random, 50, 4000, 16);
    limit_exactly(random, r);
    const auto question = search::of_law(with_laws(r.question, {published_law()}), 0);
    const auto known = search::points_of(grid(question));
    for (int k = 0; k < 4; ++k) {
      const auto resampled =
          search::with_law(question, 0, random_resample(random, question.laws.front()));
      (model::is_monotone(resampled.laws.front()) ? bounded : unbounded) += 1;
      const auto expected = search::points_of(grid(resampled));
      EXPECT_EQ(expected, search::frontiers_from(resampled, known, {}));
      EXPECT_EQ(expected, search::frontiers_from(resampled, {}, {}));
    }
  }
  EXPECT_GT(bounded, 50);
  EXPECT_GT(unbounded, 50);
}

TEST(Resample, SaysWhichPointsStayAndWhatIsBest) {
  Random random(7002);
  const RandomQuestion r = random_question(random, 500, 4000, 16);
  const auto& question = r.question;
  const auto known = search::points_of(grid(question));
  const auto other = search::with_law(question, 0, random_resample(random, question.laws.front()));
  const auto theirs = search::points_of(grid(other));
  const auto found = search::resample(other, known, 100, 1, {});
  ASSERT_EQ(known.size(), found.size());
  for (std::size_t t = 0; t < known.size(); ++t)
    for (std::size_t p = 0; p < known[t].size(); ++p) {
      double best = std::numeric_limits<double>::infinity();
      bool stays = false;
      for (const auto& point : theirs[t]) {
        if (point.latency_s <= known[t][p].latency_s) best = std::min(best, point.loss);
        stays = stays || point.index == known[t][p].index;
      }
      EXPECT_EQ(best, found[t].best[p]);
      EXPECT_EQ(stays, found[t].stays[p] == 1);
    }
}

TEST(Resample, TheLawItselfChangesNothing) {
  Random random(7003);
  const RandomQuestion r = random_question(random, 100, 2000, 16);
  const auto known = search::points_of(grid(r.question));
  const auto same = search::with_law(r.question, 0, r.question.laws.front());
  for (const auto& found : search::resample(same, known, 100, 1, {}))
    EXPECT_THAT(found.stays, ::testing::Each(1));
}

TEST(Resample, BandsAreQuantilesAndShares) {
  std::vector<search::Resampled> all;
  for (int i = 0; i <= 100; ++i)
    all.push_back({.best = {3.0 + i, 1.0 + 0.01 * i}, .stays = {i < 25, true, false}});
  const auto band = search::band_of(all, 3, {0, 2});
  EXPECT_EQ(101u, band.resamples);
  EXPECT_DOUBLE_EQ(8.0, band.low[0]);
  EXPECT_DOUBLE_EQ(98.0, band.high[0]);
  EXPECT_TRUE(std::isnan(band.low[1]) && std::isnan(band.high[1])) << "not taken there";
  EXPECT_DOUBLE_EQ(1.05, band.low[2]);
  EXPECT_THAT(band.stays, ElementsAre(25.0 / 101, 1.0, 0.0));
}

TEST(Resample, BandsAreThinnedWhereTheyAreTooMany) {
  EXPECT_THAT(search::band_points(3, 1000, 100), ElementsAre(0, 1, 2));
  EXPECT_THAT(search::band_points(5, 1'000'000, 40), ElementsAre(0, 2, 4));
  EXPECT_TRUE(search::band_points(0, 0, 100).empty());
}

TEST(Resample, WhatACheckpointHoldsIsLookedAt) {
  const search::Resampled good{.best = {3, 2}, .stays = {1, 0, 1}};
  EXPECT_NO_THROW(search::require_resampled(good, 3, 2));
  EXPECT_THROW(search::require_resampled(good, 2, 2), Error);
  EXPECT_THROW(search::require_resampled(good, 3, 3), Error);
  EXPECT_THROW(search::require_resampled({.best = {2, 3}, .stays = {1, 0, 1}}, 3, 2), Error);
  EXPECT_THROW(search::require_resampled({.best = {3, 2}, .stays = {1, 0, 2}}, 3, 2), Error);
  EXPECT_THROW(search::require_resampled({.best = {3, NAN}, .stays = {1, 0, 1}}, 3, 2), Error);
}

}  // namespace
}  // namespace rooflaw::testing
