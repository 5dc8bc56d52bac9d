#include "rooflaw/theory/geometric_program.hpp"

#include <vector>

#include <gtest/gtest.h>
#include <nlopt.hpp>

#include "rooflaw/core/error.hpp"
#include "rooflaw/theory/shape_program.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using testing::Random;

Monomial monomial(double coefficient, Dimension axis, double exponent) {
  Monomial m{.log_coefficient = std::log(coefficient)};
  m.exponents[axis] = exponent;
  return m;
}

Shape random_shape(Random& random) {
  return {.layers = random.log_uniform(1, 100),
          .width = random.log_uniform(128, 8192),
          .ffn_ratio = random.log_uniform(0.05, 20),
          .gqa = random.log_uniform(0.5, 30),
          .activation_rate = random.log_uniform(0.01, 1)};
}

TEST(ShapeProgram, IsTheLawAndTheXiModelInAnotherNotation) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    auto law = testing::random_law(random, 2.0);
    if (random.chance(0.5)) law.kappa_t = 528.83, law.alpha_t = 0.2991, law.tokens = 1e12;
    const XiModel xi = testing::random_xi(random);
    const Shape shape = random_shape(random);
    const auto y = log_axes(shape);
    EXPECT_NEAR(expand(loss_posynomial(law), y).value + law_constant(law), loss(law, shape),
                1e-13 * loss(law, shape));
    const Budgets budgets{.prefill_flop_per_token = random.log_uniform(1e8, 1e11),
                          .decode_bytes_per_token = random.log_uniform(1e8, 1e11),
                          .total = TotalBudget{0.3, 1e-12, 1e-10},
                          .memory_bytes = random.log_uniform(1e8, 1e11)};
    for (const auto resource : all_resources) {
      const double share = usage(xi, budgets, shape, resource) / *limit(budgets, resource);
      EXPECT_NEAR(expand_log(resource_posynomial(xi, budgets, resource), y).value, std::log(share),
                  1e-12);
    }
    EXPECT_NEAR(expand(kv_dim_posynomial(64), y).value, 64 * shape.gqa / shape.width, 1e-12);
  }
}

TEST(ShapeProgram, DerivativesMatchFiniteDifferences) {
  Random random(2);
  const XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 3000};
  const Budgets budgets{.total = TotalBudget{0.3, 1e-12, 1e-10}};
  const auto p = resource_posynomial(xi, budgets, Resource::total);
  for (int i = 0; i < 20; ++i) {
    const ShapeVector y = log_axes(random_shape(random));
    const Expansion at = expand_log(p, y);
    for (int axis = 0; axis < dimension_count; ++axis) {
      const double h = 1e-5;
      const Expansion above = expand_log(p, y + h * ShapeVector::Unit(axis));
      const Expansion below = expand_log(p, y - h * ShapeVector::Unit(axis));
      EXPECT_NEAR(at.gradient[axis], (above.value - below.value) / (2 * h), 1e-8);
      EXPECT_LT((at.hessian.col(axis) - (above.gradient - below.gradient) / (2 * h)).norm(), 1e-8);
    }
  }
}

// Minimise 1/l + 4 r under l <= 2 r: the constraint is active, 1/(2 r) + 4 r is least at r =
// 1/sqrt(8).
TEST(GeometricProgram, SolvesAProblemWorkedByHand) {
  GeometricProgram program;
  program.objective = {monomial(1.0, layers_dimension, -1.0),
                       monomial(4.0, ffn_ratio_dimension, 1.0)};
  Monomial ratio = monomial(0.5, layers_dimension, 1.0);
  ratio.exponents[ffn_ratio_dimension] = -1.0;
  program.constraints = {{ratio}};
  program.lower[layers_dimension] = program.lower[ffn_ratio_dimension] = -10;
  program.upper[layers_dimension] = program.upper[ffn_ratio_dimension] = 10;
  const GpSolution s = solve(program);
  EXPECT_NEAR(std::exp(s.y[ffn_ratio_dimension]), 1 / std::sqrt(8.0), 1e-13);
  EXPECT_NEAR(std::exp(s.y[layers_dimension]), 2 / std::sqrt(8.0), 1e-13);
  EXPECT_NEAR(s.multipliers[0], 4 / std::sqrt(8.0), 1e-12);  // = 4 r, stationarity in r
  EXPECT_LE(s.kkt_residual, 1e-13);
}

TEST(GeometricProgram, StopsAtABoundExactly) {
  GeometricProgram program;
  program.objective = {monomial(3.0, gqa_dimension, 2.0)};
  program.lower[gqa_dimension] = 0.25;
  program.upper[gqa_dimension] = 1.0;
  const GpSolution s = solve(program);
  EXPECT_EQ(s.y[gqa_dimension], 0.25);
  EXPECT_NEAR(s.lower_multipliers[gqa_dimension], 6 * std::exp(0.5), 1e-12);
  EXPECT_NEAR(s.upper_multipliers[gqa_dimension], 0, 1e-12);
  for (const auto axis :
       {layers_dimension, width_dimension, ffn_ratio_dimension, activation_rate_dimension}) {
    EXPECT_EQ(s.y[axis], 0.0);
    EXPECT_EQ(s.lower_multipliers[axis], 0.0);
  }
}

