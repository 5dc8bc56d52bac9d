// The frontier, its quick filter and its hypervolume against plain quadratic counterparts.

#include <gtest/gtest.h>

#include "reference/reference_model.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Frontier;
using search::FrontierPoint;

/// Points with many equal latencies, equal losses, and equal pairs of different index.
std::vector<FrontierPoint> random_points(Random& random, std::size_t n) {
  std::vector<FrontierPoint> points;
  const std::int64_t grain = random.pick<std::int64_t>({3, 10, 40, 1000000});
  for (std::size_t i = 0; i < n; ++i)
    points.push_back({static_cast<double>(random.integer(1, grain)) / 16.0,
                      static_cast<double>(random.integer(1, grain)) / 8.0,
                      static_cast<std::int64_t>(i)});
  random.shuffle(points);
  return points;
}

std::vector<FrontierPoint> inserted(const std::vector<FrontierPoint>& points) {
  Frontier frontier;
  for (const auto& p : points) frontier.insert(p);
  EXPECT_EQ(frontier.size(), frontier.points().size());
  return frontier.points();
}

TEST(Frontier, EqualsTheQuadraticOneInAnyOrder) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    auto points = random_points(random, static_cast<std::size_t>(random.integer(0, 150)));
    const auto expected = plain_frontier(points);
    EXPECT_EQ(expected, inserted(points));
    for (int k = 0; k < 3; ++k) {
      random.shuffle(points);
      EXPECT_EQ(expected, inserted(points));
    }
    auto twice = points;
    twice.insert(twice.end(), points.begin(), points.end());
    EXPECT_EQ(expected, inserted(twice));
  }
}

TEST(Frontier, CountsEveryChange) {
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    Frontier frontier;
    for (const auto& p : random_points(random, 100)) {
      const auto before = frontier.points();
      const auto additions = frontier.additions();
      frontier.insert(p);
      EXPECT_EQ(before != frontier.points(), additions != frontier.additions());
    }
  }
}

TEST(Frontier, RunsOfEveryOrder) {
  // Sorted either way, many points on the frontier: what a grid over one axis gives.
  std::vector<FrontierPoint> points;
  for (int i = 1; i <= 3000; ++i) points.push_back({1.0 * i, 10.0 - 0.001 * i, i});
  EXPECT_EQ(points, inserted(points));
  EXPECT_EQ(points, inserted({points.rbegin(), points.rend()}));
}

TEST(Frontier, OfEqualPointsTheLowestIndexStays) {
  EXPECT_EQ((std::vector<FrontierPoint>{{1, 2, 3}}), inserted({{1, 2, 7}, {1, 2, 3}, {1, 2, 5}}));
  // Equal in one only: the other decides, whatever the index.
  EXPECT_EQ((std::vector<FrontierPoint>{{1, 1, 9}}), inserted({{1, 2, 3}, {1, 1, 9}}));
  EXPECT_EQ((std::vector<FrontierPoint>{{1, 2, 9}}), inserted({{2, 2, 3}, {1, 2, 9}}));
}

TEST(Frontier, RefusesWhatIsNoNumber) {
  Frontier frontier;
  for (const double latency : {nan, 0.0, -1.0, -infinity})
    EXPECT_THROW(frontier.insert({latency, 1.0, 0}), DomainError) << latency;
  EXPECT_THROW(frontier.insert({1.0, nan, 0}), DomainError);
  EXPECT_EQ(0u, frontier.size());
}

TEST(Frontier, OfTwoIsThatOfAllTheirPoints) {
  Random random(9);
  for (int i = 0; i < 300; ++i) {
    // Few values, so that latencies, losses and whole points are the same now and then.
    Frontier all;
    std::vector<Frontier> parts(2);
    for (int k = 0; k < i % 40; ++k) {
      const FrontierPoint p{static_cast<double>(random.integer(1, 12)) * 0.5,
                            static_cast<double>(random.integer(1, 12)) * 0.25,
                            random.integer(0, 5)};
      all.insert(p);
      parts[random.chance(0.3) ? 0 : 1].insert(p);
    }
    EXPECT_EQ(all.points(), merged(parts[0].points(), parts[1].points()));
    EXPECT_EQ(all.points(), merged(parts[1].points(), parts[0].points()));
    EXPECT_EQ(all.points(), merged(all.points(), parts[1].points()));
  }
}

TEST(Hypervolume, EqualsTheReference) {
  Random random(4);
  for (int i = 0; i < 500; ++i) {
    const auto points = random_points(random, static_cast<std::size_t>(random.integer(0, 80)));
    std::vector<std::pair<double, double>> pairs;
    for (const auto& p : points) pairs.emplace_back(p.latency_s, p.loss);
    const double latency = random.log_real(0.05, 1e5), loss = random.log_real(0.1, 1e5);
    const double expected = reference::hypervolume(pairs, latency, loss);
    EXPECT_NEAR(expected, search::hypervolume(points, latency, loss), 1e-12 * (1 + expected));
  }
}

TEST(Hypervolume, ByHand) {
  const std::vector<FrontierPoint> points{{1, 2, 0}, {10, 1, 1}};
  EXPECT_DOUBLE_EQ(3.0, search::hypervolume(points, 100, 3));
  EXPECT_EQ(0.0, search::hypervolume({}, 100, 3));
  EXPECT_EQ(0.0, search::hypervolume(points, 1, 3));    // none is strictly faster
  EXPECT_EQ(0.0, search::hypervolume(points, 100, 1));  // none has strictly less loss
  EXPECT_DOUBLE_EQ(1.0, search::hypervolume(points, 10, 3));
  EXPECT_DOUBLE_EQ(1.0, search::hypervolume(points, 100, 2));
}

TEST(Hypervolume, APointMoreNeverLowersIt) {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const auto points = random_points(random, 40);
    std::vector<FrontierPoint> some;
    double volume = 0;
    for (const auto& p : points) {
      some.push_back(p);
      const double more = search::hypervolume(some, 50, 100);
      EXPECT_GE(more, volume - 1e-12 * volume);
      volume = more;
    }
    EXPECT_NEAR(volume, search::hypervolume(plain_frontier(points), 50, 100), 1e-12 * (1 + volume));
  }
}

TEST(Hypervolume, RefusesWhatIsNoNumber) {
  for (const auto& p : {FrontierPoint{nan, 1, 0}, FrontierPoint{0, 1, 0}, FrontierPoint{-1, 1, 0},
                        FrontierPoint{1, nan, 0}}) {
    const std::vector<FrontierPoint> points{{1, 1, 0}, p};
    EXPECT_THROW(search::hypervolume(points, 10, 10), DomainError);
  }
}

TEST(Hypervolume, DefaultReferenceLiesJustBeyondTheFrontier) {
  const std::vector<FrontierPoint> points{{1, 4, 0}, {2, 3, 1}, {8, 2.5, 2}};
  const auto r = search::default_reference(points);
  EXPECT_DOUBLE_EQ(8.8, r.latency_s);
  EXPECT_DOUBLE_EQ(4.1, r.loss);
  // 0.1 is lost in a loss of 1e30
  const std::vector<FrontierPoint> huge{{1, 1e30, 0}};
  EXPECT_GT(search::default_reference(huge).loss, 1e30);
  EXPECT_EQ(0, search::hypervolume_gain(huge, huge));
  const auto none = search::default_reference({});
  EXPECT_EQ(0, none.latency_s);
  EXPECT_EQ(0, none.loss);
}

}  // namespace
}  // namespace rooflaw::testing
