#include <cmath>
#include <limits>

#include <Eigen/LU>

#include "gp_values.hpp"

namespace rooflaw::theory {

namespace {

// Tunable: what is tried before an iteration from nothing, which any of them may lead to.
constexpr int max_steps = 8;
constexpr double active_above = 1e-9;  // multiplier, in units of the objective
constexpr double near_enough = 1e-13;  // residual, where a step more gains nothing

/// What is left when all that holds with equality is taken as an equation.
struct Active {
  FixedVector<int, dimension_count> axes;               // on no bound
  FixedVector<std::size_t, max_gp_constraints> rows{};  // constraints
};

FixedVector<int, dimension_count> axes_inside(const GeometricProgram& program,
                                              const ShapeVector& y) {
  FixedVector<int, dimension_count> axes;
  for (int i = 0; i < dimension_count; ++i)
    if (program.lower[i] < y[i] && y[i] < program.upper[i]) axes.push_back(i);
  return axes;
}

/// The constraints that bind. One that the bounds alone make hold is none: they bear its
/// multiplier.
Active active_at(const GeometricProgram& program, const GpValues& at, const GpSolution& start) {
  Active active{.axes = axes_inside(program, start.y)};
  for (std::size_t j = 0; j < program.constraints.size(); ++j) {
    if (!(start.multipliers[j] > active_above)) continue;
    bool has_any = false;
    for (const int i : active.axes) has_any = has_any || at.constraints[j].gradient[i] != 0.0;
    if (has_any) active.rows.push_back(j);
  }
  return active;
}

/// Multipliers of the bounds that the point lies on, from those of the constraints.
void hold_bounds(const GeometricProgram& program, const GpValues& at, const Active& active,
                 GpSolution& s) {
  ShapeVector pull = at.objective.gradient;
  for (const auto j : active.rows) pull += s.multipliers[j] * at.constraints[j].gradient;
  s.lower_multipliers.setZero();
  s.upper_multipliers.setZero();
  for (int i = 0; i < dimension_count; ++i) {
    if (!is_free(program, i)) continue;
    if (s.y[i] == program.lower[i]) s.lower_multipliers[i] = pull[i];
    if (s.y[i] == program.upper[i]) s.upper_multipliers[i] = -pull[i];
  }
}

/// Moves the axes that are inside, and finds the multipliers of the constraints. False if the
/// equations do not say where to.
bool newton_step(const GpValues& at, const Active& active, GpSolution& s) {
  constexpr int max_size = dimension_count + static_cast<int>(max_gp_constraints);
  const auto axes = static_cast<Eigen::Index>(active.axes.size());
  const auto rows = static_cast<Eigen::Index>(active.rows.size());
  const Eigen::Index size = axes + rows;
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, max_size, max_size> system(size, size);
  Eigen::Matrix<double, Eigen::Dynamic, 1, 0, max_size, 1> side(size);

  ShapeMatrix hessian = at.objective.hessian;
  for (const auto j : active.rows) hessian += s.multipliers[j] * at.constraints[j].hessian;
  for (Eigen::Index a = 0; a < axes; ++a) {
    const int i = active.axes[static_cast<std::size_t>(a)];
    side[a] = -at.objective.gradient[i];
    for (Eigen::Index b = 0; b < axes; ++b)
      system(a, b) = hessian(i, active.axes[static_cast<std::size_t>(b)]);
    if (system(a, a) == 0.0) system(a, a) = 1.0;  // nobody has an opinion on it: it stays
    for (Eigen::Index b = 0; b < rows; ++b)
      system(axes + b, a) = system(a, axes + b) =
          at.constraints[active.rows[static_cast<std::size_t>(b)]].gradient[i];
  }
  for (Eigen::Index b = 0; b < rows; ++b)
    side[axes + b] = -at.constraints[active.rows[static_cast<std::size_t>(b)]].value;
  system.bottomRightCorner(rows, rows).setZero();

  const auto solution = system.partialPivLu().solve(side).eval();
  if (!(solution.head(axes).template lpNorm<Eigen::Infinity>() <= longest_step)) return false;
  for (Eigen::Index a = 0; a < axes; ++a)
    s.y[active.axes[static_cast<std::size_t>(a)]] += solution[a];
  for (Eigen::Index b = 0; b < rows; ++b)
    s.multipliers[active.rows[static_cast<std::size_t>(b)]] = solution[axes + b];
  return true;
}

}  // namespace

std::optional<GpSolution> solve_near(const GeometricProgram& program, const GpSolution& start) {
  if (start.multipliers.size() != program.constraints.size()) return std::nullopt;
  GpSolution s = start;
  GpValues at = values_at(program, s.y);
  const Active active = active_at(program, at, start);
  if (active.rows.size() > active.axes.size()) return std::nullopt;
  for (double& multiplier : s.multipliers) multiplier = 0.0;
  for (const auto j : active.rows) s.multipliers[j] = start.multipliers[j];

  GpSolution best;
  best.kkt_residual = std::numeric_limits<double>::infinity();
  for (int step = 0; step <= max_steps; ++step) {
    if (step > 0) at = values_at(program, s.y);
    hold_bounds(program, at, active, s);
    s.kkt_residual = kkt_residual(program, at, s);
    if (!(s.kkt_residual < best.kkt_residual)) break;
    best = s;
    if (best.kkt_residual <= residual_goal || !newton_step(at, active, s)) break;
  }
  if (!(best.kkt_residual <= near_enough)) return std::nullopt;
  return best;
}

}  // namespace rooflaw::theory
