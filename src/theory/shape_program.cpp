#include "rooflaw/theory/shape_program.hpp"

#include "rooflaw/core/error.hpp"

namespace rooflaw::theory {

namespace {

Monomial monomial(double coefficient, const ShapePowers& p) {
  Monomial m{.log_coefficient = natural_log(coefficient)};
  m.exponents << p.layers, p.width, p.ffn_ratio, p.gqa, p.activation_rate;
  return m;
}

/// weight * layers * what a layer takes, appended to a sum; nothing if the weight is 0.
void add_work(Posynomial& sum, const ShapeSum& of_layer, double weight) {
  if (weight == 0.0) return;
  for (auto [coefficient, powers] : of_layer) {
    powers.layers += 1.0;
    sum.push_back(monomial(weight * coefficient, powers));
  }
}

/// In the law's variables; the KV dimension is width / gqa.
Monomial monomial(const model::LawTerm<double>& term) {
  using enum model::LawVariable;
  const auto exponent = [&](model::LawVariable v) { return term.exponent(v).value_or(0.0); };
  return monomial(term.coefficient, {.layers = exponent(layers),
                                     .width = exponent(width) + exponent(kv_dim),
                                     .ffn_ratio = exponent(ffn_ratio),
                                     .gqa = -exponent(kv_dim),
                                     .activation_rate = exponent(activation_rate)});
}

}  // namespace

ShapeVector log_axes(const Shape& shape) {
  ShapeVector x;
  x << shape.layers, shape.width, shape.ffn_ratio, shape.gqa, shape.activation_rate;
  for (double& size : x) size = natural_log(size);
  return x;
}

Shape shape_at(const ShapeVector& log_axes) {
  const auto axis = [&](Dimension i) { return exponential(log_axes[i]); };
  return {.layers = axis(layers_dimension),
          .width = axis(width_dimension),
          .ffn_ratio = axis(ffn_ratio_dimension),
          .gqa = axis(gqa_dimension),
          .activation_rate = axis(activation_rate_dimension)};
}

Posynomial loss_posynomial(const model::Law& law) {
  require_posynomial(law);
  const auto terms = law_terms(law);
  Posynomial sum;
  for (const auto* term : {&terms.depth, &terms.sparsity, &terms.capacity, &terms.kv})
    if (term->coefficient > 0.0) sum.push_back(monomial(*term));
  if (sum.empty()) throw DomainError("the law has no opinion on any shape");
  return sum;
}

Posynomial resource_posynomial(const XiModel& xi, const Budgets& budgets, Resource resource) {
  const auto budget = limit(budgets, resource);
  if (!budget) throw DomainError("no budget for " + std::string(to_string(resource)));
  Posynomial sum;
  if (resource != Resource::total) {
    add_work(sum, layer_work(xi, resource), 1.0 / *budget);
    return sum;
  }
  add_work(sum, layer_work(xi, Resource::prefill), budgets.total->s_per_prefill_flop / *budget);
  add_work(sum, layer_work(xi, Resource::decode), budgets.total->s_per_decode_byte / *budget);
  return sum;
}

Posynomial kv_dim_posynomial(double min_kv_dim) {
  return {monomial(min_kv_dim, {.width = -1, .gqa = 1})};
}

}  // namespace rooflaw::theory
