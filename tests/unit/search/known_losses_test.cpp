// What is known of a frontier as losses alone: whatever it drops is dominated, whoever found what,
// in whatever order it is put together.

#include "rooflaw/search/score/known_losses.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "reference/reference_model.hpp"
#include "rooflaw/core/numbers.hpp"
#include "search/score/row_kernels.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::DominanceBins;
using search::Frontier;
using search::FrontierPoint;
using search::KnownLosses;
using search::LossBound;

TEST(DominanceBins, DropOnlyWhatIsDominated) {
  Random random(2);
  std::size_t dropped = 0, dominated = 0;
  for (int i = 0; i < 200; ++i) {
    const double low = random.pick<double>({1e-12, 1e-6, 0.01, 1.0, 1e8});
    const double high = low * random.pick<double>({1.02, 2.0, 1e4, 1e12});
    const auto draw = [&](std::int64_t index) {
      return FrontierPoint{random.log_real(low, high), random.real(1, 5), index};
    };
    Frontier frontier;
    KnownLosses known;
    std::vector<FrontierPoint> points;
    for (int k = 0; k < 60; ++k) {
      points.push_back(draw(k));
      frontier.insert(points.back());
      known.add(LossBound::bin(points.back().latency_s), points.back().loss);
    }
    const double* least = known.bins();
    for (int k = 0; k < 300; ++k) {
      // New points, and points that share a coordinate with an old one.
      FrontierPoint p = draw(1000 + k);
      if (k % 3 == 1) p.latency_s = random.pick(points).latency_s;
      if (k % 3 == 2) p.loss = random.pick(points).loss;
      const bool is_dominated =
          std::any_of(points.begin(), points.end(), [&](const auto& q) { return dominates(q, p); });
      const bool is_dropped = !(least[DominanceBins::bin(p.latency_s)] > p.loss);
      EXPECT_TRUE(is_dominated || !is_dropped) << p.latency_s << ", " << p.loss;
      dropped += is_dropped ? 1 : 0;
      dominated += is_dominated ? 1 : 0;
    }
    for (const auto& p : frontier.points())
      EXPECT_GT(least[DominanceBins::bin(p.latency_s)], p.loss);
  }
  EXPECT_GT(dropped, dominated / 2);  // it does drop most of what it could
}

TEST(DominanceBins, OrderLatencies) {
  Random random(3);
  EXPECT_EQ(0, DominanceBins::bin(1e-300));
  EXPECT_EQ(0, DominanceBins::bin(0x1p-31));
  EXPECT_EQ(DominanceBins::count - 1, DominanceBins::bin(1e300));
  EXPECT_EQ(DominanceBins::count - 1, DominanceBins::bin(infinity));
  for (int i = 0; i < 20000; ++i) {
    const double x = random.log_real(1e-12, 1e12), y = random.log_real(1e-12, 1e12);
    const auto bx = DominanceBins::bin(x), by = DominanceBins::bin(y);
    ASSERT_GE(bx, 0);
    ASSERT_LT(bx, DominanceBins::count);
    ASSERT_TRUE(bx >= by || x < y);
  }
}

TEST(LossBound, IsTheLeastLossOfFasterPointsOrMore) {
  Random random(309);
  for (int i = 0; i < 200; ++i) {
    Frontier frontier;
    std::vector<double> latencies;
    for (int n = 0; n < 50; ++n) {
      latencies.push_back(std::exp(random.real(-12, 5)));
      frontier.insert({latencies.back(), random.real(2, 8), n});
    }
    const auto points = frontier.points();
    const bool fine = random.chance(0.5);
    const LossBound of_points(points, 0.25);
    KnownLosses known;
    for (const auto& p : points) known.add(LossBound::bin(p.latency_s), p.loss - 0.25);
    const LossBound& bound = fine ? of_points : known.bound();
    const double bin_width = fine ? 0x1p-12 : 0x1p-9;
    for (int n = 0; n < 200; ++n) {
      const double latency =
          random.chance(0.5) ? random.pick(latencies) : std::exp(random.real(-13, 6));
      double least = std::numeric_limits<double>::infinity();
      double surely = least;  // of points faster by more than a bin
      for (const auto& p : points) {
        if (p.latency_s < latency) least = std::min(least, p.loss - 0.25);
        if (p.latency_s < latency * (1 - bin_width)) surely = std::min(surely, p.loss - 0.25);
      }
      const double ours = bound.faster_than(latency);
      EXPECT_GE(ours, least);
      EXPECT_LE(ours, surely);
    }
  }
  EXPECT_EQ(infinity, LossBound(Frontier{}.points()).faster_than(1.0));
}

std::vector<FrontierPoint> random_points(Random& random, int count) {
  const double low = random.pick<double>({1e-9, 1e-3, 2.0});
  const double high = low * random.pick<double>({1.001, 3.0, 1e6});
  std::vector<FrontierPoint> points;
  for (int i = 0; i < count; ++i)
    points.push_back({random.log_real(low, high), random.real(1, 5), i});
  return points;
}

