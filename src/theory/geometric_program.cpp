#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <Eigen/LU>

#include "gp_values.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::theory {

namespace {

// Tunable: how the iteration proceeds. The goal is met long before the iterations run out.
constexpr int max_iterations = 200;
constexpr int patience = 5;                // iterations without gain once kkt_tolerance is met
constexpr double first_slack = 1.0;        // at least, in log units
constexpr double gap_factor = 0.2;         // the complementarity gap shrinks by this, or faster
constexpr double to_the_boundary = 0.995;  // share of the way to a zero slack or multiplier

constexpr std::size_t max_rows = max_gp_constraints + std::size_t{2} * dimension_count;
template <int Columns>
using RowsOf = Eigen::Matrix<double, Eigen::Dynamic, Columns, 0, max_rows, Columns>;
using RowVector = RowsOf<1>;

/// The problem at a point: log objective, and the inequalities value <= 0: the constraints in log
/// form, then the lower and upper bounds of the free axes (those of fixed axes are left out).
struct Local {
  Expansion objective;
  RowVector value;
  RowsOf<dimension_count> gradient;
  FixedVector<ShapeMatrix, max_gp_constraints> hessian;  // bounds have none
};

/// Folds the fixed axes into the coefficients, so that no derivative along them remains.
GeometricProgram without_fixed_axes(GeometricProgram program) {
  const auto fold = [&](Posynomial& p) {
    for (auto& m : p)
      for (int i = 0; i < dimension_count; ++i)
        if (!is_free(program, i)) {
          m.log_coefficient += m.exponents[i] * program.lower[i];
          m.exponents[i] = 0.0;
        }
  };
  fold(program.objective);
  for (auto& constraint : program.constraints) fold(constraint);
  return program;
}

int row_count(const GeometricProgram& program) {
  int free_axes = 0;
  for (int i = 0; i < dimension_count; ++i) free_axes += is_free(program, i) ? 1 : 0;
  return static_cast<int>(program.constraints.size()) + 2 * free_axes;
}

Local expand(const GeometricProgram& program, const ShapeVector& y) {
  Local at;
  at.objective = expand_log(program.objective, y);
  const int rows = row_count(program);
  at.value = RowVector::Zero(rows);
  at.gradient = RowsOf<dimension_count>::Zero(rows, dimension_count);
  int row = 0;
  for (const auto& constraint : program.constraints) {
    const Expansion g = expand_log(constraint, y);
    at.value[row] = g.value;
    at.gradient.row(row++) = g.gradient.transpose();
    at.hessian.push_back(g.hessian);
  }
  for (int i = 0; i < dimension_count; ++i) {
    if (!is_free(program, i)) continue;
    at.value[row] = program.lower[i] - y[i];
    at.gradient(row++, i) = -1.0;
    at.value[row] = y[i] - program.upper[i];
    at.gradient(row++, i) = 1.0;
  }
  return at;
}

/// The iterate: the point, a slack > 0 and a multiplier > 0 for every row.
struct Iterate {
  ShapeVector y;
  RowVector slack;
  RowVector multiplier;
};

/// What a solution makes zero: stationarity, value + slack, slack * multiplier - gap.
struct Equations {
  ShapeVector stationarity;
  RowVector feasibility;
  RowVector complementarity;
  double norm() const {
    return std::sqrt(stationarity.squaredNorm() + feasibility.squaredNorm() +
                     complementarity.squaredNorm());
  }
};

Equations equations(const Local& at, const Iterate& x, double gap) {
  return {.stationarity = at.objective.gradient + at.gradient.transpose() * x.multiplier,
          .feasibility = at.value + x.slack,
          .complementarity = (x.slack.array() * x.multiplier.array() - gap).matrix()};
}

/// Newton's step for the equations. Only the slack is eliminated: with the multipliers gone too the
/// system would be smaller, and near the solution lose half of its digits to the stiff rows.
Iterate newton_step(const Local& at, const Iterate& x, const Equations& miss) {
  constexpr int max_size = dimension_count + static_cast<int>(max_rows);
  static_assert(max_size < 48);  // larger ones Eigen cuts by the caches: model::fix_block_sizes()
  const Eigen::Index rows = at.value.size();
  const Eigen::Index size = dimension_count + rows;
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, max_size, max_size> system(size, size);
  Eigen::Matrix<double, Eigen::Dynamic, 1, 0, max_size, 1> side(size);

  ShapeMatrix hessian = at.objective.hessian;
  for (std::size_t j = 0; j < at.hessian.size(); ++j)
    hessian += x.multiplier[static_cast<Eigen::Index>(j)] * at.hessian[j];
  for (int i = 0; i < dimension_count; ++i)
    if (hessian(i, i) == 0.0) hessian(i, i) = 1.0;  // a fixed axis, where nothing else is left
  system << hessian, at.gradient.transpose(), at.gradient,
      RowVector(-x.slack.cwiseQuotient(x.multiplier)).asDiagonal().toDenseMatrix();
  side << -miss.stationarity, miss.complementarity.cwiseQuotient(x.multiplier) - miss.feasibility;

  const auto solution = system.partialPivLu().solve(side).eval();
  Iterate step;
  step.y = solution.head<dimension_count>();
  step.multiplier = solution.tail(rows);
  step.slack = -miss.feasibility - at.gradient * step.y;
  return step;
}

/// Largest part of a step, at most all of it, that keeps a positive vector positive.
double largest_step(const RowVector& x, const RowVector& step) {
  double largest = 1.0;
  for (Eigen::Index j = 0; j < x.size(); ++j)
    if (step[j] < 0.0) largest = std::min(largest, -to_the_boundary * x[j] / step[j]);
  return largest;
}

GpSolution to_solution(const GeometricProgram& program, const Iterate& x) {
  const double objective = expand(program.objective, x.y).value;  // multipliers are of its log
  GpSolution solution;
  solution.y = x.y;
  Eigen::Index row = 0;
  for (std::size_t j = 0; j < program.constraints.size(); ++j)
    solution.multipliers.push_back(objective * x.multiplier[row++]);
  for (int i = 0; i < dimension_count; ++i) {
    if (!is_free(program, i)) continue;
    // Where a bound holds, the point lies on it, not within rounding of it.
    if (x.slack[row] < x.multiplier[row]) solution.y[i] = program.lower[i];
    solution.lower_multipliers[i] = objective * x.multiplier[row++];
    if (x.slack[row] < x.multiplier[row]) solution.y[i] = program.upper[i];
    solution.upper_multipliers[i] = objective * x.multiplier[row++];
  }
  solution.kkt_residual = kkt_residual(program, solution);
  return solution;
}

}  // namespace

