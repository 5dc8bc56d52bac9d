#include "rooflaw/fit/law_minimum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Dense>
#include <nlopt.hpp>

#include "rooflaw/core/powers.hpp"
#include "rooflaw/core/random.hpp"

namespace rooflaw::fit {

namespace {

constexpr int most_steps = 2000;
constexpr double largest_step = 0.7;     // of a factor or an exponent
constexpr double rounding = 1e-13;       // of the objective, relatively
constexpr double flat = 1e-22;           // promised gain at which nothing is left to gain
constexpr double good_enough = 1e-12;    // promised gain at which a point is a minimum
constexpr double least_damping = 1e-12;  // below it there is none
constexpr double first_damping = 1e-4, most_damping = 1e12;
constexpr int lbfgs_evaluations = 200;
constexpr double lbfgs_goal = 1e-9;
constexpr double nearly_best = 1.05;  // times the best objective
constexpr std::uint64_t start_stream = 1;

/// Parameters that are to be moved: not pinned, and not pressed against a bound.
std::vector<Eigen::Index> moving(const Eigen::VectorXd& at, const Eigen::VectorXd& gradient,
                                 const Eigen::VectorXd& low, const Eigen::VectorXd& high) {
  std::vector<Eigen::Index> free;
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    const bool is_held = low[i] == high[i] || (at[i] <= low[i] && gradient[i] >= 0.0) ||
                         (at[i] >= high[i] && gradient[i] <= 0.0);
    if (!is_held) free.push_back(i);
  }
  return free;
}

double norm_of(const Eigen::VectorXd& gradient, const std::vector<Eigen::Index>& free) {
  double largest = 0;
  for (const Eigen::Index i : free) largest = std::max(largest, std::abs(gradient[i]));
  return largest;
}

/// Steps are taken not in the parameters themselves but in factors of the coefficients and of L_inf
/// and in exponents times coefficients:
///   coefficient' = coefficient (1 + u), exponent' = (exponent + v) / (1 + u).
/// What two parts of a law may trade for one another (a coefficient for L_inf, a coefficient for
/// its small exponent) is a straight valley in these, where it is a bent one in the logarithms.
class Chart {
 public:
  Chart(const LawProblem& problem, const Eigen::VectorXd& at, const std::vector<Eigen::Index>& free)
      : at_(at), free_(free) {
    for (const Eigen::Index p : free) {
      const auto& parameter = problem.parameters()[static_cast<std::size_t>(p)];
      const Eigen::Index owner =
          parameter.role == Role::exponent ? place_of(problem.coefficient_of(p)) : -1;
      owners_.push_back(owner);
      is_log_.push_back(parameter.role == Role::coefficient || parameter.role == Role::floor);
    }
  }

