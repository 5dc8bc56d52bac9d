#include "rooflaw/theory/xi_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using testing::golden;
using testing::golden_scenario;
using ::testing::HasSubstr;
using testing::limits;
using ::testing::Property;
using testing::published_law;
using ::testing::Throws;
using enum model::Objective;

model::Scenario vla_on_orin() { return golden_scenario(golden().at("cases")[0]); }

/// A token in, a token out, on a chip of unit rates.
model::Scenario one_token_each() {
  return testing::scenario_at({.flop_per_s = 1, .bytes_per_s = 1},
                              {.id = "w", .input_tokens = 1, .output_tokens = 1});
}

// A model whose heads fill the width, so that the xi model counts its weights exactly.
model::Architecture square_architecture() {
  model::Architecture a;
  static_cast<model::Layers&>(a) = {.layers = 10,
                                    .heads = 16,
                                    .head_dim = 64,
                                    .kv_heads = 4,
                                    .expert_ffn = 512,
                                    .experts = 8,
                                    .top_k = 2};
  a.width = 1024;
  a.vocab = 1000;
  return a;
}

Shape shape_of(const model::Architecture& a) {
  const auto point = model::law_point(model::lift(a));
  return {.layers = point.layers,
          .width = point.width,
          .ffn_ratio = point.ffn_ratio,
          .gqa = point.width / point.kv_dim,
          .activation_rate = point.activation_rate};
}

TEST(XiModel, CountsTheWeightsOfARealArchitecture) {
  const auto a = square_architecture();
  const Shape shape = shape_of(a);
  const auto attention = model::attention_shape(a, a.width);
  const auto ffn = model::ffn_shape(a);
  const double square = shape.width * shape.width;
  EXPECT_DOUBLE_EQ(xi_all(shape) * square, attention.weights() + ffn.weights());
  EXPECT_DOUBLE_EQ(xi_decode(shape) * square, attention.weights() + ffn.active_weights());
  EXPECT_DOUBLE_EQ(xi_prefill(shape), 2.0 * xi_decode(shape));
}

TEST(XiModel, DecodeReadsTheCacheOfTheMeanContext) {
  const auto a = square_architecture();
  const auto scenario = vla_on_orin();
  const XiModel xi = xi_model(scenario);
  const Shape shape = shape_of(a);
  const double cache_bytes = (1024 + 8.5) * model::attention_shape(a, a.width).cache_elements() * 2;
  EXPECT_DOUBLE_EQ(xi_delta(xi, shape) * shape.width * shape.width * xi.weight_bytes, cache_bytes);
  EXPECT_DOUBLE_EQ(decode_bytes_per_layer(xi, shape),
                   xi_decode(shape) * shape.width * shape.width * 2 + cache_bytes);
}

TEST(XiModel, SlowerCacheReadsCountAsMoreBytes) {
  auto scenario = vla_on_orin();
  scenario.rates.s_per_kv_byte = 2.5 * scenario.rates.s_per_byte;
  EXPECT_DOUBLE_EQ(xi_model(scenario).kv_bytes, 5.0);
  scenario.workload.batch = 4;
  EXPECT_DOUBLE_EQ(xi_model(scenario).cached_tokens, 4 * 1032.5);
}

TEST(XiModel, LossIsTheLawsWithWidthOverGqaAsKvDimension) {
  const auto law = published_law();
  const auto a = square_architecture();
  EXPECT_DOUBLE_EQ(
      loss(law, shape_of(a), 0.25),
      model::loss(law, model::loss_terms(law, model::law_point(model::lift(a))), 0.25));
  EXPECT_DOUBLE_EQ(law_point(shape_of(a)).kv_dim, 256.0);
}

TEST(Budgets, SecondsBecomeWorkAtTheEffectiveRates) {
  const auto scenario =
      testing::scenario_at({.flop_per_s = 1e12, .bytes_per_s = 1e11},
                           {.id = "w", .batch = 2, .input_tokens = 100, .output_tokens = 50});
  const Budgets b =
      to_budgets(limits({{prefill, 0.1}, {decode, 0.2}, {total, 0.3}, {memory, 1e9}}), scenario);
  EXPECT_DOUBLE_EQ(*b.prefill_flop_per_token, 0.1 * 1e12 / 200);
  EXPECT_DOUBLE_EQ(*b.decode_bytes_per_token, 0.2 * 1e11 / 50);
  EXPECT_DOUBLE_EQ(b.total->seconds, 0.3);
  EXPECT_DOUBLE_EQ(*b.memory_bytes, 1e9);
  // A shape that spends the prefill and the decode budget in full takes the sum of both times.
  EXPECT_DOUBLE_EQ(*b.prefill_flop_per_token * b.total->s_per_prefill_flop +
                       *b.decode_bytes_per_token * b.total->s_per_decode_byte,
                   0.1 + 0.2);
}

