#include "rooflaw/theory/sensitivity.hpp"

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using model::Objective;
using testing::all_kinds;
using testing::golden;
using testing::golden_architecture;
using testing::golden_scenario;
using testing::published_law;

TEST(Sensitivity, SharesAreThoseOfTheEvaluationAndSumToOne) {
  const auto law = published_law();
  for (const auto& c : golden().at("cases")) {
    const auto s = golden_scenario(c);
    const auto a = golden_architecture(c.at("architecture"));
    const auto e = model::evaluate(law, a, s);
    for (const auto kind : all_kinds) {
      if (!model::applies(kind, s)) continue;
      const auto result = sensitivity(law, a, s, kind);
      EXPECT_NEAR(
          result.elasticity_compute + result.elasticity_bandwidth + result.elasticity_overhead, 1.0,
          1e-14);
      if (kind == Objective::total) continue;
      const auto& phase = kind == Objective::prefill ? e.prefill : e.decode;
      EXPECT_NEAR(result.elasticity_compute, phase.compute_share, 1e-13);
      EXPECT_NEAR(result.elasticity_bandwidth, phase.bandwidth_share, 1e-13);
    }
  }
}

// A chip on which the operator model is the xi model: free arithmetic, activations of no size.
model::Scenario xi_like_scenario() {
  auto s = golden_scenario(golden().at("cases")[0]);
  s.precision.activation_bytes = s.precision.input_bytes = 0;
  s.engine.lm_head = false;
  s.rates = {.s_per_matmul_flop = 1e-40,
             .s_per_attention_flop = 1e-40,
             .s_per_byte = 1e-11,
             .s_per_kv_byte = 1e-11,
             .layer_overhead_s = 0};
  return s;
}

TEST(Sensitivity, ExchangeRatesAgreeWithTheMultiplierAtAnInteriorOptimum) {
  const auto law = published_law();
  const auto s = xi_like_scenario();
  XiModel xi = xi_model(s);
  xi.cached_tokens += 1;  // the model also writes the new token's keys and values
  const double tpot = 0.01;
  const ShapeBox box{.layers = {1, 1000},
                     .width = {100, 20000},
                     .ffn_ratio = {0.01, 100},
                     .gqa = {0.01, 1000},
                     .activation_rate = {0.125, 0.125},
                     .min_kv_dim = 1};
  const auto o = optimise(law, xi, budgets_at(s, Objective::tpot, tpot, infinity), box);
  ASSERT_EQ(o.sides.size(), 0u) << "an interior optimum";

  const Shape& x = o.shape;
  model::ContinuousArchitecture<double> a{.groups = {{}}, .tables = {.vocab = 1000}};
  auto& [layers, attention, ffn] = a.groups.front();
  layers = x.layers;
  attention.width = ffn.width = x.width;
  attention.head_dim = 64;
  attention.heads = x.width / 64;
  attention.kv_heads = x.width / x.gqa / 64;
  ffn.expert_ffn = x.ffn_ratio * x.width;
  ffn.experts = 8;
  ffn.top_k = 1;
  ffn.routed = 1;
  const auto result = sensitivity(law, a, s, Objective::tpot);
  EXPECT_NEAR(x.layers * result.dlatency_dlayers, tpot, 1e-13);  // there is no head
  const double mu = -o.prices.dloss_dln_decode_budget / tpot;
  EXPECT_NEAR(result.exchange_layers, mu, 1e-9 * mu);
  EXPECT_NEAR(result.exchange_width, mu, 1e-9 * mu);
  EXPECT_NEAR(result.exchange_ffn_ratio, mu, 1e-9 * mu);
  EXPECT_NEAR(result.exchange_kv_dim, mu, 1e-9 * mu);
  EXPECT_NEAR(result.worth_bandwidth, -0.01 * o.prices.dloss_dln_bandwidth, 1e-12);
  EXPECT_NEAR(result.worth_compute, 0.0, 1e-30);
}