  Eigen::MatrixXd jacobian() const {
    const auto n = static_cast<Eigen::Index>(free_.size());
    Eigen::MatrixXd j = Eigen::MatrixXd::Identity(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
      if (owner(i) >= 0) j(i, owner(i)) = -exponent(i);
    return j;
  }

  /// Adds what the chart's own bend makes of a gradient.
  void bend(Eigen::MatrixXd& matrix, const Eigen::VectorXd& gradient) const {
    for (Eigen::Index i = 0; i < gradient.size(); ++i) {
      if (is_log_[static_cast<std::size_t>(i)]) matrix(i, i) -= gradient[i];
      if (owner(i) < 0) continue;
      matrix(owner(i), owner(i)) += 2 * exponent(i) * gradient[i];
      matrix(i, owner(i)) -= gradient[i];
      matrix(owner(i), i) -= gradient[i];
    }
  }

  Eigen::VectorXd moved(const Eigen::VectorXd& step) const {
    Eigen::VectorXd to = at_;
    for (Eigen::Index i = 0; i < step.size(); ++i) {
      double& x = to[free_[static_cast<std::size_t>(i)]];
      if (is_log_[static_cast<std::size_t>(i)])
        x += log_one_plus(step[i]);
      else if (owner(i) >= 0)
        x = (x + step[i]) / (1 + step[owner(i)]);
      else
        x += step[i];
    }
    return to;
  }

 private:
  Eigen::Index place_of(Eigen::Index parameter) const {
    const auto found = std::find(free_.begin(), free_.end(), parameter);
    return parameter < 0 || found == free_.end() ? -1 : found - free_.begin();
  }
  Eigen::Index owner(Eigen::Index i) const { return owners_[static_cast<std::size_t>(i)]; }
  double exponent(Eigen::Index i) const { return at_[free_[static_cast<std::size_t>(i)]]; }

  const Eigen::VectorXd& at_;
  const std::vector<Eigen::Index>& free_;
  std::vector<Eigen::Index> owners_;  // by place among the free ones; -1: none
  std::vector<bool> is_log_;
};

struct Step {
  Eigen::VectorXd to;
  double promised = 0;  // gain by the quadratic model
};

Step step_from(const LawProblem& problem, const Eigen::VectorXd& at, const Slope& slope,
               const std::vector<Eigen::Index>& free, double damping, const Eigen::VectorXd& low,
               const Eigen::VectorXd& high) {
  const Chart chart(problem, at, free);
  const Eigen::MatrixXd jacobian = chart.jacobian();
  const Eigen::VectorXd by_parameter = slope.gradient(free);
  const Eigen::VectorXd gradient = jacobian.transpose() * by_parameter;
  const Eigen::MatrixXd gauss = jacobian.transpose() * slope.gauss(free, free) * jacobian;
  Eigen::MatrixXd newton = jacobian.transpose() * slope.newton(free, free) * jacobian;
  chart.bend(newton, by_parameter);
  const auto damped = [&](Eigen::MatrixXd matrix) {
    matrix.diagonal() += damping * gauss.diagonal();
    matrix.diagonal().array() += 1e-14;
    return matrix;
  };
  Eigen::MatrixXd matrix = damped(newton);
  Eigen::LLT<Eigen::MatrixXd> factors(matrix);
  if (factors.info() != Eigen::Success) {
    matrix = damped(gauss);
    factors.compute(matrix);
  }
  Eigen::VectorXd move = -factors.solve(gradient);
  const double largest = move.cwiseAbs().maxCoeff();
  if (largest > largest_step) move *= largest_step / largest;
  return {chart.moved(move).cwiseMax(low).cwiseMin(high),
          -(gradient.dot(move) + 0.5 * move.dot(matrix * move))};
}

}  // namespace

Minimum descend(const LawProblem& problem, const Sample& sample, Eigen::VectorXd start) {
  const Eigen::VectorXd low = problem.low(), high = problem.high(sample);
  Minimum m{start.cwiseMax(low).cwiseMin(high), 0, 0, false, 0};
  Slope slope, next;
  m.objective = problem.objective(m.at, sample, &slope, true);
  if (!std::isfinite(m.objective)) return m;
  double damping = first_damping;
  auto free = moving(m.at, slope.gradient, low, high);
  for (; m.steps < most_steps; ++m.steps) {
    m.gradient = norm_of(slope.gradient, free);
    if (free.empty()) {
      m.converged = true;
      break;
    }
    const Step step = step_from(problem, m.at, slope, free, damping, low, high);
    if (damping <= first_damping && step.promised < good_enough) m.converged = true;
    if (step.promised < flat && damping <= first_damping) break;
    const double value = problem.objective(step.to, sample, nullptr, false);
    const double gain = m.objective - value;
    // Where the objective no longer has the digits, its gradient tells.
    const bool is_fine = std::abs(step.promised) < rounding * (1 + m.objective);
    bool is_better = std::isfinite(value) && (is_fine || gain > 1e-4 * step.promised);
    auto next_free = free;
    if (is_better) {
      problem.objective(step.to, sample, &next, true);
      next_free = moving(step.to, next.gradient, low, high);
      is_better = !is_fine || norm_of(next.gradient, next_free) < m.gradient;
    }
    if (is_better) {
      damping = gain > 0.7 * step.promised || is_fine ? damping / 5 : damping;
      if (damping < least_damping) damping = least_damping;
      m.at = step.to;
      m.objective = value;
      std::swap(slope, next);
      free = next_free;
    } else {
      if (is_fine && damping <= first_damping) break;
      damping = std::max(damping, least_damping) * 4;
      if (damping > most_damping) break;
    }
  }
  m.gradient = norm_of(slope.gradient, free);
  return m;
}

std::vector<Eigen::VectorXd> best_starts(const LawProblem& problem, const Sample& sample,
                                         const Starts& starts) {
  struct Start {
    Eigen::VectorXd at;
    double objective;
  };
  std::vector<Start> all;
  const auto& parameters = problem.parameters();
  for (int s = 0; s < starts.drawn; ++s) {
    Eigen::VectorXd at = problem.low();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].role != Role::exponent || parameters[i].pinned()) continue;
      const auto& form = exponent_form(parameters[i].member);
      const double share =
          random_unit(starts.seed, start_stream,
                      static_cast<std::uint64_t>(s) * model::law_coefficients<double>.size() + i);
      at[static_cast<Eigen::Index>(i)] =
          s == 0 ? form.prior : form.start_low + share * (form.start_high - form.start_low);
    }
    problem.solve_coefficients(at, sample);
    const double objective = problem.objective(at, sample, nullptr, false);
    if (std::isfinite(objective)) all.push_back({std::move(at), objective});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Start& a, const Start& b) { return a.objective < b.objective; });
  std::vector<Eigen::VectorXd> best;
  for (const auto& start : all)
    if (best.size() < static_cast<std::size_t>(starts.polished)) best.push_back(start.at);
  return best;
}