Expansion expand(const Posynomial& p, const ShapeVector& y) {
  Expansion sum;
  for (const auto& m : p) {
    const double term = exponential(m.log_coefficient + m.exponents.dot(y));
    sum.value += term;
    sum.steepest = std::max(sum.steepest, term * m.exponents.lpNorm<Eigen::Infinity>());
    sum.gradient += term * m.exponents;
    sum.hessian += term * m.exponents * m.exponents.transpose();
  }
  return sum;
}

Expansion expand_log(const Posynomial& p, const ShapeVector& y) {
  const Expansion sum = expand(p, y);
  const ShapeVector gradient = sum.gradient / sum.value;
  return {.value = natural_log(sum.value),
          .gradient = gradient,
          .hessian = sum.hessian / sum.value - gradient * gradient.transpose(),
          .steepest = sum.steepest / sum.value};
}

GpValues values_at(const GeometricProgram& program, const ShapeVector& y) {
  GpValues at{.objective = expand(program.objective, y), .constraints = {}};
  for (const auto& constraint : program.constraints)
    at.constraints.push_back(expand_log(constraint, y));
  return at;
}

double kkt_residual(const GeometricProgram& program, const GpSolution& solution) {
  return kkt_residual(program, values_at(program, solution.y), solution);
}

double kkt_residual(const GeometricProgram& program, const GpValues& at, const GpSolution& s) {
  // 0 where every axis is fixed
  const double scale = at.objective.steepest > 0.0 ? at.objective.steepest : 1.0;
  ShapeVector stationarity = at.objective.gradient;
  double breach = 0.0;
  const auto add = [&](double value, const ShapeVector& gradient, double multiplier) {
    stationarity += multiplier * gradient;
    breach = std::max({breach, value, std::abs(multiplier * value) / scale, -multiplier / scale});
  };
  for (std::size_t j = 0; j < program.constraints.size(); ++j)
    add(at.constraints[j].value, at.constraints[j].gradient, s.multipliers[j]);
  for (int i = 0; i < dimension_count; ++i) {
    add(program.lower[i] - s.y[i], -ShapeVector::Unit(i), s.lower_multipliers[i]);
    add(s.y[i] - program.upper[i], ShapeVector::Unit(i), s.upper_multipliers[i]);
    if (!is_free(program, i)) stationarity[i] = 0.0;
  }
  const double residual = std::max(breach, stationarity.lpNorm<Eigen::Infinity>() / scale);
  return std::isfinite(stationarity.sum()) ? residual : std::numeric_limits<double>::infinity();
}

