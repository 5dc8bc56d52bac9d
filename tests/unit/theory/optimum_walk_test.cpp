// Along a frontier each optimum is sought from the one before it. That must be a matter of time
// alone: what it finds is the optimum of the same budgets sought from nothing.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using testing::Random;

struct WalkProblem {
  model::Law law;
  XiModel xi;
  ShapeBox box;
  Budgets budgets;  // that which varies: just enough for the cheapest shape
  std::vector<double> factors;
};

/// As along a frontier, whose points differ in one time; what else there is stays. (Were all scaled
/// alike, two could bind as one, and how they share its price would be anybody's choice.)
Budgets scaled(Budgets budgets, double factor) {
  if (budgets.total)
    budgets.total->seconds *= factor;
  else if (budgets.decode_bytes_per_token)
    *budgets.decode_bytes_per_token *= factor;
  else if (budgets.prefill_flop_per_token)
    *budgets.prefill_flop_per_token *= factor;
  return budgets;
}

WalkProblem random_walk_problem(Random& random) {
  WalkProblem p{.law = testing::random_law(random, random.chance(0.5) ? 1.3 : 3.0),
                .xi = testing::random_xi(random),
                .box = testing::random_box(random),
                .budgets = {},
                .factors = {}};
  // Silent on an axis: then there are several optima, of one loss.
  if (random.chance(0.1)) p.law.kappa_m = 0;
  if (random.chance(0.1)) p.law.kappa_rho = 0;
  if (random.chance(0.1)) p.box.activation_rate = {1, 1};
  if (random.chance(0.1)) p.box.min_kv_dim = p.box.width.hi / p.box.gqa.lo / random.uniform(1, 2);
  const Shape cheapest = cheapest_shape(p.box);
  p.budgets = testing::random_budgets(random, p.xi, p.box);
  if (p.budgets.total)
    p.budgets.total->seconds = usage(p.xi, p.budgets, cheapest, Resource::total);
  else if (p.budgets.decode_bytes_per_token)
    p.budgets.decode_bytes_per_token = usage(p.xi, p.budgets, cheapest, Resource::decode);
  else
    p.budgets.prefill_flop_per_token = usage(p.xi, p.budgets, cheapest, Resource::prefill);
  // Frontiers of all densities: neighbours alike but for rounding, and far apart.
  double factor = random.uniform(0.9, 1.0);
  const double step = random.log_uniform(1e-4, 1.0);
  for (int i = 0; i < 60; ++i) {
    p.factors.push_back(factor);
    factor *= 1 + step * random.log_uniform(random.chance(0.1) ? 1e-12 : 0.1, 1.0);
    if (i % 20 == 0) factor *= random.log_uniform(1.0, 10.0);
  }
  return p;
}

std::optional<Optimum> found_by(OptimumWalk& walk, const Budgets& budgets) {
  try {
    return walk.at(budgets);
  } catch (const DoesNotFit&) {
    return std::nullopt;
  }
}

TEST(OptimumWalk, IsTheOptimumOfEachOfItsBudgets) {
  Random random(11);
  std::set<std::string> seen;
  int solved = 0, did_not_fit = 0, box_alone = 0;
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const WalkProblem p = random_walk_problem(random);
    OptimumWalk walk(p.law, p.xi, p.box, 0.0);
    for (const double factor : p.factors) {
      SCOPED_TRACE(factor);
      const Budgets budgets = scaled(p.budgets, factor);
      OptimumWalk from_nothing(p.law, p.xi, p.box, 0.0);
      const auto expected = found_by(from_nothing, budgets);
      const auto o = found_by(walk, budgets);
      ASSERT_EQ(o.has_value(), expected.has_value());
      if (!o) {
        ++did_not_fit;
        continue;
      }
      ++solved;
      EXPECT_LE(o->kkt_residual, kkt_tolerance);
      EXPECT_NEAR(o->loss, expected->loss, 1e-10 * expected->loss);
      EXPECT_LE(o->loss, expected->loss * (1 + 1e-12));
      std::string binds;
      for (std::size_t j = 0; j < o->budgets.size(); ++j) {
        const BudgetState& state = o->budgets[j];
        EXPECT_LE(state.usage, state.limit * (1 + 1e-8));
        // Whether a price of nearly nothing is one, both need not agree on.
        const double price = expected->budgets[j].multiplier * state.limit;
        if (price > 1e-6 || price < 1e-12) {
          EXPECT_EQ(state.binds, expected->budgets[j].binds) << price;
        }
        if (state.binds) binds += std::string(to_string(state.resource)) + " ";
      }
      seen.insert(binds);
      box_alone += binds.empty() ? 1 : 0;
    }
  }
  EXPECT_GT(solved, 5000);
  EXPECT_GT(did_not_fit, 100);
  EXPECT_GT(box_alone, 100);
  EXPECT_GE(seen.size(), 8U);
}

TEST(OptimumWalk, IsTheSameBitsWhereverItIsWalked) {
  Random random(12);
  for (int i = 0; i < 20; ++i) {
    const WalkProblem p = random_walk_problem(random);
    OptimumWalk first(p.law, p.xi, p.box, 0.0), second(p.law, p.xi, p.box, 0.0);
    for (const double factor : p.factors) {
      const auto a = found_by(first, scaled(p.budgets, factor));
      const auto b = found_by(second, scaled(p.budgets, factor));
      ASSERT_EQ(a.has_value(), b.has_value());
      if (!a) continue;
      EXPECT_EQ(a->loss, b->loss);
      EXPECT_EQ(a->shape.gqa, b->shape.gqa);
      EXPECT_EQ(a->shape.activation_rate, b->shape.activation_rate);
    }
  }
}

// What went before need not be near, nor have the same budgets.
TEST(OptimumWalk, FindsItsWayFromAnywhere) {
  Random random(13);
  for (int i = 0; i < 30; ++i) {
    const WalkProblem p = random_walk_problem(random);
    OptimumWalk walk(p.law, p.xi, p.box, 0.0);
    for (int k = 0; k < 20; ++k) {
      const Budgets budgets = testing::random_budgets(random, p.xi, p.box);
      EXPECT_NEAR(walk.at(budgets).loss, optimise(p.law, p.xi, budgets, p.box).loss, 1e-10);
      if (k % 5 == 0) {
        EXPECT_THROW(walk.at({.memory_bytes = 1.0}), DoesNotFit);
        EXPECT_THROW(walk.at({.memory_bytes = -1.0}), DomainError);
      }
    }
    EXPECT_EQ(walk.at({}).loss, OptimumWalk(p.law, p.xi, p.box, 0.0).at({}).loss);
  }
}

TEST(OptimumWalk, RefusesWhatOptimiseRefuses) {
  const auto law = testing::published_law();
  const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1000};
  const ShapeBox box = default_box(law);
  auto broken = law;
  broken.kappa_d = -1;
  EXPECT_THROW(OptimumWalk(broken, xi, box, 0.0), DomainError);
  EXPECT_THROW(OptimumWalk(law, {.weight_bytes = 0, .kv_bytes = 2}, box, 0.0), DomainError);
  ShapeBox open = box;
  open.width.hi = infinity;
  EXPECT_THROW(OptimumWalk(law, xi, open, 0.0), DomainError);
}

}  // namespace
}  // namespace rooflaw::theory
