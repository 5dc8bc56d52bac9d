// Is the optimum optimal? The Karush-Kuhn-Tucker conditions with derivatives written out by hand,
// random points of the box, and a scan over widths.

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using testing::Random;

// Derivatives in the logarithms of (layers, width, ffn_ratio, gqa, activation_rate), by hand.
using Gradient = std::array<double, 5>;

Gradient loss_gradient(const model::Law& law, const Shape& x) {
  const auto t = model::loss_terms(law, law_point(x));
  return {-law.alpha_l * t.depth,
          -law.beta_1 * t.sparsity - law.beta_2 * t.capacity - law.alpha_m * t.kv,
          -law.alpha_r * (t.sparsity + t.capacity), law.alpha_m * t.kv, law.alpha_rho * t.sparsity};
}

double largest_derivative(const model::Law& law, const Shape& x) {
  const auto t = model::loss_terms(law, law_point(x));
  return std::max({law.alpha_l * t.depth,
                   std::max({law.alpha_rho, law.alpha_r, std::abs(law.beta_1)}) * t.sparsity,
                   std::max(law.alpha_r, std::abs(law.beta_2)) * t.capacity, law.alpha_m * t.kv});
}

Gradient usage_gradient(const XiModel& xi, const Budgets& b, const Shape& x, Resource resource) {
  const double cache = xi_delta(xi, x);
  switch (resource) {
    case Resource::prefill:
      return {1, 2, 6 * x.ffn_ratio / xi_prefill(x), -4 / x.gqa / xi_prefill(x), 0};
    case Resource::decode: {
      const double all = xi_effective(xi, x);
      return {1, 2 - cache / all, 3 * x.ffn_ratio / all, -(2 / x.gqa + cache) / all, 0};
    }
    case Resource::memory: {
      const double ffn = 3 * x.ffn_ratio / x.activation_rate / xi_all(x);
      return {1, 2, ffn, -2 / x.gqa / xi_all(x), -ffn};
    }
    case Resource::total: {
      const double prefill = prefill_flop_per_layer(x) * b.total->s_per_prefill_flop;
      const double decode = decode_bytes_per_layer(xi, x) * b.total->s_per_decode_byte;
      const auto p = usage_gradient(xi, b, x, Resource::prefill);
      const auto d = usage_gradient(xi, b, x, Resource::decode);
      Gradient sum{};
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] = (prefill * p[i] + decode * d[i]) / (prefill + decode);
      return sum;
    }
  }
  return {};
}

/// Stationarity, feasibility, complementarity and signs, from the answer alone.
void expect_optimal(const model::Law& law, const XiModel& xi, const Budgets& budgets,
                    const ShapeBox& box, const Optimum& o, double tolerance) {
  const double scale = largest_derivative(law, o.shape);
  Gradient sum = loss_gradient(law, o.shape);
  for (const auto& state : o.budgets) {
    const double price = state.multiplier * state.limit;
    const double log_share = std::log(usage(xi, budgets, o.shape, state.resource) / state.limit);
    EXPECT_GE(price, 0.0);
    EXPECT_LE(log_share, tolerance);
    EXPECT_LE(std::abs(price * log_share), tolerance * scale);
    const auto gradient = usage_gradient(xi, budgets, o.shape, state.resource);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += price * gradient[i];
  }
  EXPECT_GE(o.kv_dim_gain, 0.0);
  const double log_kv_share = std::log(box.min_kv_dim * o.shape.gqa / o.shape.width);
  EXPECT_LE(log_kv_share, tolerance);
  EXPECT_LE(std::abs(o.kv_dim_gain * log_kv_share), tolerance * scale);
  sum[3] += o.kv_dim_gain;
  sum[1] -= o.kv_dim_gain;

  const model::Interval intervals[] = {box.layers, box.width, box.ffn_ratio, box.gqa,
                                       box.activation_rate};
  const double values[] = {o.shape.layers, o.shape.width, o.shape.ffn_ratio, o.shape.gqa,
                           o.shape.activation_rate};
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double to_lower = std::log(values[i] / intervals[i].lo);
    const double to_upper = std::log(intervals[i].hi / values[i]);
    EXPECT_GE(to_lower, -tolerance);
    EXPECT_GE(to_upper, -tolerance);
    // What is left of the gradient must be held up by the bound on that side. min_kv_dim bounds gqa
    // and width through their other end too; at_width or gqa.lo may turn it into a plain bound.
    double slack = sum[i] > 0 ? to_lower : to_upper;
    if (i == 3 && sum[i] < 0)
      slack = std::min(slack, std::log(box.width.hi / box.min_kv_dim / values[i]));
    if (i == 1 && sum[i] > 0)
      slack = std::min(slack, std::log(values[i] / (box.gqa.lo * box.min_kv_dim)));
    EXPECT_LE(std::abs(sum[i]) * std::min(slack, 1.0), tolerance * scale)
        << to_string(static_cast<Dimension>(i)) << " rest " << sum[i] << " slack " << slack;
  }
}

