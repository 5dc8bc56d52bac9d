// Frontiers side by side, against scans of all points and, for the ratio, of every stretch of loss.

#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/search/comparison.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoint;
using search::FrontierPoints;

/// Random points, reduced to those that no other dominates. On a coarse lattice of losses, so that
/// two of them share some.
FrontierPoints random_frontier(Random& random, std::int64_t most) {
  FrontierPoints points;
  for (std::int64_t n = random.integer(1, most), i = 0; i < n; ++i)
    points.push_back({random.log_real(1e-3, 10),
                      random.chance(0.5) ? 0.125 * static_cast<double>(random.integer(16, 40))
                                         : random.real(2, 5),
                      i});
  return plain_frontier(points);
}

const FrontierPoint* scan_within(const FrontierPoints& points, double objective) {
  const FrontierPoint* best = nullptr;
  for (const auto& p : points)
    if (p.latency_s <= objective && (best == nullptr || p.loss < best->loss)) best = &p;
  return best;
}

const FrontierPoint* scan_reaching(const FrontierPoints& points, double loss) {
  const FrontierPoint* best = nullptr;
  for (const auto& p : points)
    if (p.loss <= loss && (best == nullptr || p.latency_s < best->latency_s)) best = &p;
  return best;
}

TEST(FrontiersSideBySide, LookUpsAreThoseOfAScan) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const auto points = random_frontier(random, 30);
    for (int k = 0; k < 20; ++k) {
      const bool exact = random.chance(0.5);
      const auto& at = points[static_cast<std::size_t>(
          random.integer(0, static_cast<std::int64_t>(points.size()) - 1))];
      const double t = exact ? at.latency_s : random.log_real(1e-4, 100);
      const double loss = exact ? at.loss : random.real(1, 6);
      ASSERT_EQ(scan_within(points, t), search::best_within(points, t));
      ASSERT_EQ(scan_reaching(points, loss), search::fastest_reaching(points, loss));
    }
  }
  EXPECT_EQ(nullptr, search::best_within(FrontierPoints{}, 1));
  EXPECT_EQ(nullptr, search::fastest_reaching(FrontierPoints{}, 1));
}

struct PlainRatio {
  double mean = 0, least = 0, largest = 0;
};

/// The middle of every stretch between losses that either has, weighed by its length; at every such
/// loss in the common range as well.
PlainRatio plain_ratio(const FrontierPoints& a, const FrontierPoints& b, double from, double to) {
  std::set<double> ends{from, to};
  for (const auto* points : {&a, &b})
    for (const auto& p : *points)
      if (from <= p.loss && p.loss <= to) ends.insert(p.loss);
  const auto ratio_at = [&](double loss) {
    return scan_reaching(a, loss)->latency_s / scan_reaching(b, loss)->latency_s;
  };
  PlainRatio r{.mean = 0, .least = ratio_at(from), .largest = ratio_at(from)};
  const auto see = [&](double loss) {
    r.least = std::min(r.least, ratio_at(loss));
    r.largest = std::max(r.largest, ratio_at(loss));
  };
  double sum = 0;
  for (auto end = ends.begin(); end != ends.end(); ++end) {
    see(*end);
    if (std::next(end) == ends.end()) break;
    const double middle = 0.5 * (*end + *std::next(end));
    see(middle);
    sum += std::log(ratio_at(middle)) * (*std::next(end) - *end);
  }
  r.mean = from == to ? ratio_at(from) : std::exp(sum / (to - from));
  return r;
}

TEST(FrontiersSideBySide, RatioIsThatOfEveryStretch) {
  Random random(2);
  int common = 0, apart = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto a = random_frontier(random, 6), b = random_frontier(random, 6);
    const double from = std::max(a.back().loss, b.back().loss);
    const double to = std::min(a.front().loss, b.front().loss);
    const auto r = search::ratio_at_equal_loss(a, b);
    ASSERT_EQ(from <= to, r.has_value());
    if (!r) {
      ++apart;
      continue;
    }
    ++common;
    ASSERT_EQ(from, r->loss_from);
    ASSERT_EQ(to, r->loss_to);
    const auto plain = plain_ratio(a, b, from, to);
    ASSERT_NEAR(1, r->mean / plain.mean, 1e-12);
    ASSERT_NEAR(1, r->least / plain.least, 1e-12);
    ASSERT_NEAR(1, r->largest / plain.largest, 1e-12);
    const auto back = search::ratio_at_equal_loss(b, a);
    ASSERT_NEAR(1, r->mean * back->mean, 1e-12);
  }
  EXPECT_GT(common, 300);
  EXPECT_GT(apart, 30);
  EXPECT_FALSE(search::ratio_at_equal_loss(FrontierPoints{}, random_frontier(random, 3)));
}

TEST(FrontiersSideBySide, ADeviceThreeTimesAsSlowHasRatioThree) {
  Random random(3);
  for (int i = 0; i < 50; ++i) {
    const auto a = random_frontier(random, 40);
    auto slow = a;
    for (auto& p : slow) p.latency_s *= 3;
    const auto r = search::ratio_at_equal_loss(slow, a);
    ASSERT_TRUE(r);
    EXPECT_NEAR(3, r->mean, 1e-12);
    EXPECT_NEAR(3, r->least, 1e-12);
    EXPECT_NEAR(3, r->largest, 1e-12);
  }
}

