// The coefficients of a law: in its own units, and the best for given exponents.

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <Eigen/Dense>
#include <nlopt.hpp>

#include "at_index.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/fit/law_problem.hpp"

namespace rooflaw::fit {

namespace {

constexpr double start_goal = 1e-8;  // relative change of the sum of squares: a start, no more
constexpr int most_evaluations_of_start = 100;

/// Sum of squares of (columns * c - 1), as a quadratic form.
struct Quadratic {
  Eigen::MatrixXd square;
  Eigen::VectorXd linear;
  double constant = 0;
};

double quadratic_value(const std::vector<double>& c, std::vector<double>& gradient, void* data) {
  const auto& q = *static_cast<const Quadratic*>(data);
  const Eigen::Map<const Eigen::VectorXd> x(c.data(), static_cast<Eigen::Index>(c.size()));
  const Eigen::VectorXd slope = q.square * x;
  if (!gradient.empty())
    for (std::size_t i = 0; i < c.size(); ++i)
      gradient[i] =
          2 * (slope[static_cast<Eigen::Index>(i)] - q.linear[static_cast<Eigen::Index>(i)]);
  return x.dot(slope) - 2 * q.linear.dot(x) + q.constant;
}

}  // namespace

void LawProblem::solve_coefficients(Eigen::VectorXd& at, const Sample& sample) const {
  // What is solved for: the coefficients, L_inf, the offsets; in units of the start.
  std::vector<Eigen::Index> unknowns;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].role != Role::exponent) unknowns.push_back(static_cast<Eigen::Index>(i));
  const auto count = static_cast<Eigen::Index>(unknowns.size());
  const std::size_t n = sample.rows.size();

  double mean = 0;
  for (std::size_t k = 0; k < n; ++k)
    mean += sample.weights[k] * rows_[sample.rows[k]].loss / sample.total;
  Eigen::VectorXd ones = at;
  for (const auto& term : terms_)
    if (!parameters_[static_cast<std::size_t>(term.parameter)].pinned()) ones[term.parameter] = 0;
  const auto values = term_values(ones, sample);

  Quadratic q{Eigen::MatrixXd::Zero(count, count), Eigen::VectorXd::Zero(count), sample.total};
  Eigen::VectorXd row(count);
  for (std::size_t k = 0; k < n; ++k) {
    const double loss = rows_[sample.rows[k]].loss;
    double left = 1;  // less what is pinned
    for (Eigen::Index u = 0; u < count; ++u) {
      const Eigen::Index parameter = unknowns[static_cast<std::size_t>(u)];
      row[u] = 0;
      if (parameter == floor_) row[u] = mean / loss;
      if (parameter > floor_ &&
          group_of_[sample.rows[k]] == static_cast<std::size_t>(parameter - floor_))
        row[u] = mean / loss;
      for (std::size_t t = 0; t < terms_.size(); ++t) {
        if (terms_[t].parameter != parameter) continue;
        if (parameters_[static_cast<std::size_t>(parameter)].pinned())
          left -= values[t * n + k] / loss;
        else
          row[u] = mean * values[t * n + k] / loss;
      }
    }
    q.square += sample.weights[k] * row * row.transpose();
    q.linear += sample.weights[k] * left * row;
    q.constant += sample.weights[k] * (left * left - 1);
  }

  const Eigen::VectorXd low = this->low(), high = this->high(sample);
  std::vector<double> c, least, most;
  for (const Eigen::Index parameter : unknowns) {
    const bool is_offset = parameter > floor_;
    const bool is_pinned = parameters_[static_cast<std::size_t>(parameter)].pinned();
    least.push_back(is_pinned   ? 0
                    : is_offset ? low[parameter] / mean
                                : exponential(low[parameter]) / mean);
    most.push_back(is_pinned   ? 0
                   : is_offset ? high[parameter] / mean
                               : exponential(high[parameter]) / mean);
    c.push_back(
        std::clamp(is_offset ? 0.0 : 1.0 / static_cast<double>(count), least.back(), most.back()));
  }
  nlopt::opt optimizer(nlopt::LD_SLSQP, static_cast<unsigned>(c.size()));
  optimizer.set_lower_bounds(least);
  optimizer.set_upper_bounds(most);
  optimizer.set_min_objective(quadratic_value, &q);
  optimizer.set_ftol_rel(start_goal);
  optimizer.set_maxeval(most_evaluations_of_start);
  double value = 0;
  try {
    optimizer.optimize(c, value);
  } catch (const std::runtime_error&) {  // of NLopt: as good as it gets
  }
  for (std::size_t u = 0; u < unknowns.size(); ++u) {
    const Eigen::Index parameter = unknowns[u];
    if (parameters_[static_cast<std::size_t>(parameter)].pinned())
      at[parameter] = low[parameter];
    else
      at[parameter] = std::clamp(parameter > floor_ ? c[u] * mean : natural_log(c[u] * mean),
                                 low[parameter], high[parameter]);
  }
}

double LawProblem::log_scale(const Term& term, const Eigen::VectorXd& at) const {
  double sum = 0;
  for (const auto& p : term.powers) sum += p.sign * at[p.parameter] * log_means_[p.column];
  return sum;
}

Coefficients LawProblem::coefficients(const Eigen::VectorXd& at) const {
  Coefficients law;
  for (const auto& term : terms_) {
    const auto& parameter = parameters_[static_cast<std::size_t>(term.parameter)];
    law.*parameter.member = exponential(at[term.parameter] - log_scale(term, at));
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].role == Role::exponent) law.*parameters_[i].member = at[at_index(i)];
  law.l_inf = exponential(at[floor_]);
  return law;
}

Eigen::VectorXd LawProblem::parameters_of(const Coefficients& law) const {
  Eigen::VectorXd at = Eigen::VectorXd::Zero(at_index(parameters_.size()));
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].role == Role::exponent) at[at_index(i)] = law.*parameters_[i].member;
  for (const auto& term : terms_) {
    const auto& parameter = parameters_[static_cast<std::size_t>(term.parameter)];
    at[term.parameter] = natural_log(law.*parameter.member) + log_scale(term, at);
  }
  at[floor_] = natural_log(law.l_inf);
  return at;
}

}  // namespace rooflaw::fit
