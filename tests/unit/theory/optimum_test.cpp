#include "rooflaw/theory/optimum.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/theory/closed_forms.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Property;
using testing::published_law;
using testing::Random;
using ::testing::Throws;

const XiModel fp16{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1032.5};

ShapeBox practical_box() {
  ShapeBox box = default_box(published_law());
  box.activation_rate.lo = 1.0 / 32.0;
  return box;
}

TEST(Optimum, DefaultBoxIsTheRangeOfTheLaw) {
  const ShapeBox box = default_box(published_law());
  EXPECT_EQ(box.layers.lo, 4);
  EXPECT_EQ(box.layers.hi, 32);
  EXPECT_EQ(box.width.lo, 768);
  EXPECT_EQ(box.width.hi, 3072);
  EXPECT_EQ(box.gqa.lo, 1);
  EXPECT_EQ(box.activation_rate.lo, 1.0 / 16);
  EXPECT_EQ(box.ffn_ratio.hi, 16);
  auto law = published_law();
  law.range.layers.reset();
  EXPECT_THROW(optimise(law, fp16, {}, default_box(law)), DomainError);
}

TEST(Optimum, OfALawThatIsSilentOnTheCacheHasTheLeastOfIt) {
  auto law = published_law();
  law.kappa_m = law.alpha_m = 0;
  const ShapeBox box = at_width(practical_box(), 1536);
  const auto o = optimise(law, fp16, {.decode_bytes_per_token = 2.048e9}, box);
  EXPECT_NEAR(o.shape.gqa, 1536 / box.min_kv_dim, 1e-6 * o.shape.gqa);
  law.kappa_l = law.kappa_rho = law.kappa_d = 0;
  EXPECT_THROW(optimise(law, fp16, {}, box), DomainError);
}

TEST(Optimum, IsTheClosedFormWhereNothingClips) {
  const Budgets budgets{.decode_bytes_per_token = 2.048e9, .memory_bytes = 8589934592.0};
  const auto forms = closed_forms(published_law(), fp16, 1536, budgets, 1.0 / 32.0);
  ASSERT_EQ(forms.decode_regime, Regime::both);
  const auto o = optimise(published_law(), fp16, budgets, at_width(practical_box(), 1536));
  EXPECT_NEAR(o.loss, forms.d3->loss, 1e-13);
  EXPECT_NEAR(o.shape.gqa, forms.d3->shape.gqa, 1e-7);
  EXPECT_THAT(binding(o), ElementsAre("decode", "memory"));
  EXPECT_THAT(o.sides, IsEmpty());
  EXPECT_NEAR(find(o, Resource::memory)->multiplier, forms.d3->mu_memory,
              1e-9 * forms.d3->mu_memory);
  EXPECT_EQ(o.shape.width, 1536.0);
}

TEST(Optimum, AClippedAxisChangesTheOthers) {
  const Budgets budgets{.decode_bytes_per_token = 6.4e9};
  const auto free = closed_forms(published_law(), fp16, 1024, budgets, 1.0 / 16.0);
  ASSERT_LT(free.d1->shape.gqa, 1.0);
  const auto o = optimise(published_law(), fp16, budgets, at_width(practical_box(), 1024));
  EXPECT_EQ(o.shape.gqa, 1.0);
  EXPECT_EQ(o.shape.ffn_ratio, 16.0);
  EXPECT_EQ(o.shape.layers, 32.0);
  EXPECT_EQ(o.shape.activation_rate, 1.0 / 32.0);
  std::set<std::string> sides;
  for (const auto& side : o.sides)
    sides.insert(std::string(to_string(side.axis)) + (side.upper ? " hi" : " lo"));
  EXPECT_THAT(sides, ElementsAre("activation_rate lo", "ffn_ratio hi", "gqa lo", "layers hi"));
  EXPECT_THAT(binding(o), IsEmpty());
}

TEST(Optimum, MemorySweepPassesEveryRegimeOnce) {
  const ShapeBox box = at_width({.layers = {1, 200},
                                 .width = {},
                                 .ffn_ratio = {0.01, 100},
                                 .gqa = {1e-3, infinity},
                                 .activation_rate = {1.0 / 64, 1}},
                                1536);
  std::vector<std::string> regimes;
  double last_loss = infinity;
  double last_price = infinity;
  const double step = 1.02;
  for (double memory = 1e9; memory < 4e11; memory *= step) {
    const auto o = optimise(published_law(), fp16,
                            {.decode_bytes_per_token = 2.048e9, .memory_bytes = memory}, box);
    std::string regime;
    for (const auto name : binding(o)) regime += std::string(name) + " ";
    if (regimes.empty() || regimes.back() != regime) regimes.push_back(regime);
    // The optimal loss is convex and decreasing in ln(memory): the price at either end bounds the
    // step from both sides. A jump would break the bound.
    const double price = -o.prices.dloss_dln_memory;
    if (last_loss < infinity) {
      EXPECT_LE(last_loss - o.loss, last_price * std::log(step) + 1e-12);
      EXPECT_GE(last_loss - o.loss, price * std::log(step) - 1e-12);
    }
    last_loss = o.loss;
    last_price = price;
  }
  EXPECT_THAT(regimes, ElementsAre("memory ", "decode memory ", "decode "));
}

