// What a fit finds in runs made by a known law, and what it says it does not know.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "rooflaw/core/error.hpp"
#include "rooflaw/fit/law_study.hpp"
#include "unit/fit/synthetic_runs.hpp"

namespace rooflaw::fit {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

double mean_error(const LawProblem& problem, const Coefficients& law, const Coefficients& truth) {
  double sum = 0;
  for (const auto& run : problem.rows())
    sum += std::abs(loss_at(law, run) / loss_at(truth, run) - 1);
  return sum / static_cast<double>(problem.rows().size());
}

LawReport report_of(const Runs& runs, const LawTerms& terms, std::size_t resamples = 200) {
  const LawStudy study(runs, terms, {.seed = 1, .resamples = resamples});
  Made made;
  for (std::size_t i = 0; i < study.pieces(); ++i) made.push_back(study.make(i));
  return study.report(made);
}

const Told& told(const LawReport& report, const std::string& name) {
  return *std::find_if(report.coefficients.begin(), report.coefficients.end(),
                       [&](const Told& t) { return t.name == name; });
}

TEST(FitLaw, WithoutNoiseFindsAllElevenParameters) {
  const LawProblem problem(campaign(170, 4, 0), {published_terms()});
  const auto fit = fit_law(problem, 1);
  const auto law = problem.coefficients(fit.best().at);
  const auto truth = published_law();
  int checked = 0;
  for (const auto& c : model::law_coefficients<double>) {
    if (truth.*c.member == 0.0) continue;
    EXPECT_NEAR(law.*c.member / (truth.*c.member), 1.0, 1e-6) << c.name;
    ++checked;
  }
  EXPECT_EQ(checked, 11);
}

TEST(FitLaw, WithNoisePredictsToATenthOfAPercent) {
  for (const unsigned seed : {5U, 6U, 7U}) {
    const LawProblem problem(campaign(170, seed, 0.003), {published_terms()});
    const auto law = problem.coefficients(fit_law(problem, 1).best().at);
    EXPECT_LT(mean_error(problem, law, published_law()), 0.001);
  }
}

TEST(FitLaw, OrderAndUnitsOfRunsDoNotMatter) {
  const Runs runs = campaign(120, 8, 0.003);
  const LawProblem problem(runs, {published_terms()});
  const auto fit = fit_law(problem, 1);
  const auto errors = problem.log_errors(fit.best().at);

  Runs turned = runs;
  std::rotate(turned.rows.begin(), turned.rows.begin() + 47, turned.rows.end());
  const LawProblem again(turned, {published_terms()});
  EXPECT_EQ(again.log_errors(fit_law(again, 1).best().at), errors);

  Runs scaled = runs;
  for (auto& run : scaled.rows) {
    run.values[static_cast<std::size_t>(Column::width)] *= 1e-3;
    run.values[static_cast<std::size_t>(Column::kv_dim)] *= 7;
    run.values[static_cast<std::size_t>(Column::layers)] *= 1.1;
  }
  const LawProblem other(scaled, {published_terms()});
  const auto scaled_errors = other.log_errors(fit_law(other, 1).best().at);
  for (std::size_t i = 0; i < errors.size(); ++i) EXPECT_NEAR(scaled_errors[i], errors[i], 1e-9);
}

TEST(FitLaw, OneWildRunChangesLittle) {
  Runs runs = campaign(170, 9, 0.003);
  const LawProblem clean(runs, {published_terms()});
  runs.rows[20].loss *= 1.3;
  const LawProblem problem(runs, {published_terms()});
  const auto law = problem.coefficients(fit_law(problem, 1).best().at);
  EXPECT_LT(mean_error(clean, law, published_law()), 0.001);
  EXPECT_EQ(report_of(runs, {published_terms()}, 40).worst.front().line, runs.rows[20].line);
}

TEST(FitLaw, AGroupHasAnOffset) {
  Runs runs = campaign(170, 10, 0.001);
  for (std::size_t i = 0; i < runs.rows.size(); ++i)
    if (i % 3 == 0) {
      runs.rows[i].group = "code";
      runs.rows[i].loss += 0.2;
    }
  const auto report = report_of(runs, {published_terms()});
  ASSERT_EQ(report.offsets.size(), 1U);
  EXPECT_NEAR(report.offsets[0].value, 0.2, 0.01);
  EXPECT_LE(report.offsets[0].low, 0.2);
  EXPECT_GE(report.offsets[0].high, 0.2);
}

TEST(LawStudy, SaysWhatTheRunsDoNotTell) {
  const auto report = report_of(campaign(170, 11, 0.003), {published_terms()}, 400);
  EXPECT_EQ(report.resamples.size() + report.resamples_lost, 400U);
  EXPECT_LT(report.resamples_lost, 20U);
  for (const char* name : {"kappa_m", "alpha_m", "l_inf"})
    EXPECT_THAT(told(report, name).flags, Not(IsEmpty())) << name;
  for (const char* name : {"alpha_l", "alpha_rho", "beta_2"})
    EXPECT_THAT(told(report, name).flags, IsEmpty()) << name;
  for (const auto& t : report.coefficients) EXPECT_LE(t.low, t.high) << t.name;
  EXPECT_GT(report.held_out[0].law.r2, 0.9);
  EXPECT_EQ(report.held_out[0].law.runs, 170U);
  EXPECT_EQ(report.held_out[2].law.runs, 34U);
  EXPECT_GT(report.held_out[1].size_only.mean, report.held_out[1].law.mean);
  EXPECT_GT(report.held_out[1].mean.mean, report.held_out[1].law.mean);
}

TEST(LawStudy, AProfileHoldsTheFit) {
  const auto report = report_of(campaign(100, 12, 0.003), {terms_named({"depth", "capacity"})}, 20);
  for (const auto& t : report.coefficients) {
    EXPECT_LE(t.profile_low, t.value * (1 + 1e-9)) << t.name;
    EXPECT_GE(t.profile_high, t.value * (1 - 1e-9)) << t.name;
  }
}

TEST(LawStudy, ResamplesAreByShape) {
  // Each shape five times: resamples by row would be five times as sure of it.
  Runs one = campaign(60, 13, 0.01), five;
  five.has = one.has;
  for (const auto& run : one.rows)
    for (int k = 0; k < 5; ++k) {
      five.rows.push_back(run);
      five.rows.back().loss *= 1 + 1e-9 * k;
    }
  const LawTerms terms{terms_named({"depth", "sparsity"})};
  const auto a = report_of(one, terms), b = report_of(five, terms);
  EXPECT_EQ(b.shapes, a.shapes);
  const auto width = [](const LawReport& r) {
    return told(r, "alpha_l").high - told(r, "alpha_l").low;
  };
  EXPECT_NEAR(width(b) / width(a), 1.0, 0.2);
}

TEST(Identify, PinsWhatIsConstant) {
  Runs runs = campaign(120, 14, 0.003);
  for (auto& run : runs.rows) run.values[static_cast<std::size_t>(Column::ffn_ratio)] = 4;
  const auto found = identify(runs, terms_named({"depth", "capacity"}), 1);
  EXPECT_THAT(found.terms.pinned, testing::ElementsAre(&Coefficients::alpha_r));
  EXPECT_THAT(found.notes, Contains(HasSubstr("alpha_r")));
  const auto report = report_of(runs, found.terms, 20);
  EXPECT_TRUE(told(report, "alpha_r").pinned);
  EXPECT_EQ(told(report, "alpha_r").value, 0.17);
}

TEST(Identify, PinsAWholeTermOfAConstant) {
  Runs runs = campaign(120, 15, 0.001);
  for (auto& run : runs.rows) {
    run.values[static_cast<std::size_t>(Column::kv_dim)] = 512;
    run.loss = loss_at(published_law(), run);
  }
  const auto found = identify(runs, published_terms(), 1);
  EXPECT_THAT(found.terms.pinned,
              testing::ElementsAre(&Coefficients::alpha_m, &Coefficients::kappa_m));
  const LawProblem problem(runs, found.terms);
  const auto law = problem.coefficients(fit_law(problem, 1).best().at);
  EXPECT_NEAR(law.kappa_m, 0.2, 1e-12);
  EXPECT_NEAR(law.l_inf, 2.53, 1e-6);
}

TEST(Identify, PinsTheOneOfTwoThatVaryTogether) {
  Runs runs = campaign(120, 16, 0.003);
  for (auto& run : runs.rows)
    run.values[static_cast<std::size_t>(Column::kv_dim)] = run[Column::width] / 4;
  const auto named = identify(runs, published_terms(), 1);
  EXPECT_THAT(named.terms.pinned, testing::ElementsAre(&Coefficients::alpha_m));
  EXPECT_THAT(named.notes, Contains(HasSubstr("correlated")));
  const auto unnamed = identify(runs, {}, 1);
  EXPECT_FALSE(unnamed.terms.has("kv"));
}

TEST(Identify, LeavesOutWhatTheRunsDoNotNeed) {
  Coefficients dense = published_law();
  dense.kappa_rho = dense.kappa_m = 0;
  const auto found = identify(campaign(170, 17, 0.003, dense), {}, 1);
  EXPECT_TRUE(found.terms.has("depth"));
  EXPECT_TRUE(found.terms.has("capacity"));
  EXPECT_FALSE(found.terms.has("sparsity"));
  EXPECT_FALSE(found.terms.has("kv"));
}

TEST(Identify, AsksForEnough) {
  EXPECT_THAT(identify(campaign(20, 18, 0.003), published_terms(), 1).refusals,
              Contains(HasSubstr("too few")));
  Runs repeated = campaign(5, 19, 0.003);
  const auto five = repeated.rows;
  for (int k = 0; k < 10; ++k)
    for (auto run : five) {
      run.loss *= 1 + 1e-4 * k;
      repeated.rows.push_back(run);
    }
  EXPECT_THAT(identify(repeated, published_terms(), 1).refusals, Contains(HasSubstr("shapes")));
  EXPECT_THAT(identify(campaign(170, 20, 0.003), published_terms(), 1).refusals, IsEmpty());
  EXPECT_THROW(identify(campaign(170, 20, 0.003), terms_named({"tokens"}), 1), Error);
  Runs same = campaign(30, 21, 0.003);
  for (auto& run : same.rows) run.values = same.rows.front().values;
  EXPECT_THROW(identify(same, {}, 1), Error);
}

TEST(KeepLowest, TakesEqualOnesTogether) {
  Runs runs = campaign(5, 22, 0);
  const double losses[] = {3, 1, 2, 2, 4};
  for (std::size_t i = 0; i < 5; ++i) runs.rows[i].loss = losses[i];
  Runs two = runs;
  keep_lowest(two, 2);
  ASSERT_EQ(two.rows.size(), 1U);
  EXPECT_EQ(two.rows[0].loss, 1);
  keep_lowest(runs, 3);
  EXPECT_EQ(runs.rows.size(), 3U);
}

}  // namespace
}  // namespace rooflaw::fit