TEST(KnownLosses, AreThoseOfTheBinsBefore) {
  Random random(21);
  for (int i = 0; i < 200; ++i) {
    const auto points = random_points(random, 1 + i);
    KnownLosses known;
    for (const auto& p : points) known.add(LossBound::bin(p.latency_s), p.loss);
    for (int k = 0; k < 100; ++k) {
      const double latency = k % 2 == 0 ? random.pick(points).latency_s
                                        : random.pick(points).latency_s * random.real(0.5, 2.0);
      const std::int64_t bin = LossBound::bin(latency);
      double before = infinity, until = infinity;
      for (const auto& p : points) {
        if (LossBound::bin(p.latency_s) < bin) before = std::min(before, p.loss);
        if (LossBound::bin(p.latency_s) <= bin) until = std::min(until, p.loss);
      }
      EXPECT_EQ(before, known.bound().before(bin));
      EXPECT_EQ(until, known.least_until(bin));
    }
  }
}

TEST(KnownLosses, AreTheSameInAnyOrderAndAsOftenAsOneLikes) {
  Random random(22);
  for (int i = 0; i < 50; ++i) {
    auto points = random_points(random, 60);
    KnownLosses once, often;
    for (const auto& p : points) once.add(LossBound::bin(p.latency_s), p.loss);
    for (int again = 0; again < 3; ++again) {
      random.shuffle(points);
      for (const auto& p : points) often.add(LossBound::bin(p.latency_s), p.loss);
    }
    for (const auto& p : points) {
      const auto bin = LossBound::bin(p.latency_s);
      EXPECT_EQ(once.bound().before(bin), often.bound().before(bin));
      EXPECT_EQ(once.least_until(bin), often.least_until(bin));
      // What is told of a bin is enough for another to know as much.
      KnownLosses told;
      told.add(bin, once.least_until(bin));
      EXPECT_EQ(once.least_until(bin), told.least_until(bin));
    }
    EXPECT_TRUE(std::equal(once.bins(), once.bins() + DominanceBins::count, often.bins()));
  }
}

TEST(KnownLosses, SayWhatIsWorthTelling) {
  KnownLosses known;
  const std::int64_t bin = LossBound::bin(0.01);
  EXPECT_TRUE(known.add(bin, 2.0));
  EXPECT_FALSE(known.add(bin, 2.0));
  EXPECT_FALSE(known.add(bin + 2, 2.0)) << "a slower point of the same loss";
  EXPECT_FALSE(known.add(bin, 2.0 - 0.5 * KnownLosses::last_digits));
  EXPECT_EQ(2.0 - 0.5 * KnownLosses::last_digits, known.least_until(bin)) << "known all the same";
  EXPECT_TRUE(known.add(bin, 1.9));
  EXPECT_TRUE(known.add(bin - 2, 1.95));
  EXPECT_FALSE(known.add(bin + 1, 1.9));
}

TEST(KnownLosses, OfLatenciesBeyondAllBinsDropNothingThatIsNotDominated) {
  KnownLosses known;
  const auto bin = [](double latency) { return LossBound::bin(latency); };
  known.add(bin(1e-12), 3.0);
  EXPECT_EQ(infinity, known.bound().before(bin(1e-13)));
  EXPECT_EQ(infinity, known.bound().before(bin(1e-12)));
  EXPECT_EQ(3.0, known.bound().before(bin(1.0)));
  EXPECT_EQ(3.0, known.bound().before(bin(1e300)));
  known.add(bin(1e12), 2.0);
  EXPECT_EQ(3.0, known.bound().before(bin(1e11)));
  EXPECT_GE(known.bound().before(bin(1e13)), 2.0);
  EXPECT_EQ(3.0, known.bound().before(bin(1.0)));
}

TEST(KnownLosses, TellWhatWasNotedOnce) {
  KnownLosses known;
  EXPECT_TRUE(known.take_noted().empty());
  std::vector<std::int64_t> bins{LossBound::bin(1e-3), LossBound::bin(2.0), LossBound::bin(1e4)};
  double loss = 4.0;
  for (const auto bin : bins) {
    ASSERT_TRUE(known.add(bin, loss -= 0.5));
    known.note(bin);
    known.note(bin);
  }
  EXPECT_EQ(bins, known.take_noted());
  EXPECT_TRUE(known.take_noted().empty());
  ASSERT_TRUE(known.add(bins[1], 1.0));
  EXPECT_TRUE(known.take_noted().empty()) << "not noted";
  known.add(bins[2], 0.5);
  known.note(bins[2]);
  EXPECT_EQ(std::vector{bins[2]}, known.take_noted());
}

using Finds = std::vector<std::vector<FrontierPoint>>;  // by who found them

/// All add what they found, at once; `look` is called after each with what is known and the point.
template <class Look>
void add_at_once(search::LossMemory& memory, const Finds& found, const Look& look) {
  std::atomic<std::size_t> waiting = found.size();
  std::vector<std::thread> threads;
  for (const auto& points : found)
    threads.emplace_back([&] {
      KnownLosses known(memory);
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      for (const auto& p : points) {
        known.add(LossBound::bin(p.latency_s), p.loss);
        look(known, p);
      }
    });
  for (auto& thread : threads) thread.join();
}

