#include "rooflaw/theory/shape_program.hpp"

#include <cmath>

#include "rooflaw/core/error.hpp"

namespace rooflaw::theory {

namespace {

struct Powers {
  double layers = 0, width = 0, ffn_ratio = 0, gqa = 0, activation_rate = 0;
};

Monomial monomial(double coefficient, const Powers& p) {
  Monomial m{.log_coefficient = std::log(coefficient)};
  m.exponents << p.layers, p.width, p.ffn_ratio, p.gqa, p.activation_rate;
  return m;
}

/// weight * usage, appended to a sum; nothing if the weight is 0.
void add_prefill(Posynomial& sum, double weight) {
  if (weight == 0.0) return;
  sum.push_back(monomial(4.0 * weight, {.layers = 1, .width = 2}));
  sum.push_back(monomial(4.0 * weight, {.layers = 1, .width = 2, .gqa = -1}));
  sum.push_back(monomial(6.0 * weight, {.layers = 1, .width = 2, .ffn_ratio = 1}));
}

void add_decode(Posynomial& sum, const XiModel& xi, double weight) {
  if (weight == 0.0) return;
  const double b_w = weight * xi.weight_bytes;
  sum.push_back(monomial(2.0 * b_w, {.layers = 1, .width = 2}));
  sum.push_back(monomial(2.0 * b_w, {.layers = 1, .width = 2, .gqa = -1}));
  sum.push_back(monomial(3.0 * b_w, {.layers = 1, .width = 2, .ffn_ratio = 1}));
  const double cache = weight * 2.0 * xi.cached_tokens * xi.kv_bytes;
  if (cache > 0.0) sum.push_back(monomial(cache, {.layers = 1, .width = 1, .gqa = -1}));
}

void add_memory(Posynomial& sum, const XiModel& xi, double weight) {
  const double b_w = weight * xi.weight_bytes;
  sum.push_back(monomial(2.0 * b_w, {.layers = 1, .width = 2}));
  sum.push_back(monomial(2.0 * b_w, {.layers = 1, .width = 2, .gqa = -1}));
  sum.push_back(
      monomial(3.0 * b_w, {.layers = 1, .width = 2, .ffn_ratio = 1, .activation_rate = -1}));
}

}  // namespace

ShapeVector log_axes(const Shape& shape) {
  ShapeVector x;
  x << shape.layers, shape.width, shape.ffn_ratio, shape.gqa, shape.activation_rate;
  return x.array().log();
}

Shape shape_at(const ShapeVector& log_axes) {
  const auto axis = [&](Dimension i) { return std::exp(log_axes[i]); };
  return {.layers = axis(layers_dimension),
          .width = axis(width_dimension),
          .ffn_ratio = axis(ffn_ratio_dimension),
          .gqa = axis(gqa_dimension),
          .activation_rate = axis(activation_rate_dimension)};
}

Posynomial loss_posynomial(const model::Law& law) {
  require_usable(law);
  return {
      monomial(law.kappa_l, {.layers = -law.alpha_l}),
      monomial(law.kappa_rho,
               {.width = -law.beta_1, .ffn_ratio = -law.alpha_r, .activation_rate = law.alpha_rho}),
      monomial(law.kappa_d, {.width = -law.beta_2, .ffn_ratio = -law.alpha_r}),
      monomial(law.kappa_m, {.width = -law.alpha_m, .gqa = law.alpha_m})};
}

Posynomial resource_posynomial(const XiModel& xi, const Budgets& budgets, Resource resource) {
  const auto budget = limit(budgets, resource);
  if (!budget) throw DomainError("no budget for " + std::string(to_string(resource)));
  Posynomial sum;
  switch (resource) {
    case Resource::prefill:
      add_prefill(sum, 1.0 / *budget);
      break;
    case Resource::decode:
      add_decode(sum, xi, 1.0 / *budget);
      break;
    case Resource::memory:
      add_memory(sum, xi, 1.0 / *budget);
      break;
    case Resource::total:
      add_prefill(sum, budgets.total->s_per_prefill_flop / *budget);
      add_decode(sum, xi, budgets.total->s_per_decode_byte / *budget);
      break;
  }
  return sum;
}

Posynomial kv_dim_posynomial(double min_kv_dim) {
  return {monomial(min_kv_dim, {.width = -1, .gqa = 1})};
}

}  // namespace rooflaw::theory
