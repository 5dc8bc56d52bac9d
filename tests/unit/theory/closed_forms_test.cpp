#include "rooflaw/theory/closed_forms.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using testing::golden;
using ::testing::HasSubstr;
using ::testing::Property;
using testing::published_law;
using testing::Random;
using testing::random_law;
using ::testing::Throws;

void expect_close(double actual, double expected, double relative, const char* what) {
  EXPECT_NEAR(actual, expected, relative * std::abs(expected)) << what;
}

void expect_solution(const std::optional<CaseSolution>& actual, const nlohmann::json& expected,
                     double shape_tolerance, double loss_tolerance) {
  ASSERT_EQ(actual.has_value(), !expected.is_null());
  if (!actual) return;
  const auto number = [&](const char* key) { return expected.at(key).get<double>(); };
  expect_close(actual->shape.layers, number("layers"), shape_tolerance, "layers");
  expect_close(actual->shape.ffn_ratio, number("ffn_ratio"), shape_tolerance, "ffn_ratio");
  expect_close(actual->shape.gqa, number("gqa"), shape_tolerance, "gqa");
  expect_close(actual->shape.activation_rate, number("activation_rate"), shape_tolerance,
               "activation_rate");
  expect_close(actual->loss, number("loss"), loss_tolerance, "loss");
  if (expected.contains("mu_memory"))
    expect_close(actual->mu_memory, number("mu_memory"), 1e-3, "mu_memory");
  if (expected.contains("mu_decode"))
    expect_close(actual->mu_decode, number("mu_decode"), 1e-3, "mu_decode");
}

XiModel golden_xi(const nlohmann::json& c) {
  return {.weight_bytes = c.at("weight_bytes").get<double>(),
          .kv_bytes = c.at("kv_bytes").get<double>(),
          .cached_tokens = c.at("mean_context").get<double>()};
}

TEST(ClosedForms, MatchTheGoldenCases) {
  ASSERT_EQ(golden().at("theory").size(), 4u);
  for (const auto& c : golden().at("theory")) {
    const auto forms =
        closed_forms(published_law(), golden_xi(c), c.at("width").get<double>(),
                     {.prefill_flop_per_token = c.at("prefill_flop_per_token").get<double>(),
                      .decode_bytes_per_token = c.at("decode_bytes_per_token").get<double>(),
                      .memory_bytes = c.at("memory_bytes").get<double>()},
                     c.at("min_activation_rate").get<double>());
    expect_solution(forms.d1, c.at("D1"), 1e-8, 1e-12);
    expect_solution(forms.p1, c.at("P1"), 1e-8, 1e-12);
    expect_solution(forms.d2, c.at("D2"), 1e-8, 1e-12);
    expect_solution(forms.d3, c.at("D3"), 1e-4, 1e-9);
    ASSERT_TRUE(forms.decode_regime);
    EXPECT_EQ(case_name(*forms.decode_regime, Resource::decode),
              c.at("regime_of_decode_and_memory").get<std::string>());
  }
}

TEST(ClosedForms, GoldenActivationRatesWhereBothBind) {
  for (const auto& c : golden().at("theory")) {
    const auto& relation = c.at("D3_relation_at_D1_shape");
    const Shape shape{.width = c.at("width").get<double>(),
                      .ffn_ratio = relation.at("ffn_ratio").get<double>(),
                      .gqa = relation.at("gqa").get<double>()};
    const XiModel xi = golden_xi(c);
    const double eta = relation.at("eta").get<double>();
    EXPECT_NEAR(xi_delta(xi, shape), relation.at("delta").get<double>(), 1e-9);
    EXPECT_NEAR(d3_activation_rate(xi, shape, eta), relation.at("activation_rate").get<double>(),
                1e-9);
  }
}

// Budgets of the order of what a shape in the middle of the field uses.
struct Problem {
  model::Law law;
  XiModel xi;
  double width;
  Budgets budgets;
  double min_rate;
};

Problem random_problem(Random& random) {
  Problem p{.law = random_law(random, 1.5),
            .xi = testing::random_xi(random),
            .width = random.log_uniform(256, 4096),
            .budgets = {},
            .min_rate = random.log_uniform(0.01, 0.5)};
  const Shape typical{.layers = random.log_uniform(8, 60),
                      .width = p.width,
                      .ffn_ratio = random.log_uniform(1, 10),
                      .gqa = random.log_uniform(1, 10),
                      .activation_rate = random.log_uniform(0.03, 1)};
  p.budgets = {.prefill_flop_per_token = usage(p.xi, {}, typical, Resource::prefill),
               .decode_bytes_per_token = usage(p.xi, {}, typical, Resource::decode),
               .memory_bytes = usage(p.xi, {}, typical, Resource::memory)};
  return p;
}

