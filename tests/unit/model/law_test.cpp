// The law's coefficients and terms: the table lists them all, the loss is differentiated by them.

#include "rooflaw/model/evaluation.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;

constexpr int coefficient_count = 15;
using ByCoefficient = Eigen::AutoDiffScalar<Eigen::Matrix<double, coefficient_count, 1>>;

TEST(LawCoefficients, EveryMemberIsListedOnceUnderItsName) {
  using L = LawCoefficients<double>;
  const std::pair<std::string_view, double L::*> members[] = {
      {"kappa_l", &L::kappa_l},     {"alpha_l", &L::alpha_l}, {"kappa_rho", &L::kappa_rho},
      {"alpha_rho", &L::alpha_rho}, {"alpha_r", &L::alpha_r}, {"beta_1", &L::beta_1},
      {"kappa_d", &L::kappa_d},     {"beta_2", &L::beta_2},   {"kappa_m", &L::kappa_m},
      {"alpha_m", &L::alpha_m},     {"kappa_t", &L::kappa_t}, {"alpha_t", &L::alpha_t},
      {"kappa_p", &L::kappa_p},     {"alpha_p", &L::alpha_p}, {"l_inf", &L::l_inf}};
  ASSERT_EQ(sizeof(L), sizeof(double) * std::size(members)) << "a member that this test lacks";
  ASSERT_EQ(std::size(members), law_coefficients<>.size());
  for (const auto& [name, member] : members) {
    int listed = 0;
    for (const auto& c : law_coefficients<>)
      if (c.name == name && c.member == member) ++listed;
    EXPECT_EQ(1, listed) << name;
  }
}

TEST(LawCoefficients, TheListIsTheSameForEveryNumber) {
  ASSERT_EQ(law_coefficients<>.size(), law_coefficients<ByCoefficient>.size());
  LawCoefficients<ByCoefficient> duals;
  LawCoefficients<double> doubles;
  for (std::size_t i = 0; i < law_coefficients<>.size(); ++i) {
    EXPECT_EQ(law_coefficients<>[i].name, law_coefficients<ByCoefficient>[i].name);
    EXPECT_EQ(law_coefficients<>[i].kind, law_coefficients<ByCoefficient>[i].kind);
    doubles.*law_coefficients<>[i].member = static_cast<double>(i + 1);
    duals.*law_coefficients<ByCoefficient>[i].member = ByCoefficient(static_cast<double>(i + 1));
  }
  EXPECT_EQ(doubles.alpha_rho, duals.alpha_rho.value());
  EXPECT_EQ(doubles.kappa_d, duals.kappa_d.value());
  EXPECT_EQ(doubles.l_inf, duals.l_inf.value());
}

TEST(LawOpinions, AreOnWhatATermDependsOn) {
  using enum LawVariable;
  Law law = testing::published_law();
  for (const auto v : {layers, width, ffn_ratio, activation_rate, kv_dim})
    EXPECT_TRUE(has_opinion(law, v)) << to_string(v);
  EXPECT_FALSE(has_opinion(law, parameters));
  law.kappa_m = 0;
  EXPECT_FALSE(has_opinion(law, kv_dim));
  law.kappa_rho = 0;
  EXPECT_FALSE(has_opinion(law, activation_rate));
  EXPECT_TRUE(has_opinion(law, ffn_ratio)) << "the capacity term";
  law.alpha_r = 0;
  EXPECT_FALSE(has_opinion(law, ffn_ratio));
  EXPECT_TRUE(has_opinion(law, width));
  law.kappa_p = 3;
  law.alpha_p = 0.3;
  EXPECT_TRUE(has_opinion(law, parameters));
}

TEST(LawOpinions, BoxesNeedTermsThatFall) {
  const Law law = testing::published_law();
  EXPECT_TRUE(is_monotone(law));
  const auto changed = [&](double Law::*member, double value) {
    Law other = law;
    other.*member = value;
    return other;
  };
  // Layers, widths and KV dimensions are looked at one by one.
  for (const auto member : {&Law::alpha_l, &Law::beta_1, &Law::beta_2, &Law::alpha_m})
    EXPECT_TRUE(is_monotone(changed(member, -1)));
  for (const auto member : {&Law::alpha_r, &Law::alpha_rho, &Law::kappa_l, &Law::kappa_rho,
                            &Law::kappa_d, &Law::kappa_m})
    EXPECT_FALSE(is_monotone(changed(member, -0.1)));
  EXPECT_TRUE(is_monotone(changed(&Law::kappa_rho, 0)));
  EXPECT_TRUE(is_separable(law));
  EXPECT_FALSE(is_separable(changed(&Law::kappa_p, 1)));
}

TEST(LawInParameters, CountsThemWithEmbeddings) {
  Law law = testing::published_law();
  const auto& c = testing::golden().at("cases").at(0);
  const auto architecture = testing::architecture_from(c.at("architecture"));
  const auto scenario = testing::scenario_from(c);
  const auto without = evaluate(law, architecture, scenario);
  law.kappa_p = 2605;
  law.alpha_p = 0.5055;
  const auto with = evaluate(law, architecture, scenario);
  EXPECT_EQ(with.params_total, with.point.parameters);
  EXPECT_NEAR(2605 * std::pow(with.params_total, -0.5055), with.loss - without.loss, 1e-12);
}