namespace {

GpSolution solve_from_nothing(const GeometricProgram& program) {
  Iterate x;
  x.y = 0.5 * (program.lower + program.upper);
  Local at = expand(program, x.y);
  x.slack = (-at.value).cwiseMax(first_slack);
  x.multiplier = RowVector::Ones(at.value.size());

  GpSolution best = to_solution(program, x);
  int without_gain = 0;
  double length = 1.0;
  for (int iteration = 0; iteration < max_iterations; ++iteration) {
    const double gap = x.slack.dot(x.multiplier) / static_cast<double>(x.slack.size());
    // Aim at a smaller gap, the more so near the solution; but after a step that was cut short by
    // one slack or multiplier, first bring all products back to the same size.
    const double shrink = std::min(gap_factor, std::sqrt(gap));
    const double next_gap = gap * std::max(shrink, (1.0 - length) * (1.0 - length));
    const Equations miss = equations(at, x, next_gap);
    const Iterate step = newton_step(at, x, miss);
    // Far from the solution a full step may overshoot: the exponentials are steeper than they look.
    length =
        std::min(largest_step(x.slack, step.slack), largest_step(x.multiplier, step.multiplier));
    length = std::min(length, longest_step / step.y.lpNorm<Eigen::Infinity>());
    x = {.y = x.y + length * step.y,
         .slack = x.slack + length * step.slack,
         .multiplier = x.multiplier + length * step.multiplier};
    at = expand(program, x.y);

    const GpSolution now = to_solution(program, x);
    ++without_gain;
    if (now.kkt_residual < best.kkt_residual) {
      best = now;
      without_gain = 0;
    }
    const bool good = best.kkt_residual <= kkt_tolerance;
    if (best.kkt_residual <= residual_goal || (good && without_gain >= patience)) break;
  }
  if (!(best.kkt_residual <= kkt_tolerance))
    throw DomainError(fmt::format(
        "the optimum was not found: the optimality conditions are missed by {:.1e} (limit {:.0e})",
        best.kkt_residual, kkt_tolerance));
  return best;
}

}  // namespace

GpSolution solve(const GeometricProgram& program) {
  return solve_from_nothing(without_fixed_axes(program));
}

GpSolution solve(const GeometricProgram& given, const GpSolution& start) {
  const GeometricProgram program = without_fixed_axes(given);
  if (const auto near = solve_near(program, start)) return *near;
  return solve_from_nothing(program);
}

}  // namespace rooflaw::theory