Budgets only(const Budgets& budgets, Resource a, Resource b) {
  const auto keep = [&](Resource r, std::optional<double> x) {
    return r == a || r == b ? x : std::nullopt;
  };
  return {.prefill_flop_per_token = keep(Resource::prefill, budgets.prefill_flop_per_token),
          .decode_bytes_per_token = keep(Resource::decode, budgets.decode_bytes_per_token),
          .memory_bytes = keep(Resource::memory, budgets.memory_bytes)};
}

// A box that no closed form reaches; rates above 1 are not shapes, so they stay outside of it.
ShapeBox wide_box(double width, model::Interval rates) {
  return {.layers = {1e-6, 1e6},
          .width = {width, width},
          .ffn_ratio = {1e-8, 1e8},
          .gqa = {1e-10, 1e10},
          .activation_rate = rates,
          .min_kv_dim = 1e-9};
}

void expect_same_shape(const Shape& a, const Shape& b, double tolerance) {
  expect_close(a.layers, b.layers, tolerance, "layers");
  expect_close(a.ffn_ratio, b.ffn_ratio, tolerance, "ffn_ratio");
  expect_close(a.gqa, b.gqa, tolerance, "gqa");
  expect_close(a.activation_rate, b.activation_rate, tolerance, "activation_rate");
}

// The two solvers share no code: Newton on one number here, an interior-point method there.
TEST(ClosedForms, AgreeWithTheConvexSolverOnRandomLaws) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const Problem p = random_problem(random);
    for (const auto latency : {Resource::decode, Resource::prefill}) {
      const auto form =
          solve_latency_case(p.law, p.xi, p.width, latency, *limit(p.budgets, latency), p.min_rate);
      const auto boxed = optimise(p.law, p.xi, only(p.budgets, latency, latency),
                                  wide_box(p.width, {p.min_rate, 1.0}));
      expect_same_shape(form.shape, boxed.shape, 1e-6);
      EXPECT_NEAR(form.loss, boxed.loss, 1e-12 * boxed.loss);
      const double mu = latency == Resource::decode ? form.mu_decode : form.mu_prefill;
      expect_close(mu, find(boxed, latency)->multiplier, 1e-9, "multiplier");
    }
  }
}

