#include "rooflaw/fit/law_minimum.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "rooflaw/core/powers.hpp"

namespace rooflaw::fit {

namespace {

constexpr int most_steps = 2000;
constexpr double largest_step = 0.7;     // of a factor or an exponent
constexpr double rounding = 1e-13;       // of the objective, relatively
constexpr double flat = 1e-22;           // promised gain at which nothing is left to gain
constexpr double good_enough = 1e-12;    // promised gain at which a point is a minimum
constexpr double least_damping = 1e-12;  // below it there is none
constexpr double first_damping = 1e-4, most_damping = 1e12;

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

  Eigen::VectorXd moved(Eigen::VectorXd to, const Eigen::VectorXd& step) const {
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
  double promised = 0;  // gain
};

/// The step of some parameters, given those that others take.
/// @param base  `at` with the others moved
Step step_of(const LawProblem& problem, const Eigen::VectorXd& at, const Eigen::VectorXd& base,
             const Slope& slope, const std::vector<Eigen::Index>& free, double damping) {
  const Chart chart(problem, at, free);
  const Eigen::MatrixXd jacobian = chart.jacobian();
  const Eigen::VectorXd by_parameter = slope.gradient(free);
  const Eigen::VectorXd there = slope.newton(free, Eigen::all) * (base - at);
  const Eigen::VectorXd gradient = jacobian.transpose() * (by_parameter + there);
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
  return {chart.moved(base, move), -(gradient.dot(move) + 0.5 * move.dot(matrix * move))};
}

/// A parameter that would cross a bound goes there, and the others take that into account: or a
/// hair's breadth before a bound no step would be small enough.
Step step_from(const LawProblem& problem, const Eigen::VectorXd& at, const Slope& slope,
               std::vector<Eigen::Index> free, double damping, const Eigen::VectorXd& low,
               const Eigen::VectorXd& high) {
  Eigen::VectorXd base = at;
  for (;;) {
    Step step = step_of(problem, at, base, slope, free, damping);
    const Eigen::VectorXd inside = step.to.cwiseMax(low).cwiseMin(high);
    const auto crosses = [&](Eigen::Index p) { return inside[p] != step.to[p]; };
    if (std::none_of(free.begin(), free.end(), crosses)) {
      // Of a step that a bound cuts short the model promises nothing; the gradient does.
      if (base != at) step.promised = slope.gradient.dot(at - step.to);
      return step;
    }
    for (const Eigen::Index p : free)
      if (crosses(p)) base[p] = inside[p];
    std::erase_if(free, crosses);
    if (free.empty()) return {base, slope.gradient.dot(at - base)};
  }
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
    if (damping <= first_damping && std::abs(step.promised) < good_enough) m.converged = true;
    if (std::abs(step.promised) < flat && damping <= first_damping) break;
    const double value = problem.objective(step.to, sample, nullptr, false);
    const double gain = m.objective - value;
    // Where the objective no longer has the digits, its gradient tells.
    const bool is_fine = std::abs(step.promised) < rounding * (1 + m.objective);
    bool is_better =
        std::isfinite(value) && (is_fine || (step.promised > 0.0 && gain > 1e-4 * step.promised));
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

}  // namespace rooflaw::fit