TEST(GeometricProgram, RefusesWhatHasNoFeasiblePoint) {
  GeometricProgram program;
  program.objective = {monomial(1.0, layers_dimension, -1.0)};
  program.constraints = {{monomial(1.0, layers_dimension, 1.0)}};
  program.lower[layers_dimension] = 1.0;  // layers >= e, but layers <= 1
  program.upper[layers_dimension] = 2.0;
  EXPECT_THROW(solve(program), DomainError);
}

TEST(GeometricProgram, ResidualSeesEveryBreach) {
  GeometricProgram program;
  program.objective = {monomial(1.0, layers_dimension, -1.0)};
  program.constraints = {{monomial(1.0, layers_dimension, 1.0)}};
  program.lower[layers_dimension] = -1;
  program.upper[layers_dimension] = 1;
  const GpSolution optimal = solve(program);
  EXPECT_LE(optimal.kkt_residual, 1e-13);
  auto moved = optimal;
  moved.y[layers_dimension] += 1e-3;
  EXPECT_GT(kkt_residual(program, moved), 0.9e-3);  // infeasible
  moved.y[layers_dimension] -= 2e-3;
  EXPECT_GT(kkt_residual(program, moved), 0.9e-3);  // slack times multiplier
  auto other = optimal;
  other.multipliers[0] = -1.0;
  other.upper_multipliers[layers_dimension] = 2.0;
  EXPECT_GT(kkt_residual(program, other), 0.9);  // wrong sign
  other.multipliers[0] = 0.5;
  other.upper_multipliers[layers_dimension] = 0.0;
  EXPECT_NEAR(kkt_residual(program, other), 0.5, 1e-12);  // not stationary
}

double nlopt_objective(unsigned, const double* y, double* gradient, void* data) {
  const auto& program = *static_cast<const GeometricProgram*>(data);
  const Expansion f = expand_log(program.objective, Eigen::Map<const ShapeVector>(y));
  if (gradient != nullptr) Eigen::Map<ShapeVector>{gradient} = f.gradient;
  return f.value;
}
void nlopt_constraints(unsigned count, double* values, unsigned, const double* y, double* gradients,
                       void* data) {
  const auto& program = *static_cast<const GeometricProgram*>(data);
  for (unsigned j = 0; j < count; ++j) {
    const Expansion g = expand_log(program.constraints[j], Eigen::Map<const ShapeVector>(y));
    values[j] = g.value;
    if (gradients != nullptr) Eigen::Map<ShapeVector>{gradients + j* dimension_count} = g.gradient;
  }
}

TEST(GeometricProgram, AgreesWithNlopt) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const auto law = testing::random_law(random, 1.5);
    const XiModel xi = testing::random_xi(random);
    const ShapeBox box = testing::random_box(random);
    const Budgets budgets = testing::random_budgets(random, xi, box);
    GeometricProgram program;
    program.objective = loss_posynomial(law);
    for (const auto resource : all_resources)
      if (limit(budgets, resource))
        program.constraints.push_back(resource_posynomial(xi, budgets, resource));
    Shape cheapest = cheapest_shape(box);
    program.lower << box.layers.lo, cheapest.width, box.ffn_ratio.lo, box.gqa.lo,
        box.activation_rate.lo;
    program.upper << box.layers.hi, box.width.hi, box.ffn_ratio.hi, cheapest.gqa,
        box.activation_rate.hi;
    program.lower = program.lower.array().log();
    program.upper = program.upper.array().log();
    const GpSolution solution = solve(program);
    const double ours = expand_log(program.objective, solution.y).value;

    nlopt::opt mma(nlopt::LD_MMA, dimension_count);
    mma.set_min_objective(nlopt_objective, &program);
    if (!program.constraints.empty())
      mma.add_inequality_mconstraint(nlopt_constraints, &program,
                                     std::vector<double>(program.constraints.size(), 0.0));
    mma.set_lower_bounds({program.lower.begin(), program.lower.end()});
    mma.set_upper_bounds({program.upper.begin(), program.upper.end()});
    mma.set_xtol_abs(1e-10);
    mma.set_maxeval(20000);
    const ShapeVector start = log_axes(cheapest).cwiseMax(program.lower).cwiseMin(program.upper);
    std::vector<double> y(start.begin(), start.end());
    double theirs = 0;
    mma.optimize(y, theirs);
    // NLopt may end outside of a constraint; what it gains by that, the multipliers know.
    const Eigen::Map<const ShapeVector> found(y.data());
    double gained = 0;
    for (std::size_t j = 0; j < program.constraints.size(); ++j)
      gained += std::max(0.0, expand_log(program.constraints[j], found).value) *
                solution.multipliers[j] / std::exp(ours);
    EXPECT_LE(ours, theirs + gained + 1e-9) << i;
    EXPECT_NEAR(ours, theirs, 1e-4) << i;
  }
}

}  // namespace
}  // namespace rooflaw::theory