TEST(ClosedForms, MemoryCaseAgreesWithTheConvexSolver) {
  Random random(2);
  int compared = 0;
  for (int i = 0; i < 300; ++i) {
    const Problem p = random_problem(random);
    if (p.law.alpha_rho < 1.1 * p.law.alpha_r) continue;
    const auto form = solve_memory_case(p.law, p.xi, p.width, *p.budgets.memory_bytes);
    if (form.shape.activation_rate > 0.99) continue;
    const auto boxed = optimise(p.law, p.xi, only(p.budgets, Resource::memory, Resource::memory),
                                wide_box(p.width, {1e-6, 1.0}));
    expect_same_shape(form.shape, boxed.shape, 1e-6);
    expect_close(form.mu_memory, find(boxed, Resource::memory)->multiplier, 1e-9, "multiplier");
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

TEST(ClosedForms, WhereBothBindBothAreSpentInFullAndTheStatedMultipliersHold) {
  Random random(3);
  int solved = 0;
  for (int i = 0; i < 300; ++i) {
    const Problem p = random_problem(random);
    for (const auto latency : {Resource::decode, Resource::prefill}) {
      const double budget = *limit(p.budgets, latency);
      const double memory = *p.budgets.memory_bytes;
      const auto form = solve_case_of_both(p.law, p.xi, p.width, latency, budget, memory);
      if (!form) continue;
      ++solved;
      expect_close(usage(p.xi, {}, form->shape, latency), budget, 1e-11, "latency spent");
      expect_close(usage(p.xi, {}, form->shape, Resource::memory), memory, 1e-11, "memory spent");
      const double rate = latency == Resource::decode
                              ? d3_activation_rate(p.xi, form->shape, budget / memory)
                              : p3_activation_rate(p.xi, form->shape, budget / memory);
      expect_close(form->shape.activation_rate, rate, 1e-9, "linear relation");
      const auto mu = multipliers_where_both_bind(p.law, p.xi, form->shape, latency);
      const double mu_latency = latency == Resource::decode ? form->mu_decode : form->mu_prefill;
      expect_close(form->mu_memory, mu.memory, 1e-7, "mu_memory");
      EXPECT_NEAR(mu_latency, mu.latency, 1e-7 * (mu.latency + mu.memory / (budget / memory)));
      EXPECT_GT(form->mu_memory, 0.0);
      EXPECT_GT(mu_latency, 0.0);
      EXPECT_EQ(latency == Resource::decode ? form->mu_prefill : form->mu_decode, 0.0);
    }
  }
  EXPECT_GT(solved, 100);
}

TEST(ClosedForms, SmallEtaMeansThatLatencyBinds) {
  Random random(4);
  int seen[3] = {0, 0, 0};
  for (int i = 0; i < 500; ++i) {
    const Problem p = random_problem(random);
    const auto forms = closed_forms(p.law, p.xi, p.width, p.budgets, p.min_rate);
    const double eta = *p.budgets.decode_bytes_per_token / *p.budgets.memory_bytes;
    const auto threshold = [&](const CaseSolution& s) {
      return xi_effective(p.xi, s.shape) / xi_all(s.shape);
    };
    const bool latency_alone = eta <= threshold(*forms.d1);
    EXPECT_EQ(*forms.decode_regime == Regime::latency, latency_alone);
    if (!latency_alone && forms.d2) {
      EXPECT_EQ(*forms.decode_regime == Regime::memory, eta >= threshold(*forms.d2));
    }
    EXPECT_EQ(forms.d3.has_value(), *forms.decode_regime == Regime::both);
    ++seen[static_cast<int>(*forms.decode_regime)];
  }
  for (const int count : seen) EXPECT_GT(count, 20);
}

TEST(ClosedForms, PrefillAndDecodeAgreeUpToUnitsWhereThereIsNoCache) {
  const XiModel xi{.weight_bytes = 1.5, .kv_bytes = 2, .cached_tokens = 0};
  const auto p1 = solve_latency_case(published_law(), xi, 1280, Resource::prefill, 1.2e9, 0.125);
  const auto d1 =
      solve_latency_case(published_law(), xi, 1280, Resource::decode, 0.6e9 * 1.5, 0.125);
  expect_same_shape(p1.shape, d1.shape, 1e-13);
}

TEST(ClosedForms, MemoryActivationRateOfThePublishedLaw) {
  const auto law = published_law();
  EXPECT_NEAR(memory_activation_rate(law, 768), 0.5574, 5e-5);
  EXPECT_NEAR(memory_activation_rate(law, 1024), 0.3955, 5e-5);
  EXPECT_NEAR(memory_activation_rate(law, 2048), 0.1730, 5e-5);
  EXPECT_NEAR(memory_activation_rate(law, 1.0), 1539.58, 5e-3);
}

TEST(ClosedForms, PublishedRelationBreaksTheDecodeBudgetAndOursDoesNot) {
  const Shape shape{.layers = 1, .width = 2048, .ffn_ratio = 3, .gqa = 4, .activation_rate = 1};
  const double eta = 0.3;
  const struct {
    double context, published, exact;
  } cases[] = {{1024, 0.2510, 0.2455}, {32768, 0.2465, 0.1440}};
  for (const auto& c : cases) {
    const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = c.context};
    Shape exact = shape;
    exact.activation_rate = d3_activation_rate(xi, shape, eta);
    Shape published = shape;
    published.activation_rate = published_activation_rate(xi, shape, eta);
    EXPECT_NEAR(exact.activation_rate, c.exact, 5e-5);
    EXPECT_NEAR(published.activation_rate, c.published, 5e-5);
    // With the memory spent in full, decode reads eta times as many bytes, or it does not.
    const auto decode_over_memory = [&](const Shape& s) {
      return decode_bytes_per_layer(xi, s) / memory_bytes_per_layer(xi, s);
    };
    EXPECT_NEAR(decode_over_memory(exact), eta, 1e-14);
    EXPECT_GT(decode_over_memory(published), 1.01 * eta);
  }
  const XiModel no_cache{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 0};
  EXPECT_NEAR(published_activation_rate(no_cache, shape, eta),
              d3_activation_rate(no_cache, shape, eta), 1e-14);
}

TEST(ClosedForms, PublishedRuleSwapsLatencyAndMemory) {
  EXPECT_EQ(published_regime(Regime::latency), Regime::memory);
  EXPECT_EQ(published_regime(Regime::memory), Regime::latency);
  EXPECT_EQ(published_regime(Regime::both), Regime::both);
}

TEST(ClosedForms, WithoutABudgetThereIsNoCase) {
  const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1000};
  const auto decode_only =
      closed_forms(published_law(), xi, 1024, {.decode_bytes_per_token = 1e9}, 0.1);
  EXPECT_TRUE(decode_only.d1);
  EXPECT_FALSE(decode_only.d2 || decode_only.d3 || decode_only.p1 || decode_only.p3);
  EXPECT_EQ(decode_only.decode_regime, Regime::latency);
  EXPECT_FALSE(decode_only.prefill_regime);
  const auto memory_only = closed_forms(
      published_law(), xi, 1024, {.decode_bytes_per_token = infinity, .memory_bytes = 1e9}, 0.1);
  EXPECT_TRUE(memory_only.d2);
  EXPECT_FALSE(memory_only.d1 || memory_only.decode_regime);
}