namespace {

struct Search {
  const LawProblem& problem;
  const Sample& sample;
};

double lbfgs_value(const std::vector<double>& x, std::vector<double>& gradient, void* data) {
  const auto& search = *static_cast<const Search*>(data);
  const Eigen::Map<const Eigen::VectorXd> at(x.data(), static_cast<Eigen::Index>(x.size()));
  Slope slope;
  const double value =
      search.problem.objective(at, search.sample, gradient.empty() ? nullptr : &slope, false);
  if (!gradient.empty()) std::copy(slope.gradient.begin(), slope.gradient.end(), gradient.begin());
  return std::isfinite(value) ? value : std::numeric_limits<double>::max();
}

}  // namespace

Minimum polish(const LawProblem& problem, const Sample& sample, const Eigen::VectorXd& start) {
  const Eigen::VectorXd low = problem.low(), high = problem.high(sample);
  std::vector<double> x(start.begin(), start.end());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::clamp(x[i], low[static_cast<Eigen::Index>(i)], high[static_cast<Eigen::Index>(i)]);
  Search search{problem, sample};
  nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(x.size()));
  optimizer.set_lower_bounds({low.begin(), low.end()});
  optimizer.set_upper_bounds({high.begin(), high.end()});
  optimizer.set_min_objective(lbfgs_value, &search);
  optimizer.set_maxeval(lbfgs_evaluations);
  optimizer.set_ftol_rel(lbfgs_goal);
  double value = 0;
  try {
    optimizer.optimize(x, value);
  } catch (const nlopt::roundoff_limited&) {
  } catch (const std::runtime_error&) {  // a line search that found nothing: descend goes on
  }
  return descend(problem, sample,
                 Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size())));
}

std::vector<Minimum> distinct(std::vector<Minimum> minima) {
  std::stable_sort(minima.begin(), minima.end(),
                   [](const Minimum& a, const Minimum& b) { return a.objective < b.objective; });
  std::vector<Minimum> kept;
  for (auto& m : minima) {
    const bool is_near = kept.empty() || m.objective <= nearly_best * kept.front().objective;
    const bool is_new = std::none_of(kept.begin(), kept.end(), [&](const Minimum& k) {
      return (k.at - m.at).cwiseAbs().maxCoeff() < 1e-3;
    });
    if (is_near && is_new) kept.push_back(std::move(m));
  }
  return kept;
}

}  // namespace rooflaw::fit