/// A random point of the box that meets the budgets, with as many layers as fit; or none.
std::optional<Shape> random_feasible(Random& random, const XiModel& xi, const Budgets& budgets,
                                     const ShapeBox& box, const Shape& center, double reach) {
  const auto pick = [&](const model::Interval& interval, double around) {
    const double lo = std::max(interval.lo, around * std::exp(-reach));
    const double hi = std::min(interval.hi, around * std::exp(reach));
    return lo < hi ? random.log_uniform(lo, hi) : std::clamp(around, interval.lo, interval.hi);
  };
  Shape x;
  x.width = pick(box.width, center.width);
  x.ffn_ratio = pick(box.ffn_ratio, center.ffn_ratio);
  x.gqa = pick({box.gqa.lo, std::min(box.gqa.hi, x.width / box.min_kv_dim)}, center.gqa);
  x.activation_rate = pick(box.activation_rate, center.activation_rate);
  if (x.gqa * box.min_kv_dim > x.width || x.gqa < box.gqa.lo) return std::nullopt;
  x.layers = 1;
  double layers = box.layers.hi;
  for (const auto resource : all_resources)
    if (const auto budget = limit(budgets, resource))
      layers = std::min(layers, *budget / usage(xi, budgets, x, resource));
  if (layers < box.layers.lo) return std::nullopt;
  x.layers = layers;
  return x;
}

TEST(OptimumConditions, AThousandRandomProblemsAreSolvedToTheConditionsAndNoSampleIsBetter) {
  Random random(1);
  std::array<int, 4> bound{};
  int sampled = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto law = testing::random_law(random, i < 500 ? 1.3 : 3.0);
    const XiModel xi = testing::random_xi(random);
    const ShapeBox box = testing::random_box(random);
    const Budgets budgets = testing::random_budgets(random, xi, box);
    SCOPED_TRACE(i);
    const Optimum o = optimise(law, xi, budgets, box);
    EXPECT_LE(o.kkt_residual, 1e-8);
    expect_optimal(law, xi, budgets, box, o, 1e-8);
    for (const auto& state : o.budgets)
      if (state.binds) ++bound[static_cast<std::size_t>(state.resource)];
    double best = infinity;
    for (int k = 0; k < 2000; ++k) {
      const double reach = k % 2 == 0 ? 20.0 : random.log_uniform(1e-4, 1.0);
      const auto x = random_feasible(random, xi, budgets, box, o.shape, reach);
      if (!x) continue;
      ++sampled;
      best = std::min(best, loss(law, *x));
    }
    EXPECT_GE(best, o.loss - 1e-9 * std::max(1.0, o.loss));
  }
  for (const int count : bound) EXPECT_GT(count, 50);
  EXPECT_GT(sampled, 500000);
}

/// The best loss over widths, each solved on its own.
double scan_widths(const model::Law& law, const XiModel& xi, const Budgets& budgets,
                   const ShapeBox& box, int count) {
  double best = infinity;
  for (int k = 0; k <= count; ++k) {
    const double width = box.width.lo * std::pow(box.width.hi / box.width.lo, double(k) / count);
    try {
      best = std::min(best, optimise(law, xi, budgets, at_width(box, width)).loss);
    } catch (const DoesNotFit&) {
    }
  }
  return best;
}

TEST(OptimumConditions, BestWidthIsThatOfADenseScan) {
  Random random(5);
  int inside = 0;
  for (int i = 0; i < 40; ++i) {
    const auto law = testing::random_law(random, 1.5);
    const XiModel xi = testing::random_xi(random);
    ShapeBox box = testing::random_box(random);
    box.width = {200, 6000};
    const Budgets budgets = testing::random_budgets(random, xi, box);
    const Optimum o = optimise(law, xi, budgets, box);
    const double scanned = scan_widths(law, xi, budgets, box, 300);
    EXPECT_LE(o.loss, scanned + 1e-10 * o.loss);
    EXPECT_NEAR(o.loss, scanned, 1e-3 * o.loss);
    const double at_best = optimise(law, xi, budgets, at_width(box, o.shape.width)).loss;
    EXPECT_NEAR(o.loss, at_best, 1e-10 * o.loss);
    if (o.shape.width > 201 && o.shape.width < 5999) ++inside;
  }
  EXPECT_GT(inside, 10);
}

}  // namespace
}  // namespace rooflaw::theory
