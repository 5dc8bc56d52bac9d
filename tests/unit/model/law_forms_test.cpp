// Laws with a form of their own: values from an independent computation with 30 digits by the
// formulas and coefficients of the papers, and what such laws say and refuse.

#include "rooflaw/model/law_forms.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "rooflaw/theory/sensitivity.hpp"
#include "unit/expect_close.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using ::testing::ElementsAre;
using testing::expect_close;
using ::testing::HasSubstr;

const JointMoeLaw joint_moe{.a = 35.91,
                            .alpha = -.1889,
                            .delta = -.2285,
                            .gamma = .0098,
                            .b = 35.98,
                            .beta = -.1775,
                            .omega = .5529,
                            .zeta = -.0259,
                            .c = 1.3637,
                            .e_s = 2.0732,
                            .e_m = 290.4521};
const ConditionalLaw conditional{2.319, .238, .0176, .5104, .0051, .0062};

Law law_of(const LawForm& form) {
  Law law;
  law.id = "own";
  law.form = form;
  return law;
}

/// 24 layers of 16 heads of 64, 4 of them KV heads, and FFNs of 2816.
Architecture dense_layers() {
  Architecture a;
  a.layers = 24;
  a.width = 1024;
  a.vocab = 50000;
  a.heads = 16;
  a.head_dim = 64;
  a.kv_heads = 4;
  a.expert_ffn = 2816;
  return a;
}

Scenario scenario() { return testing::scenario_from(testing::golden().at("cases").at(0)); }

TEST(JointMoe, IsTheFormula) {
  const auto dense_model = joint_moe_terms(joint_moe, 1e9, 1, 2e10);
  expect_close(0.70318390317454923, dense_model.size);
  expect_close(0.510716139848471476, dense_model.tokens);
  expect_close(2.57760004302302071, dense_model.sum());
  const auto eight = joint_moe_terms(joint_moe, 4e8, 8, 1e10);
  expect_close(0.790283620218516078, eight.size);
  expect_close(0.549513560836604015, eight.tokens);
  expect_close(2.70349718105512009, eight.sum());
  expect_close(2.57404396336037818, joint_moe_terms(joint_moe, 123456789, 32, 8e10).sum());
}

TEST(JointMoe, OfAnArchitectureTakesActiveParametersAndTheMostExperts) {
  Architecture a = dense_layers();
  a.experts = 8;
  const double active = parameters(lift(a)).active;
  EXPECT_LT(active, parameters(lift(a)).total);
  EXPECT_EQ(joint_moe_terms(joint_moe, active, 8, 3e10).sum(),
            joint_moe_terms(joint_moe, a, 3e10).sum());
  Layers more = a;
  more.experts = 16;
  a.further = {more};
  EXPECT_EQ(joint_moe_terms(joint_moe, parameters(lift(a)).active, 16, 3e10).sum(),
            joint_moe_terms(joint_moe, a, 3e10).sum());
}

TEST(JointMoe, EvaluatesToALoss) {
  Law law = law_of(joint_moe);
  law.tokens = 2e10;
  auto s = scenario();
  s.precision.loss_delta = 0.125;
  const auto e = evaluate(law, dense_layers(), s);
  EXPECT_TRUE(e.has_loss);
  EXPECT_TRUE(std::isnan(e.loss_multiplier));
  EXPECT_EQ(joint_moe_terms(joint_moe, e.params_active, 1, 2e10).sum() + 0.125, e.loss);
  EXPECT_DOUBLE_EQ(std::exp(e.loss), e.perplexity);
  Architecture none = dense_layers();
  none.ffn = FfnKind::none;
  none.expert_ffn = 0;
  EXPECT_TRUE(std::isnan(evaluate(law, none, s).loss)) << "no opinion on layers without an FFN";
}