TEST(Sensitivity, WorthFollowsFromTheExchangeRateOfLayers) {
  const auto law = published_law();
  const auto a = golden_architecture(golden().at("cases")[0].at("architecture"));
  const auto s = golden_scenario(golden().at("cases")[0]);
  const auto e = model::evaluate(law, a, s);
  const auto result = sensitivity(law, a, s, Objective::total);
  EXPECT_NEAR(result.worth_compute,
              0.01 * result.exchange_layers * e.total_s * result.elasticity_compute, 1e-15);
  EXPECT_NEAR(result.worth_bandwidth,
              0.01 * result.exchange_layers * e.total_s * result.elasticity_bandwidth, 1e-15);
  EXPECT_GT(result.worth_compute, 0.0);
  EXPECT_GT(result.worth_bandwidth, 0.0);
}

TEST(Sensitivity, MemoryIsWorthSomethingOnlyWhereOneMoreLayerDoesNotFit) {
  const auto law = published_law();
  auto a = golden_architecture(golden().at("cases")[0].at("architecture"));
  const auto s = golden_scenario(golden().at("cases")[0]);
  const double used = model::evaluate(law, a, s).memory.total();
  ++a.layers;
  const double one_more = model::evaluate(law, a, s).memory.total();
  --a.layers;
  const auto worth = [&](double budget) {
    return sensitivity(law, a, s, Objective::tpot, budget).worth_memory;
  };
  EXPECT_EQ(worth(infinity), 0.0);
  EXPECT_EQ(worth(0.999 * used), 0.0);
  EXPECT_GT(worth(used), 0.0);
  EXPECT_GT(worth(0.5 * (used + one_more)), 0.0);
  EXPECT_EQ(worth(one_more), 0.0);

  // alpha_l kappa_l / (l^(alpha_l+1) xi_all d^2 b_w) nats per byte; here heads * head_dim = width.
  const Shape shape{
      .layers = 24, .width = 896, .ffn_ratio = 4864.0 / 896.0, .gqa = 7, .activation_rate = 1};
  const double mu =
      law.alpha_l * law.kappa_l * std::pow(24, -law.alpha_l - 1) / (xi_all(shape) * 896 * 896 * 2);
  EXPECT_NEAR(worth(used), 0.01 * used * mu, 1e-12 * worth(used));
}

TEST(Sensitivity, HasDerivativesWhereATokenTakesAllExperts) {
  auto a = golden_architecture(golden().at("cases")[0].at("architecture"));
  auto s = golden_scenario(golden().at("cases")[0]);
  s.workload.batch = 4;  // more than one token, bound by the experts' weights
  a.experts = a.top_k = 4;
  const auto all = sensitivity(published_law(), a, s, Objective::total);
  EXPECT_TRUE(std::isfinite(all.dlatency_dlayers));
  EXPECT_TRUE(std::isfinite(all.dlatency_dwidth));
  EXPECT_TRUE(std::isfinite(all.dlatency_dffn_ratio));
  EXPECT_TRUE(std::isfinite(all.dlatency_dkv_dim));
}

TEST(Sensitivity, NoTokensAreNoLatency) {
  auto s = golden_scenario(golden().at("cases")[0]);
  s.workload.input_tokens = s.workload.output_tokens = 0;
  const auto a = golden_architecture(golden().at("cases")[0].at("architecture"));
  EXPECT_THROW(sensitivity(published_law(), a, s, Objective::total), DomainError);
}

TEST(Sensitivity, AbsentLatenciesAndUnsoundArchitecturesAreRefused) {
  auto s = golden_scenario(golden().at("cases")[0]);
  auto a = golden_architecture(golden().at("cases")[0].at("architecture"));
  s.workload.output_tokens = 0;
  EXPECT_THROW(sensitivity(published_law(), a, s, Objective::tpot), DomainError);
  EXPECT_NO_THROW(sensitivity(published_law(), a, s, Objective::prefill));
  a.layers = 0;
  EXPECT_THROW(sensitivity(published_law(), a, s, Objective::prefill), DomainError);
}

}  // namespace
}  // namespace rooflaw::theory
