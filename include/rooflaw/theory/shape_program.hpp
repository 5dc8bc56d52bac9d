#pragma once
// The loss law and the xi model as posynomials in (layers, width, ffn_ratio, gqa, activation_rate),
// which is what geometric_program.hpp solves. The same formulas as law.hpp and xi_model.hpp, in
// another notation, for the sake of exact first and second derivatives; the tests compare the two.

#include "rooflaw/theory/geometric_program.hpp"
#include "rooflaw/theory/xi_model.hpp"

namespace rooflaw::theory {

/// Times a budget: what meets it exactly, give or take rounding, meets it.
constexpr double met_exactly = 1.0 + 1e-12;

/// Axes of a shape and their logarithms, in the order of Dimension.
ShapeVector log_axes(const Shape& shape);
Shape shape_at(const ShapeVector& log_axes);

/// The loss without its constants (l_inf, loss penalty).
/// @throws DomainError unless the law is usable (require_usable)
Posynomial loss_posynomial(const model::Law& law);

/// usage / limit of a resource; <= 1 if the budget is met. The budget must have that limit.
Posynomial resource_posynomial(const XiModel& xi, const Budgets& budgets, Resource resource);

/// min_kv_dim * gqa / width; <= 1 if the KV dimension is at least so large.
Posynomial kv_dim_posynomial(double min_kv_dim);

}  // namespace rooflaw::theory