TEST(Conditional, IsTheFormulaAndNoLoss) {
  expect_close(1.00609780351009457, conditional_multiplier(conditional, dense_layers()));
  const auto e = evaluate(law_of(conditional), dense_layers(), scenario());
  EXPECT_EQ(conditional_multiplier(conditional, dense_layers()), e.loss_multiplier);
  EXPECT_FALSE(e.has_loss);
  EXPECT_TRUE(std::isnan(e.loss));
  EXPECT_TRUE(std::isnan(e.perplexity));
  EXPECT_TRUE(std::isnan(loss_band(law_of(conditional), e, scenario().precision).low));
  Architecture none = dense_layers();
  none.attention = AttentionKind::none;
  EXPECT_TRUE(std::isnan(conditional_multiplier(conditional, none)));
}

TEST(Conditional, IsOfWhatATokenPassesThrough) {
  Architecture a = dense_layers();
  a.experts = 16;
  EXPECT_EQ(conditional_multiplier(conditional, dense_layers()),
            conditional_multiplier(conditional, a));
  a.top_k = 2;
  a.expert_ffn /= 2;
  EXPECT_EQ(conditional_multiplier(conditional, dense_layers()),
            conditional_multiplier(conditional, a));
}

TEST(LawForms, SayOnWhatTheyHaveAnOpinion) {
  using enum LawVariable;
  const auto with = [](const Law& law) {
    std::vector<LawVariable> all;
    for (const auto v : law_variables)
      if (has_opinion(law, v)) all.push_back(v);
    return all;
  };
  EXPECT_THAT(with(law_of(joint_moe)), ElementsAre(activation_rate, parameters));
  EXPECT_THAT(with(law_of(conditional)), ElementsAre(ffn_ratio, width));
  EXPECT_THAT(opinions(law_of(joint_moe)),
              ElementsAre("active parameters", "experts", "training tokens"));
  EXPECT_THAT(silent_on(law_of(joint_moe)),
              ElementsAre("layers", "FFN ratio", "width", "KV dimension"));
  EXPECT_THAT(silent_on(law_of(conditional)),
              ElementsAre("layers", "activation rate", "KV dimension"));
  EXPECT_TRUE(has_tokens_term(law_of(joint_moe)));
  EXPECT_FALSE(has_tokens_term(law_of(conditional)));
  EXPECT_TRUE(silent_on(testing::published_law()).empty());
  EXPECT_THAT(caveats(law_of(joint_moe), false),
              ElementsAre(HasSubstr("but as they change the number of parameters"),
                          HasSubstr("1e+10 are assumed")));
  EXPECT_EQ(1u, caveats(law_of(joint_moe), true).size());
  EXPECT_THAT(caveats(law_of(conditional), false),
              ElementsAre(HasSubstr("no opinion"), HasSubstr("at fixed depth and size only")));
  EXPECT_TRUE(caveats(testing::published_law(), false).empty());
}

TEST(LawForms, NoSearchCanUse) {
  Law in_parameters = testing::published_law();
  EXPECT_EQ("", why_not_searched(in_parameters));
  in_parameters.kappa_p = 1;
  in_parameters.alpha_p = 0.5;
  const auto s = scenario();
  for (const auto& [law, why] : {std::pair{in_parameters, "term in the total parameters"},
                                 {law_of(joint_moe), "function of active parameters"},
                                 {law_of(conditional), "multiplier at fixed depth and size"}}) {
    EXPECT_FALSE(is_separable(law));
    EXPECT_THAT(why_not_searched(law), HasSubstr(why));
    for (const auto& use : {std::function<void()>([&, &own = law] { theory::require_usable(own); }),
                            std::function<void()>([&, &own = law] {
                              theory::sensitivity(own, dense_layers(), s, Objective::total, 1e10);
                            })})
      EXPECT_THAT(use, ::testing::ThrowsMessage<DomainError>(HasSubstr(why)));
  }
}

}  // namespace
}  // namespace rooflaw::model