// With a dense model and no budgets the published law turns up again beyond a width.
TEST(Optimum, FindsTheWidthWhereTheLossTurnsUp) {
  const auto law = published_law();
  ShapeBox box = default_box(law);
  box.width = {768, 20000};
  box.activation_rate = {1, 1};
  const Optimum o = optimise(law, fp16, {}, box);
  EXPECT_GT(o.shape.width, 1000);
  EXPECT_LT(o.shape.width, 19000);
  for (const double factor : {0.5, 0.9, 1.1, 2.0}) {
    Shape other = o.shape;
    other.width *= factor;
    EXPECT_GT(loss(law, other), o.loss);
  }
  EXPECT_THAT(o.sides, ::testing::Not(IsEmpty()));
}

TEST(Optimum, ShadowPricesAreDerivativesOfTheSolvedLoss) {
  const auto law = published_law();
  const model::Workload workload{.id = "", .batch = 1, .input_tokens = 1024, .output_tokens = 64};
  struct Chip {
    double compute = 20e12, bandwidth = 100e9, memory = 4e9;
  };
  const auto solve_on = [&](const Chip& chip, model::Limits limits) {
    limits.set(model::Objective::memory, chip.memory);
    const auto scenario =
        testing::scenario_at({.flop_per_s = chip.compute, .bytes_per_s = chip.bandwidth}, workload);
    return optimise(law, fp16, to_budgets(limits, scenario), practical_box());
  };
  // The last makes all three of its budgets bind at once.
  using enum model::Objective;
  const model::Limits settings[] = {
      testing::limits({{prefill, 0.05}}), testing::limits({{decode, 0.5}}),
      testing::limits({{total, 0.5}}), testing::limits({{prefill, 0.0313}, {decode, 0.4}})};
  for (const auto& seconds : settings) {
    const Chip chip;
    const auto o = solve_on(chip, seconds);
    ASSERT_EQ(binding(o).size(), seconds.finite().size() + 1);
    const auto derivative = [&](double Chip::*quantity) {
      const double h = 1e-5;
      Chip more = chip, less = chip;
      more.*quantity *= std::exp(h);
      less.*quantity *= std::exp(-h);
      return (solve_on(more, seconds).loss - solve_on(less, seconds).loss) / (2 * h);
    };
    EXPECT_NEAR(o.prices.dloss_dln_compute, derivative(&Chip::compute), 1e-7);
    EXPECT_NEAR(o.prices.dloss_dln_bandwidth, derivative(&Chip::bandwidth), 1e-7);
    EXPECT_NEAR(o.prices.dloss_dln_memory, derivative(&Chip::memory), 1e-7);
    EXPECT_LT(o.prices.dloss_dln_compute + o.prices.dloss_dln_bandwidth, -1e-4);
    // A longer budget is a faster chip, both rates at once.
    EXPECT_NEAR(o.prices.dloss_dln_prefill_budget + o.prices.dloss_dln_decode_budget +
                    o.prices.dloss_dln_total_budget,
                o.prices.dloss_dln_compute + o.prices.dloss_dln_bandwidth, 1e-14);
  }
}

TEST(Optimum, PenaltyOfThePrecisionIsAdded) {
  const auto plain = optimise(published_law(), fp16, {}, practical_box());
  const auto penalised = optimise(published_law(), fp16, {}, practical_box(), 0.125);
  EXPECT_DOUBLE_EQ(penalised.loss, plain.loss + 0.125);
  EXPECT_EQ(penalised.shape.width, plain.shape.width);
}

TEST(Optimum, WithoutBudgetsOnlyTheBoxHolds) {
  const auto o = optimise(published_law(), fp16, {.memory_bytes = infinity}, practical_box());
  EXPECT_THAT(o.budgets, IsEmpty());
  EXPECT_EQ(o.shape.layers, 32.0);
  EXPECT_EQ(o.shape.gqa, 1.0);
  EXPECT_EQ(o.prices.dloss_dln_memory, 0.0);
}

