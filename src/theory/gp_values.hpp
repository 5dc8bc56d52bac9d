#pragma once
// What the two ways to solve a geometric program share: its functions at a point, and what the
// optimality conditions say of them.

#include <optional>

#include "rooflaw/theory/geometric_program.hpp"

namespace rooflaw::theory {

// Tunable.
constexpr double residual_goal = 1e-14;  // nothing better is looked for
constexpr double longest_step = 2.0;     // of any axis, in log units

inline bool is_free(const GeometricProgram& program, int axis) {
  return program.lower[axis] < program.upper[axis];
}

/// The objective as it is, the constraints in log form.
struct GpValues {
  Expansion objective;
  FixedVector<Expansion, max_gp_constraints> constraints;
};
GpValues values_at(const GeometricProgram& program, const ShapeVector& y);

/// Of a solution whose y is that of the values.
double kkt_residual(const GeometricProgram& program, const GpValues& at, const GpSolution& s);

/// Newton's method on the optimality conditions, the constraints and bounds that hold in `start`
/// taken as equations. Empty if it does not end in a point that meets all conditions to some digits
/// of rounding: the start is too far away, or other constraints hold here.
std::optional<GpSolution> solve_near(const GeometricProgram& program, const GpSolution& start);

}  // namespace rooflaw::theory