KnownLosses known_alone(const Finds& found) {
  KnownLosses alone;
  for (const auto& points : found)
    for (const auto& p : points) alone.add(LossBound::bin(p.latency_s), p.loss);
  return alone;
}

// A point that is the best so far lowers the bins of all slower ones: of a window of 60 octaves
// that would be a quarter of a megabyte each time.
TEST(KnownLosses, InCommonUseNoMoreBinsThanAlone) {
  Random random(31);
  for (int i = 0; i < 50; ++i) {
    const auto memory = std::make_unique<search::LossMemory>();
    make_ready(*memory);
    KnownLosses known(*memory), alone;
    for (int k = 0; k < 30; ++k) {
      const auto bin = LossBound::bin(random.log_real(1e-3, 10));
      const double loss = random.real(1, 5);
      EXPECT_EQ(alone.add(bin, loss), known.add(bin, loss));
    }
    const auto common = known.bound().window(), own = alone.bound().window();
    EXPECT_EQ(own.first, common.first);
    EXPECT_EQ(own.last, common.last);
    EXPECT_LT(common.last - common.first, LossBound::count / 2);
  }
}

// The first points that are found use bins far apart, of memory that held something else.
TEST(KnownLosses, InCommonDropNothingThatIsNotDominatedFromTheFirstPointOn) {
  Random random(29);
  for (int i = 0; i < 3000; ++i) {
    const auto memory = std::make_unique_for_overwrite<search::LossMemory>();
    make_ready(*memory);
    Finds found(4);
    for (auto& points : found)
      for (int k = 0; k < 3; ++k)
        points.push_back({random.log_real(1e-6, 1e3), random.real(1, 5), k});
    add_at_once(*memory, found, [](const auto&, const auto&) {});
    const KnownLosses alone = known_alone(found), known(*memory);
    for (double latency = 1e-7; latency < 1e4; latency *= 1.3)
      ASSERT_GE(known.bound().faster_than(latency), alone.bound().faster_than(latency))
          << i << ", " << latency;
  }
}

// Who began to look before bins of faster points came to be used takes none of these for faster
// than it is.
TEST(KnownLosses, InCommonAreRightToWhoLooksWhileTheirWindowGrows) {
  constexpr int octaves = 28;
  std::vector<double> latencies, least;
  for (int k = octaves; k > 0; --k)
    for (int step = 1; step < 128; step += 16) {
      latencies.push_back(std::ldexp(1 + step / 128.0, -k));
      least.push_back(10 + k);
    }
  const std::vector<double> no_loss(latencies.size(), 0.0);
  const auto look = [&](const KnownLosses& known) {
    std::vector<double> value(latencies.size());
    search::slack_values(latencies.size(), latencies.data(), no_loss.data(), 1, 0, known.bound(),
                         value.data());
    for (std::size_t i = 0; i < latencies.size(); ++i)
      if (value[i] < least[i] || known.bound().faster_than(latencies[i]) < least[i]) return false;
    return true;
  };
  Finds found(2);  // the second only looks
  for (int k = 0; k <= octaves; ++k) found[0].push_back({std::ldexp(1.0, -k), 10.0 + k, k});
  found[1].assign(10, {1.0, 10.0, 0});
  for (int i = 0; i < 2000; ++i) {
    const auto memory = std::make_unique_for_overwrite<search::LossMemory>();
    make_ready(*memory);
    std::atomic<bool> right = true;
    add_at_once(*memory, found, [&](const KnownLosses& known, const FrontierPoint&) {
      if (!look(known)) right = false;
    });
    ASSERT_TRUE(right) << i;
  }
}

TEST(KnownLosses, InCommonAreRightAtAnyTimeAndNearlyCompleteInTheEnd) {
  Random random(23);
  for (int i = 0; i < 10; ++i) {
    const auto memory = std::make_unique<search::LossMemory>();
    make_ready(*memory);
    Finds found;
    for (int user = 0; user < 4; ++user) found.push_back(random_points(random, 2000));
    const KnownLosses alone = known_alone(found);
    std::atomic<int> wrong = 0;
    add_at_once(*memory, found, [&](const KnownLosses& known, const FrontierPoint& p) {
      const auto bin = LossBound::bin(p.latency_s);
      wrong += known.bound().before(bin) < alone.bound().before(bin) ? 1 : 0;
    });
    EXPECT_EQ(0, wrong);
    const KnownLosses known(*memory);
    std::size_t missed = 0, all = 0;
    for (const auto& points : found)
      for (const auto& p : points) {
        const auto bin = LossBound::bin(p.latency_s);
        const auto coarse = DominanceBins::bin(p.latency_s);
        EXPECT_GE(known.bound().before(bin), alone.bound().before(bin));
        EXPECT_GE(known.bins()[coarse], alone.bins()[coarse]);
        missed += known.bound().before(bin) > alone.bound().before(bin) ? 1 : 0;
        ++all;
      }
    EXPECT_LT(missed, all / 2);
  }
}

}  // namespace
}  // namespace rooflaw::testing
