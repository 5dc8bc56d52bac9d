// The objective of a fit is that of the law of model/law.hpp; its derivatives are its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/fit/law_problem.hpp"
#include "unit/fit/synthetic_runs.hpp"

namespace rooflaw::fit {
namespace {

/// All terms of the law, and two groups.
LawProblem whole_problem() {
  Runs runs = campaign(60, 1, 0.002);
  runs.has.fill(true);
  for (std::size_t i = 0; i < runs.rows.size(); ++i) {
    auto& run = runs.rows[i];
    run.values[static_cast<std::size_t>(Column::tokens)] = 1e9 * static_cast<double>(1 + i % 7);
    run.values[static_cast<std::size_t>(Column::parameters)] =
        12 * run[Column::layers] * run[Column::width] * run[Column::width];
    run.weight = 1 + static_cast<double>(i % 3);
    run.group = i % 4 == 0 ? "few" : "most";
  }
  LawTerms terms;
  for (const auto& form : term_forms()) terms.forms.push_back(&form);
  return {runs, terms};
}

Eigen::VectorXd somewhere(const LawProblem& problem, double step) {
  Coefficients law = published_law();
  law.l_inf = 1.5;
  law.kappa_t = 20, law.alpha_t = 0.2;
  law.kappa_p = 50, law.alpha_p = 0.3;
  Eigen::VectorXd at = problem.parameters_of(law);
  for (Eigen::Index i = 0; i < at.size(); ++i) at[i] += step * (1 + static_cast<double>(i % 3));
  return at;
}

double huber(double x) {
  return std::abs(x) <= huber_delta ? x * x / 2 : huber_delta * (std::abs(x) - huber_delta / 2);
}

TEST(LawProblem, IsTheLawOfTheModel) {
  const LawProblem problem = whole_problem();
  Eigen::VectorXd at = somewhere(problem, 0.01);
  const double offset = at[at.size() - 1] = 0.03;
  const auto law = problem.coefficients(at);
  double sum = 0, weights = 0;
  const auto errors = problem.log_errors(at);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto& run = problem.rows()[i];
    const double loss = loss_at(law, run) + (run.group == "few" ? offset : 0.0);
    EXPECT_NEAR(errors[i], std::log(loss / run.loss), 1e-12);
    sum += run.weight * huber(std::log(loss / run.loss));
    weights += run.weight;
  }
  const Sample all = problem.whole();
  EXPECT_NEAR(problem.sum_of_huber(problem.objective(at, all, nullptr, false), all), sum,
              1e-12 * sum);
  EXPECT_DOUBLE_EQ(all.total, weights);
}

TEST(LawProblem, ItsParametersAreThoseOfTheLaw) {
  const LawProblem problem = whole_problem();
  const Eigen::VectorXd at = somewhere(problem, 0.0);
  const auto again = problem.parameters_of(problem.coefficients(at));
  EXPECT_LT((at - again).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(LawProblem, DerivativesAreDifferences) {
  const LawProblem problem = whole_problem();
  const Sample all = problem.whole();
  for (const double step : {0.0, 0.004, -0.02}) {
    const Eigen::VectorXd at = somewhere(problem, step);
    Slope slope;
    problem.objective(at, all, &slope, true);
    constexpr double h = 1e-7;
    for (Eigen::Index i = 0; i < at.size(); ++i) {
      Eigen::VectorXd above = at, below = at;
      above[i] += h, below[i] -= h;
      Slope up, down;
      const double difference =
          problem.objective(above, all, &up, false) - problem.objective(below, all, &down, false);
      EXPECT_NEAR(difference / (2 * h), slope.gradient[i], 1e-4 * (1 + std::abs(slope.gradient[i])))
          << problem.parameters()[static_cast<std::size_t>(i)].name;
      // Where no run crosses the kink of Huber's function.
      const Eigen::VectorXd bend = (up.gradient - down.gradient) / (2 * h);
      EXPECT_LT((bend - slope.newton.col(i)).cwiseAbs().maxCoeff(),
                1e-3 * (1 + slope.newton.cwiseAbs().maxCoeff()));
    }
  }
}

TEST(LawProblem, LeastSquaresFindTheCoefficients) {
  LawTerms terms{published_terms()};
  const LawProblem problem(campaign(100, 2, 0), terms);
  const Eigen::VectorXd truth = problem.parameters_of(published_law());
  Eigen::VectorXd at = truth;
  for (std::size_t i = 0; i < problem.parameters().size(); ++i)
    if (problem.parameters()[i].role != Role::exponent) at[static_cast<Eigen::Index>(i)] = -1;
  problem.solve_coefficients(at, problem.whole());
  // A start, no more; where the KV term and L_inf trade off it may stop anywhere.
  for (const double error : problem.log_errors(at)) EXPECT_LT(std::abs(error), 2e-3);
}

TEST(LawProblem, RunsStandInTheirOwnOrder) {
  Runs runs = campaign(50, 3, 0.01), turned = runs;
  std::reverse(turned.rows.begin(), turned.rows.end());
  const LawProblem a(runs, {published_terms()}), b(turned, {published_terms()});
  for (std::size_t i = 0; i < runs.rows.size(); ++i) {
    EXPECT_EQ(a.rows()[i].values, b.rows()[i].values);
    EXPECT_EQ(a.shapes()[i], b.shapes()[i]);
  }
}

}  // namespace
}  // namespace rooflaw::fit
