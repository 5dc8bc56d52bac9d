#pragma once
// Geometric programs over the five axes of a shape: the solver under optimum.hpp and
// closed_forms.hpp.
//
//   minimise f(x)   subject to   g_j(x) <= 1,   lower <= x <= upper,   x > 0
//
// where f and every g_j is a posynomial, a sum of monomials c * prod x_i^a_i with c > 0 and any
// real a_i. In y = log x all of them are convex (and so is log g_j). Hence the problem has one
// optimal value, every local optimum is global, and a point that meets the Karush-Kuhn-Tucker
// conditions is proven optimal: no restarts, no scan. The loss law and the xi model are
// posynomials, the width included, although the loss is not monotone in it.
//
// Source: Boyd, Kim, Vandenberghe, Hassibi, A tutorial on geometric programming, Optim. Eng. 8
// (2007). Method: a primal-dual interior-point iteration (Boyd, Vandenberghe, Convex Optimization,
// 2004, sec. 11.7) on log f and log g_j, with exact derivatives, from the middle of the box,
// feasible or not. Not NLopt, although it serves every other optimisation here: multipliers are
// half of the answer, and NLopt returns none; and of random programs of this form its SLSQP stalls
// on one in twenty, far from the optimum, where its MMA takes milliseconds. The tests compare with
// NLopt. Precision: KKT residual <= kkt_tolerance, usually 1e-14. Cost: 15 iterations, some
// ten microseconds. Where the solution of a neighbour is known, a few steps of Newton's method do.

#include <Eigen/Core>

#include "rooflaw/core/fixed_vector.hpp"

namespace rooflaw::theory {

/// Indices into the vectors below.
enum Dimension : int {
  layers_dimension,
  width_dimension,
  ffn_ratio_dimension,
  gqa_dimension,
  activation_rate_dimension
};
inline constexpr int dimension_count = 5;

using ShapeVector = Eigen::Matrix<double, dimension_count, 1>;
using ShapeMatrix = Eigen::Matrix<double, dimension_count, dimension_count>;

/// coefficient * prod x_i^exponent_i, coefficient > 0.
struct Monomial {
  double log_coefficient = 0;
  ShapeVector exponents = ShapeVector::Zero();
};
using Posynomial = FixedVector<Monomial, 8>;

/// A function of y = log x with its first two derivatives.
struct Expansion {
  double value = 0;
  ShapeVector gradient = ShapeVector::Zero();
  ShapeMatrix hessian = ShapeMatrix::Zero();
  double steepest = 0;  // the largest derivative that any one monomial has
};
Expansion expand(const Posynomial& p, const ShapeVector& y);
Expansion expand_log(const Posynomial& p, const ShapeVector& y);  // of log p

inline constexpr std::size_t max_gp_constraints = 5;

/// Bounds are logarithms, finite, lower <= upper; an axis with equal bounds is fixed.
struct GeometricProgram {
  Posynomial objective;
  FixedVector<Posynomial, max_gp_constraints> constraints;
  ShapeVector lower = ShapeVector::Zero();
  ShapeVector upper = ShapeVector::Zero();
};

/// Multipliers are >= 0 and mean: the optimal objective falls by so much per unit of log limit,
/// that is as constraint j is relaxed to g_j <= 1 + epsilon, or a bound moves outwards in log x. On
/// an axis that is fixed they are 0. Where more constraints are active than can be told apart, they
/// are one valid choice of several.
struct GpSolution {
  ShapeVector y = ShapeVector::Zero();  // log x
  FixedVector<double, max_gp_constraints> multipliers;
  ShapeVector lower_multipliers = ShapeVector::Zero();
  ShapeVector upper_multipliers = ShapeVector::Zero();
  double kkt_residual = 0;
};

inline constexpr double kkt_tolerance = 1e-8;

/// The largest breach of the KKT conditions: stationarity and complementarity relative to the
/// largest derivative of any monomial of the objective, feasibility in log units. 0 = exactly
/// optimal.
double kkt_residual(const GeometricProgram& program, const GpSolution& solution);

/// @throws DomainError if the KKT residual stays above kkt_tolerance: no feasible point (rule that
///         out first), or coefficients too far apart for double precision
GpSolution solve(const GeometricProgram& program);

/// The same, sooner where the solution of a program that differs little is near. Of several optima
/// it may be another one than from nothing. Cost: two microseconds; more where other constraints
/// hold.
GpSolution solve(const GeometricProgram& program, const GpSolution& start);

}  // namespace rooflaw::theory