TEST(Optimum, ABoxOfOnePointIsThatPoint) {
  const ShapeBox box{.layers = {20, 20},
                     .width = {1024, 1024},
                     .ffn_ratio = {3, 3},
                     .gqa = {4, 4},
                     .activation_rate = {0.5, 0.5},
                     .min_kv_dim = 64};
  const Shape shape{.layers = 20, .width = 1024, .ffn_ratio = 3, .gqa = 4, .activation_rate = 0.5};
  const auto o = optimise(published_law(), fp16, {.memory_bytes = 1e12}, box);
  EXPECT_EQ(o.loss, loss(published_law(), shape));
  EXPECT_THAT(binding(o), IsEmpty());
}

TEST(Optimum, KvDimensionIsKept) {
  ShapeBox box = practical_box();
  box.min_kv_dim = 500;
  const auto o = optimise(published_law(), {2, 2, 1e6}, {.decode_bytes_per_token = 5e10}, box);
  EXPECT_NEAR(o.shape.width / o.shape.gqa, 500, 1e-8);
  EXPECT_GT(o.kv_dim_gain, 0.0);
}

TEST(Optimum, SaysWhatDoesNotFitAndByHowMuch) {
  const ShapeBox box = default_box(published_law());
  const Shape cheapest = cheapest_shape(box);
  EXPECT_EQ(cheapest.gqa, 12.0);  // 768 / 64
  const double needed = usage(fp16, {}, cheapest, Resource::memory);
  try {
    optimise(published_law(), fp16, {.decode_bytes_per_token = 1e12, .memory_bytes = needed / 1.25},
             box);
    FAIL() << "fitted";
  } catch (const DoesNotFit& e) {
    EXPECT_EQ(e.resource(), Resource::memory);
    EXPECT_DOUBLE_EQ(e.needed(), needed);
    EXPECT_DOUBLE_EQ(e.excess(), 1.25);
    EXPECT_EQ(e.cheapest().layers, 4.0);
    EXPECT_THAT(e.what(), HasSubstr("1.25 times"));
    EXPECT_THAT(e.what(), HasSubstr("memory budget"));
  }
}

TEST(Optimum, ABudgetThatTheCheapestShapeJustMeetsIsMet) {
  const ShapeBox box = default_box(published_law());
  const Shape cheapest = cheapest_shape(box);
  for (const double spare : {0.0, 1e-10, 1e-6}) {
    const auto o =
        optimise(published_law(), fp16,
                 {.memory_bytes = (1 + spare) * usage(fp16, {}, cheapest, Resource::memory)}, box);
    EXPECT_NEAR(o.shape.layers, 4.0, 4.1 * spare + 1e-7);
    EXPECT_NEAR(o.shape.width, 768.0, 768.1 * spare + 1e-5);
    EXPECT_THAT(binding(o), ElementsAre("memory"));
  }
}

TEST(Optimum, BadInputIsRefused) {
  const auto law = published_law();
  const ShapeBox good = default_box(law);
  const auto refuses = [&](const ShapeBox& box) {
    EXPECT_THROW(optimise(law, fp16, {}, box), DomainError);
  };
  for (const double bad : {0.0, -1.0, nan}) {
    EXPECT_THROW(optimise(law, fp16, {.decode_bytes_per_token = bad}, good), DomainError);
    EXPECT_THROW(optimise(law, fp16, {.prefill_flop_per_token = bad}, good), DomainError);
    EXPECT_THROW(optimise(law, fp16, {.memory_bytes = bad}, good), DomainError);
    EXPECT_THROW(optimise(law, fp16, {.total = TotalBudget{bad, 1, 1}}, good), DomainError);
    EXPECT_THROW(optimise(law, {bad, 2, 1}, {}, good), DomainError);
    if (bad != 0.0) {  // which is no term
      auto broken = law;
      broken.kappa_m = bad;
      EXPECT_THROW(optimise(broken, fp16, {}, good), DomainError);
    }
    ShapeBox box = good;
    box.ffn_ratio.lo = bad;
    refuses(box);
    box = good;
    box.min_kv_dim = bad;
    refuses(box);
  }
  EXPECT_THROW(optimise(law, fp16, {.total = TotalBudget{1, 0, 0}}, good), DomainError);
  EXPECT_THROW(optimise(law, fp16, {.total = TotalBudget{1, -1, 2}}, good), DomainError);
  ShapeBox box = good;
  box.activation_rate = {1.5, 2};
  EXPECT_THAT([&] { optimise(law, fp16, {}, box); },
              Throws<DomainError>(Property(&DomainError::what, HasSubstr("activation_rate"))));
  box = good;
  box.layers = {5, 4};
  refuses(box);
  box = good;
  box.width.hi = infinity;
  refuses(box);
  box = good;
  box.gqa.lo = 100;  // needs width 6400
  refuses(box);
}

}  // namespace
}  // namespace rooflaw::theory