TEST(FrontiersSideBySide, LadderIsOfPointsFromEndToEnd) {
  Random random(4);
  for (int i = 0; i < 300; ++i) {
    const auto points = random_frontier(random, 40);
    for (const std::size_t rungs : {1u, 2u, 5u}) {
      const auto ladder = search::ladder(points, rungs);
      ASSERT_GE(ladder.size(), 1u);
      ASSERT_LE(ladder.size(), rungs);
      for (std::size_t r = 0; r < ladder.size(); ++r) {
        ASSERT_EQ(ladder[r], scan_within(points, ladder[r])->latency_s);
        if (r > 0) {
          ASSERT_GT(ladder[r], ladder[r - 1]);
        }
      }
      if (rungs > 1) {
        ASSERT_EQ(points.front().latency_s, ladder.front());
        ASSERT_EQ(points.back().latency_s, ladder.back());
      }
    }
  }
  EXPECT_TRUE(search::ladder(FrontierPoints{}, 5).empty());
  // 1, 10, 100 of 1 .. 100: the point at 30 is the slowest within 31.6.
  const FrontierPoints points{{1, 5, 0}, {9, 4, 1}, {11, 3, 2}, {30, 2.5, 3}, {100, 2, 4}};
  EXPECT_EQ((std::vector<double>{1, 9, 30, 100}), search::ladder(points, 5));
}

TEST(FrontiersSideBySide, RegretOfAFrontierPointIsNone) {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    const auto points = random_frontier(random, 20);
    for (const auto& p : points) {
      const auto none = search::regret(points, p.latency_s, p.loss);
      ASSERT_EQ(0, none.nats);
      ASSERT_EQ(1, none.ratio);
      const auto some = search::regret(points, 1.5 * p.latency_s, p.loss);
      ASSERT_GE(some.nats, 0);
      ASSERT_DOUBLE_EQ(1.5, some.ratio);
    }
    const auto fast = search::regret(points, 0.5 * points.front().latency_s, 9);
    EXPECT_TRUE(std::isnan(fast.nats));
    EXPECT_EQ(0.5, fast.ratio);
    const auto good = search::regret(points, 100, 1);
    EXPECT_LT(good.nats, 0);
    EXPECT_TRUE(std::isnan(good.ratio));
  }
}

TEST(FrontiersSideBySide, BandIsTheMeanFactor) {
  const std::vector<double> t{1, 2, 4}, low{0.5, 1.6, 4}, high{2, 4, 8};
  const auto band = search::band_of(t, low, high);
  EXPECT_NEAR(std::cbrt(0.5 * 0.8 * 1), band.low, 1e-15);
  EXPECT_NEAR(2, band.high, 1e-15);
  EXPECT_TRUE(band.known());
  EXPECT_FALSE(search::band_of({}, {}, {}).known());
  EXPECT_FALSE(search::band_of(t, std::vector{0.5, nan, 4.0}, high).known());
  EXPECT_FALSE(search::band_of(t, low, std::vector{2.0, 4.0, 0.0}).known());
}

TEST(FrontiersSideBySide, Ties) {
  using search::Tie;
  const search::Band narrow{0.95, 1.05}, wide{0.8, 1.3}, unknown{nan, nan};
  EXPECT_EQ(Tie::yes, search::tie(1.04, narrow, narrow));
  EXPECT_EQ(Tie::no, search::tie(1.2, narrow, narrow));
  EXPECT_EQ(Tie::yes, search::tie(1.3, narrow, wide));   // within the baseline's
  EXPECT_EQ(Tie::yes, search::tie(1.25, wide, narrow));  // it may be 20 % faster
  EXPECT_EQ(Tie::no, search::tie(1.26, wide, narrow));
  EXPECT_EQ(Tie::no, search::tie(0.76, wide, narrow));
  EXPECT_EQ(Tie::unknown, search::tie(1.0, unknown, unknown));
  EXPECT_EQ(Tie::unknown, search::tie(2.0, unknown, wide));
  EXPECT_EQ(Tie::yes, search::tie(1.1, unknown, wide));
}

TEST(FrontiersSideBySide, ARowIsTheArchitectureItWasMadeFrom) {
  Random random(6);
  std::int64_t seen = 0;
  for (int i = 0; i < 60; ++i) {
    const auto r = random_question(random, 1, 2000, 64);
    search::Space space = r.question.space;
    if (random.chance(0.3)) space.window = {.tokens = 256, .global_every = 2};
    if (std::any_of(space.attention.begin(), space.attention.end(),
                    [](const auto& c) { return c.kind != model::AttentionKind::gqa; }))
      space.window.reset();
    const auto& s = r.question.deployments.front().scenario;
    for (const auto& [index, a] : all_points(space)) {
      const auto e = model::evaluate(published_law(), a, s);
      for (const search::Index place : {index, search::Index{-1}})
        ASSERT_EQ(a, architecture_of(search::row_of({a, e, 1.0, 1.0, {}, {}, place}), space));
      ++seen;
    }
  }
  EXPECT_GT(seen, 1000);
}

}  // namespace
}  // namespace rooflaw::testing