Law law_in_tokens() {
  Law law = testing::published_law();
  law.kappa_t = 528.83;
  law.alpha_t = 0.2991;
  law.tokens = 1e12;
  return law;
}

TEST(LawInTokens, AddsTheSameToEveryArchitecture) {
  EXPECT_EQ(2.53, law_constant(testing::published_law()));
  const double added = 0.136180863697868629;  // 528.83 * 10^(-12 * 0.2991)
  EXPECT_NEAR(2.53 + added, law_constant(law_in_tokens()), 1e-15);
  Random random(31);
  for (int i = 0; i < 100; ++i) {
    const auto c = testing::random_case(random, 40);
    const auto a = testing::architecture_from(c.at("architecture"));
    const auto s = testing::scenario_from(c);
    const auto with = evaluate(law_in_tokens(), a, s),
               without = evaluate(testing::published_law(), a, s);
    EXPECT_NEAR(without.loss + added, with.loss, 1e-15 * with.loss);
    EXPECT_EQ(without.terms.depth, with.terms.depth);
    EXPECT_EQ(without.terms.kv, with.terms.kv);
  }
}

TEST(LawInTokens, TokensMatterOnlyIfThereIsSuchATerm) {
  Law law = testing::published_law();
  for (const double tokens : {0.0, 1.0, 1e13}) {
    law.tokens = tokens;
    EXPECT_EQ(2.53, law_constant(law));
  }
  law = law_in_tokens();
  law.tokens = 1e13;
  EXPECT_LT(law_constant(law), law_constant(law_in_tokens()));
  law.tokens = 1;
  EXPECT_DOUBLE_EQ(2.53 + 528.83, law_constant(law));
}

LawPoint<double> random_point(Random& random) {
  return {.layers = random.log_real(1, 100),
          .width = random.log_real(64, 10000),
          .ffn_ratio = random.log_real(0.05, 20),
          .activation_rate = random.log_real(0.01, 1),
          .kv_dim = random.log_real(16, 8000),
          .parameters = random.log_real(1e6, 1e11)};
}

TEST(LawTerms, AreThoseOfTheFormula) {
  Random random(32);
  const Law law = testing::published_law();
  for (int i = 0; i < 1000; ++i) {
    const auto x = random_point(random);
    const auto t = loss_terms(law, x);
    const double ffn = std::pow(x.ffn_ratio, -0.17);
    const auto expect_close = [](double expected, double actual) {
      EXPECT_NEAR(expected, actual, 4e-15 * expected);
    };
    expect_close(9.96 * std::pow(x.layers, -1.63), t.depth);
    expect_close(0.031 * std::pow(x.activation_rate, 1.09) * ffn * std::pow(x.width, 0.33),
                 t.sparsity);
    expect_close(500 * ffn * std::pow(x.width, -0.97), t.capacity);
    expect_close(0.2 * std::pow(x.kv_dim, -0.05), t.kv);
    expect_close(t.depth + t.sparsity + t.capacity + t.kv + 2.53 + 0.25, loss(law, t, 0.25));
  }
}

/// The coefficients as variables, in the order of the table.
LawCoefficients<ByCoefficient> as_variables(const Law& law) {
  LawCoefficients<ByCoefficient> variables;
  for (int i = 0; i < coefficient_count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    variables.*law_coefficients<ByCoefficient>[k].member =
        ByCoefficient(law.*law_coefficients<>[k].member, coefficient_count, i);
  }
  return variables;
}

TEST(LawTerms, DerivativesByTheCoefficientsAreThoseOfDifferences) {
  ASSERT_EQ(static_cast<std::size_t>(coefficient_count), law_coefficients<>.size());
  Law law = law_in_tokens();
  law.kappa_p = 2605;
  law.alpha_p = 0.5055;
  const auto variables = as_variables(law);
  Random random(33);
  for (int i = 0; i < 300; ++i) {
    const auto x = random_point(random);
    const auto terms = loss_terms(variables, x);
    // The constant of the law, which belongs to no architecture, is a term in the tokens.
    const ByCoefficient constant =
        variables.l_inf + variables.kappa_t * power(law.tokens, ByCoefficient(-variables.alpha_t));
    const ByCoefficient sum =
        terms.depth + terms.sparsity + terms.capacity + terms.kv + terms.parameters + constant;
    EXPECT_NEAR(loss(law, loss_terms(law, x), 0.0), sum.value(), 1e-14 * sum.value());
    for (int k = 0; k < coefficient_count; ++k) {
      const auto& c = law_coefficients<>[static_cast<std::size_t>(k)];
      const double step = 1e-5 * std::max(std::abs(law.*c.member), 0.1);
      const auto at = [&](double change) {
        Law moved = law;
        moved.*c.member += change;
        return loss(moved, loss_terms(moved, x), 0.0);
      };
      const double difference = (at(step) - at(-step)) / (2 * step);
      EXPECT_NEAR(difference, sum.derivatives()[k],
                  1e-8 * std::abs(difference) + 1e-15 * sum.value() / step)
          << c.name;
    }
  }
}

}  // namespace
}  // namespace rooflaw::model
