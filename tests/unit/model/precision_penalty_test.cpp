// Penalties that know the model, and the band of a loss. Values from an independent computation
// with 30 digits by the formulas of the papers.

#include "rooflaw/model/precision_penalty.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "unit/expect_close.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using enum PenaltyKind;
using testing::expect_close;

Precision weights_of(double bytes) {
  Precision p;
  p.weight_bytes = p.attention_weight_bytes = p.ffn_weight_bytes = bytes;
  p.head_bytes = p.embedding_bytes = p.activation_bytes = p.kv_bytes = p.input_bytes = 2;
  return p;
}

TEST(Ptq, IsTheMeanOfTwoFormulas) {
  const auto check = [](double bytes, double n, double d, double gptq, double pythia) {
    const auto penalty = precision_penalty(ptq, weights_of(bytes), n, d);
    ASSERT_TRUE(penalty);
    expect_close(0.5 * (gptq + pythia), penalty->value);
    expect_close(std::min(gptq, pythia), penalty->low);
    expect_close(std::max(gptq, pythia), penalty->high);
  };
  check(0.5, 1e9, 1e10, 0.0198826781423645161, 0.0137153143853766186);
  check(0.5195, 1e9, 1e12, 0.205151587648942006, 0.153959242998010127);
  check(0.42, 1e8, 2e10, 0.338966618826590597, 0.161483209053780471);
  check(0.25, 1e8, 2e10, 1.84237053165037779, 1.49985126917139914);
}

TEST(Ptq, SaysWhereItExtrapolates) {
  const auto extrapolated = [](double bytes, double n, double d) {
    return precision_penalty(ptq, weights_of(bytes), n, d)->extrapolated;
  };
  for (const double n : {30e6, 1e8, 220e6})
    for (const double d : {1.5e9, 26e9})
      for (const double bytes : {0.25, 0.375, 0.5195}) EXPECT_FALSE(extrapolated(bytes, n, d));
  EXPECT_TRUE(extrapolated(0.5, 29e6, 1e10));
  EXPECT_TRUE(extrapolated(0.5, 221e6, 1e10));
  EXPECT_TRUE(extrapolated(0.5, 1e8, 1.4e9));
  EXPECT_TRUE(extrapolated(0.5, 1e8, 27e9));
  EXPECT_TRUE(extrapolated(0.24, 1e8, 1e10));
  EXPECT_TRUE(extrapolated(1.0625, 1e8, 1e10));
}

TEST(Ptq, IsOfRoundedWeightsAlone) {
  EXPECT_FALSE(applies(ptq, weights_of(2)));
  EXPECT_FALSE(applies(ptq, weights_of(1.2))) << "9 bits";
  EXPECT_FALSE(applies(ptq, weights_of(0.1))) << "less than a bit";
  EXPECT_TRUE(applies(ptq, weights_of(1.0625)));
  Precision inputs_too = weights_of(0.5);
  inputs_too.input_bytes = 1;
  EXPECT_FALSE(applies(ptq, inputs_too));
  EXPECT_EQ(std::nullopt, precision_penalty(ptq, inputs_too, 1e8, 1e10));
  Precision ffn_alone = weights_of(2);
  ffn_alone.ffn_weight_bytes = 0.53125;
  EXPECT_EQ(4, weight_bits(ffn_alone));
}

TEST(Qat, IsTheFormulaOfTheTypes) {
  Precision w4a16 = weights_of(0.5195);
  EXPECT_EQ(std::nullopt, precision_penalty(qat, w4a16, 3e8, 1e11)) << "groups unknown";
  w4a16.group_size = 128;
  const auto weights_alone = precision_penalty(qat, w4a16, 3e8, 1e11);
  ASSERT_TRUE(weights_alone);
  expect_close(0.0268459886015017876, weights_alone->value);
  EXPECT_TRUE(std::isnan(weights_alone->low) && std::isnan(weights_alone->high));
  Precision w4a4 = w4a16;
  w4a4.input_bytes = 0.5;
  w4a4.group_size = 32;
  EXPECT_FALSE(applies(qat, w4a4)) << "of a type that is not int4";
  w4a4.matmul = ComputeType::int4;
  expect_close(0.0512078496716665595, precision_penalty(qat, w4a4, 3e8, 1e11)->value);
  w4a4.input_bytes = 1;
  EXPECT_FALSE(applies(qat, w4a4)) << "inputs of 8 bits";
  Precision w8 = weights_of(1);
  w8.group_size = 128;
  EXPECT_FALSE(applies(qat, w8));
}

TEST(Qat, SaysWhereItExtrapolates) {
  Precision p = weights_of(0.5);
  p.group_size = 128;
  EXPECT_FALSE(precision_penalty(qat, p, 74e6, 1e12)->extrapolated);
  EXPECT_FALSE(precision_penalty(qat, p, 594e6, 1e9)->extrapolated);
  EXPECT_TRUE(precision_penalty(qat, p, 73e6, 1e10)->extrapolated);
  EXPECT_TRUE(precision_penalty(qat, p, 595e6, 1e10)->extrapolated);
}