TEST(Budgets, OfTwoLimitsOnDecodeTheTighterHolds) {
  const auto scenario = testing::scenario_at({.flop_per_s = 1e12, .bytes_per_s = 1e11},
                                             {.id = "w", .output_tokens = 50});
  const auto bytes = [&](double tpot_s, double decode_s) {
    return *to_budgets(limits({{tpot, tpot_s}, {decode, decode_s}}), scenario)
                .decode_bytes_per_token;
  };
  EXPECT_DOUBLE_EQ(bytes(0.01, 0.4), 0.4 * 1e11 / 50);
  EXPECT_DOUBLE_EQ(bytes(0.004, 0.4), 0.004 * 1e11);
}

TEST(Budgets, TotalUsageIsPrefillTimePlusDecodeTime) {
  const auto scenario = vla_on_orin();
  const XiModel xi = xi_model(scenario);
  const Shape shape{.layers = 20, .width = 1024, .ffn_ratio = 3, .gqa = 4, .activation_rate = 0.5};
  const Budgets b = budgets_at(scenario, total, 0.1, infinity);
  const double prefill_s = 20 * xi_prefill(shape) * 1024 * 1024 * 1024 / 42.5e12;
  const double decode_s = 20 * xi_effective(xi, shape) * 1024 * 1024 * 2 * 16 / 204.8e9;
  EXPECT_NEAR(usage(xi, b, shape, Resource::total), prefill_s + decode_s, 1e-15);
}

TEST(Budgets, TokenLatencyIsTheDecodeTimeOverItsSteps) {
  const auto scenario = vla_on_orin();
  const Budgets b = budgets_at(scenario, tpot, 0.005, 3e9);
  EXPECT_DOUBLE_EQ(*b.decode_bytes_per_token, 0.005 * 204.8e9);
  EXPECT_DOUBLE_EQ(*b.memory_bytes, 3e9);
  EXPECT_FALSE(b.prefill_flop_per_token || b.total);
}

TEST(Budgets, InfiniteIsAbsent) {
  const Budgets b = to_budgets(limits({{prefill, infinity},
                                       {tpot, infinity},
                                       {decode, infinity},
                                       {total, infinity},
                                       {memory, infinity}}),
                               one_token_each());
  for (const auto resource : all_resources) EXPECT_FALSE(limit(b, resource)) << to_string(resource);
}

TEST(Budgets, BadOnesAreRefusedByName) {
  for (const double bad : {0.0, -1.0, nan, -infinity}) {
    for (const auto objective : {prefill, tpot, total, decode, memory}) {
      const std::string name(to_string(objective));
      EXPECT_THAT(
          [&] {
            to_budgets(limits({{objective, bad}}), one_token_each());
          },
          Throws<DomainError>(Property(&DomainError::what, HasSubstr(name + " budget"))))
          << bad;
    }
    const auto on = [&](const EffectiveRates& rates) {
      return testing::scenario_at(rates, {.id = "w", .input_tokens = 1, .output_tokens = 1});
    };
    EXPECT_THROW(to_budgets(limits({{decode, 1}}), on({.flop_per_s = bad, .bytes_per_s = 1})),
                 DomainError);
    EXPECT_THROW(to_budgets(limits({{decode, 1}}), on({.flop_per_s = 1, .bytes_per_s = bad})),
                 DomainError);
  }
}

TEST(Budgets, APhaseThatDoesNotExistHasNoBudget) {
  const auto on = [](const model::Workload& w) {
    return testing::scenario_at({.flop_per_s = 1, .bytes_per_s = 1}, w);
  };
  const auto no_input = on({.id = "w", .output_tokens = 1}),
             no_output = on({.id = "w", .input_tokens = 1});
  EXPECT_THROW(to_budgets(limits({{prefill, 1}}), no_input), DomainError);
  EXPECT_THROW(to_budgets(limits({{decode, 1}}), no_output), DomainError);
  EXPECT_THROW(to_budgets(limits({{total, 1}}), on({.id = "w"})), DomainError);
  EXPECT_NO_THROW(to_budgets(limits({{total, 1}}), no_input));
  auto scenario = vla_on_orin();
  scenario.workload.output_tokens = 0;
  EXPECT_THROW(budgets_at(scenario, tpot, 1, infinity), DomainError);
}

TEST(Law, CoefficientsThatAreNotPositiveAreRefusedByName) {
  auto law = published_law();
  EXPECT_NO_THROW(require_usable(law));
  const std::pair<const char*, double model::Law::*> positive[] = {
      {"law.kappa_l", &model::Law::kappa_l},     {"law.alpha_l", &model::Law::alpha_l},
      {"law.kappa_rho", &model::Law::kappa_rho}, {"law.alpha_rho", &model::Law::alpha_rho},
      {"law.alpha_r", &model::Law::alpha_r},     {"law.kappa_d", &model::Law::kappa_d},
      {"law.kappa_m", &model::Law::kappa_m},     {"law.alpha_m", &model::Law::alpha_m}};
  for (const auto& [name, member] : positive)
    for (const double bad : {0.0, -0.1, nan, infinity}) {
      auto broken = law;
      broken.*member = bad;
      EXPECT_THAT([&] { require_usable(broken); },
                  Throws<DomainError>(Property(&DomainError::what, HasSubstr(name))));
    }
  law.beta_2 = nan;
  EXPECT_THROW(require_usable(law), DomainError);
}

}  // namespace
}  // namespace rooflaw::theory