TEST(ClosedForms, ALawWithoutAMemoryOptimumStillHasTheOthers) {
  auto law = published_law();
  law.alpha_r = law.alpha_rho;
  EXPECT_THAT([&] { memory_activation_rate(law, 1024); },
              Throws<DomainError>(Property(&DomainError::what, HasSubstr("alpha_rho"))));
  const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1000};
  EXPECT_THROW(solve_memory_case(law, xi, 1024, 1e9), DomainError);
  const auto forms =
      closed_forms(law, xi, 1024, {.decode_bytes_per_token = 1e9, .memory_bytes = 2e9}, 1.0 / 64.0);
  EXPECT_FALSE(forms.d2);
  EXPECT_EQ(forms.decode_regime, Regime::both);
  ASSERT_TRUE(forms.d3);
  EXPECT_GT(forms.d3->mu_decode, 0.0);
}

TEST(ClosedForms, RelationHasNoRateWhereMemoryCannotBeFilled) {
  const XiModel xi{.weight_bytes = 1, .kv_bytes = 1, .cached_tokens = 0};
  const Shape shape{.layers = 1, .width = 1024, .ffn_ratio = 0.1, .gqa = 1, .activation_rate = 1};
  EXPECT_TRUE(std::isnan(d3_activation_rate(xi, shape, 1.5)));
  EXPECT_TRUE(std::isnan(p3_activation_rate(xi, shape, 3.0)));
  EXPECT_TRUE(std::isnan(published_activation_rate(xi, shape, 1.5)));
}

TEST(ClosedForms, BadInputIsRefused) {
  const auto law = published_law();
  const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1000};
  const Budgets budgets{.decode_bytes_per_token = 1e9};
  for (const double bad : {0.0, -1.0, nan}) {
    EXPECT_THROW(closed_forms(law, xi, bad, budgets, 0.1), DomainError);
    EXPECT_THROW(closed_forms(law, xi, 1024, budgets, bad), DomainError);
    EXPECT_THROW(closed_forms(law, xi, 1024, {.decode_bytes_per_token = bad}, 0.1), DomainError);
    EXPECT_THROW(closed_forms(law, xi, 1024, {.prefill_flop_per_token = bad}, 0.1), DomainError);
    EXPECT_THROW(closed_forms(law, xi, 1024, {.memory_bytes = bad}, 0.1), DomainError);
    EXPECT_THROW(closed_forms(law, {bad, 2, 1000}, 1024, budgets, 0.1), DomainError);
    EXPECT_THROW(closed_forms(law, {2, bad, 1000}, 1024, budgets, 0.1), DomainError);
  }
  EXPECT_THROW(closed_forms(law, {2, 2, -1}, 1024, budgets, 0.1), DomainError);
  EXPECT_THROW(closed_forms(law, xi, 1024, budgets, 1.01), DomainError);
  EXPECT_THROW(closed_forms(law, xi, infinity, budgets, 0.1), DomainError);
  EXPECT_THROW(closed_forms(law, xi, 1024, {.decode_bytes_per_token = 1e-300}, 0.1), DomainError);
  EXPECT_THROW(closed_forms(law, xi, 1024, {.decode_bytes_per_token = 1e300}, 0.1), DomainError);
  EXPECT_THROW(solve_latency_case(law, xi, 1024, Resource::total, 1.0, 0.1), DomainError);
}

}  // namespace
}  // namespace rooflaw::theory