struct Evaluated {
  Law law = testing::published_law();
  Architecture a =
      testing::architecture_from(testing::golden().at("cases").at(0).at("architecture"));
  Scenario s = testing::scenario_from(testing::golden().at("cases").at(0));
  Evaluation operator()() const { return evaluate(law, a, s); }
};

TEST(Penalties, AreOfParametersWithoutEmbeddingsAndTheLawsTokens) {
  Evaluated evaluated;
  evaluated.s.precision = weights_of(0.5);
  evaluated.s.precision.group_size = 64;
  evaluated.law.tokens = 3e11;
  const auto e = evaluated();
  const double tables = (evaluated.a.tied ? 1.0 : 2.0) * static_cast<double>(evaluated.a.vocab) *
                        static_cast<double>(evaluated.a.width);
  for (const auto& [kind, found] : {std::pair{ptq, e.ptq}, {qat, e.qat}})
    EXPECT_EQ(precision_penalty(kind, evaluated.s.precision, e.params_total - tables, 3e11)->value,
              found->value);
}

TEST(Penalties, TakeThePlaceOfTheConstant) {
  Evaluated evaluated;
  evaluated.s.precision = weights_of(0.5);
  evaluated.s.precision.group_size = 64;
  const double plain = evaluated().loss;
  evaluated.s.precision.penalty = ptq;
  const auto e = evaluated();
  EXPECT_DOUBLE_EQ(plain + e.ptq->value, e.loss);
  const Band band = loss_band(evaluated.law, e, evaluated.s.precision);
  EXPECT_DOUBLE_EQ(plain + e.ptq->low, band.low);
  EXPECT_DOUBLE_EQ(plain + e.ptq->high, band.high);
  evaluated.s.precision.penalty = qat;
  EXPECT_DOUBLE_EQ(plain + evaluated().qat->value, evaluated().loss);
  EXPECT_TRUE(std::isnan(loss_band(evaluated.law, evaluated(), evaluated.s.precision).low));
  evaluated.s.precision.group_size.reset();
  EXPECT_THROW(evaluated(), DomainError);
}

TEST(LossBand, IsUnknownWhereNothingIsKnown) {
  const Evaluated evaluated;
  const Band band = loss_band(evaluated.law, evaluated(), evaluated.s.precision);
  EXPECT_TRUE(std::isnan(band.low) && std::isnan(band.high));
}

TEST(LossBand, APrecisionWithoutErrorMakesNoLawSure) {
  Evaluated evaluated;
  evaluated.s.precision.loss_delta_uncertainty = 0.0;
  const Band band = loss_band(evaluated.law, evaluated(), evaluated.s.precision);
  EXPECT_TRUE(std::isnan(band.low) && std::isnan(band.high));
}

TEST(LossBand, IsTheUncertaintyOfThePrecision) {
  Evaluated evaluated;
  evaluated.s.precision.loss_delta_uncertainty = 0.25;
  const auto e = evaluated();
  const Band band = loss_band(evaluated.law, e, evaluated.s.precision);
  EXPECT_DOUBLE_EQ(e.loss - 0.25, band.low);
  EXPECT_DOUBLE_EQ(e.loss + 0.25, band.high);
}

TEST(LossBand, AddsThatOfTheResamplesInSquares) {
  Evaluated evaluated;
  // 101 vectors whose losses are equally spaced: 0.10 below to 0.30 above the law's.
  for (int i = 0; i <= 100; ++i) {
    LawCoefficients<double> vector = evaluated.law;
    vector.l_inf += -0.10 + 0.004 * i;
    evaluated.law.resamples.push_back(vector);
  }
  const auto e = evaluated();
  const Band by_law = loss_band(evaluated.law, e, evaluated.s.precision);
  EXPECT_NEAR(e.loss - 0.08, by_law.low, 1e-12);
  EXPECT_NEAR(e.loss + 0.28, by_law.high, 1e-12);
  evaluated.s.precision.loss_delta_uncertainty = 0.06;
  const Band both = loss_band(evaluated.law, e, evaluated.s.precision);
  EXPECT_NEAR(e.loss - 0.10, both.low, 1e-12);
  EXPECT_NEAR(e.loss + std::hypot(0.28, 0.06), both.high, 1e-12);
}

TEST(LossBand, HoldsTheLossWhereAllResamplesLieOnOneSide) {
  Evaluated evaluated;
  for (int i = 1; i <= 20; ++i) {
    LawCoefficients<double> vector = evaluated.law;
    vector.l_inf += 0.01 * i;
    evaluated.law.resamples.push_back(vector);
  }
  const auto e = evaluated();
  const Band band = loss_band(evaluated.law, e, evaluated.s.precision);
  EXPECT_EQ(e.loss, band.low);
  EXPECT_GT(band.high, e.loss + 0.18);
}

}  // namespace
}  // namespace rooflaw::model
