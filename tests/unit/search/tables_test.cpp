// The tables of powers: what they hold, and that they do not grow without bound.

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/score/parts.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

TEST(PowerTables, TokenCountsOnceEachAscending) {
  search::Question question;
  for (const auto& [batch, in, out] :
       {std::tuple{1, 128, 16}, std::tuple{4, 32, 1}, std::tuple{1, 0, 8}}) {
    search::Deployment deployment;
    deployment.scenario.workload = {
        .id = "w", .batch = batch, .input_tokens = in, .output_tokens = out};
    question.deployments.push_back(deployment);
  }
  // Prefill 128, 128, 0; decode 1, 4, 1.
  EXPECT_EQ((std::vector<double>{1, 4, 128}), search::token_counts(question));
  EXPECT_EQ(1u, search::token_count_number(search::token_counts(question), 4));
}

TEST(PowerTables, HoldTheLossOfEveryPoint) {
  Random random(23);
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    const RandomQuestion r = random_question(random, 1, 500, 4);
    const search::Space& space = r.question.space;
    const auto t = search::fill_tables(r.question);
    for (const auto& [index, a] : all_points(space)) {
      const auto digits = search::digits_of(space, index);
      const std::size_t w = digits[search::Axis::width];
      const search::Frame frame{digits[search::Axis::ffn], w};
      const auto option = search::ffn_option(space, digits).value();
      const auto attention =
          search::attention_option(space, w, digits[search::Axis::attention]).value();
      const search::LawTables& law = t.laws.at(0);
      const search::FfnPowers powers(t, frame, option);
      const double ratio = powers.ratio(0), activation = powers.activation(0);
      EXPECT_EQ(ratio, powers.ratio(0)) << "the second time it is looked up";
      const auto e = model::evaluate(r.question.laws[0], a, r.question.deployments[0].scenario);
      const auto& [sparsity, capacity] = law.ffn_terms;
      EXPECT_EQ(e.terms.sparsity, sparsity.coefficient * activation * ratio * sparsity.width[w]);
      EXPECT_EQ(e.terms.capacity, capacity.coefficient * ratio * capacity.width[w]);
      EXPECT_EQ(e.terms.sparsity + e.terms.capacity, search::ffn_part_loss(t, 0, frame, option));
      EXPECT_EQ(e.terms.kv, law.kv[w][attention.digit]);
      EXPECT_EQ(e.terms.depth + r.question.laws[0].l_inf, law.depth[digits[search::Axis::layers]]);
    }
  }
}

TEST(PowerTables, RefuseMoreThanAGibibyteOfRoutings) {
  Random random(29);
  search::Question question = random_question(random, 1, 500, 4).question;
  question.space.experts.assign(100000, 64);
  question.space.top_k.assign(2000, 2);
  EXPECT_THROW(search::fill_tables(question), InputError);
}

// Large tables are not made; what they would hold is computed, to the last bit.
TEST(PowerTables, TheSameWhereTheyStayEmpty) {
  Random random(31);
  std::size_t compared = 0;
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    search::Question question = random_question(random, 1, 500, 4).question;
    question.laws.push_back(random_law(random));
    const auto full = search::fill_tables(question);
    const auto empty = search::fill_tables(question, {}, 0);
    EXPECT_TRUE(empty.ratio.at(0).empty());
    const search::FfnOptions options(question.space);
    for (const auto& frame : search::frames_of(question.space)) {
      std::vector<search::FfnOption> blocks;
      for (std::size_t n = 0; n < options.size(); ++n)
        if (const auto o = options.at(frame, n)) blocks.push_back(*o);
      if (blocks.empty()) continue;
      search::FfnParts from_full, from_empty;
      search::fill_ffn_parts(question, full, frame, blocks, from_full);
      search::fill_ffn_parts(question, empty, frame, blocks, from_empty);
      EXPECT_EQ(from_full.loss, from_empty.loss);
      compared += blocks.size();
    }
  }
  EXPECT_GT(compared, 300u);
}

TEST(PowerTables, LawsShareTheColumnsOfEqualExponents) {
  Random random(37);
  search::Question question = random_question(random, 1, 500, 4).question;
  question.laws.push_back(question.laws[0]);
  question.laws[1].kappa_rho *= 2;
  question.laws[1].alpha_rho *= 2;
  const auto t = search::fill_tables(question);
  EXPECT_EQ(1u, t.ratio.size());
  EXPECT_EQ(2u, t.activation.size());
}

}  // namespace
}  // namespace rooflaw::testing
