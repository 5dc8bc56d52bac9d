#include "rooflaw/theory/closed_forms.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/theory/shape_program.hpp"

namespace rooflaw::theory {

namespace {

constexpr int newton_steps = 100;
constexpr double newton_goal = 4.0 * std::numeric_limits<double>::epsilon();
// How far (natural log) D3's search may stray from its starting shape, in every axis.
constexpr double search_reach = 25.0;

void require_positive(double x, std::string_view what) {
  if (!(x > 0.0 && std::isfinite(x)))
    throw DomainError(fmt::format("{} = {}: must be positive and finite", what, x));
}

void require_inputs(const model::Law& law, const XiModel& xi, double width) {
  require_usable(law);
  require_valid(xi);
  require_positive(width, "width");
}

void require_rate(double min_activation_rate) {
  if (!(min_activation_rate > 0.0 && min_activation_rate <= 1.0))
    throw DomainError(
        fmt::format("minimum activation rate = {}: must lie in (0, 1]", min_activation_rate));
}

/// What share of a budget one layer takes, as a function of the shape at a given width and rate.
struct LayerCost {
  double base = 0;     // c_0
  double per_kv = 0;   // c_1, by 1/gqa
  double per_ffn = 0;  // c_2, by ffn_ratio
};

LayerCost layer_cost(const Posynomial& usage, double width, double activation_rate) {
  LayerCost cost;
  for (const auto& m : usage) {
    const double part =
        exponential(m.log_coefficient + m.exponents[width_dimension] * natural_log(width) +
                    m.exponents[activation_rate_dimension] * natural_log(activation_rate));
    double& kind = m.exponents[gqa_dimension] != 0.0         ? cost.per_kv
                   : m.exponents[ffn_ratio_dimension] != 0.0 ? cost.per_ffn
                                                             : cost.base;
    kind += part;
  }
  return cost;
}

Budgets only(Resource resource, double budget) {
  Budgets budgets;
  switch (resource) {
    case Resource::prefill:
      budgets.prefill_flop_per_token = budget;
      break;
    case Resource::decode:
      budgets.decode_bytes_per_token = budget;
      break;
    case Resource::memory:
      budgets.memory_bytes = budget;
      break;
    case Resource::total:
      throw DomainError("the total time has no closed form");
  }
  return budgets;
}

/// log of the factor before ffn_ratio^-alpha_r in the loss.
double log_ffn_factor(const model::Law& law, double width, double activation_rate) {
  return natural_log(law.kappa_rho * power(activation_rate, law.alpha_rho) *
                         power(width, -law.beta_1) +
                     law.kappa_d * power(width, -law.beta_2));
}

/// The stationary shape where one budget binds, by Newton's method on t = log(cost of a layer).
Shape stationary_shape(const model::Law& law, const XiModel& xi, double width,
                       double activation_rate, Resource resource, double budget) {
  const LayerCost cost =
      layer_cost(resource_posynomial(xi, only(resource, budget), resource), width, activation_rate);
  const double log_depth = natural_log(law.alpha_l * law.kappa_l);
  // log r = ratio_0 - ratio_slope t, log gqa = gqa_0 + gqa_slope t
  const double ratio_0 = (natural_log(law.alpha_r) + log_ffn_factor(law, width, activation_rate) -
                          log_depth - natural_log(cost.per_ffn)) /
                         (law.alpha_r + 1.0);
  const double ratio_slope = (law.alpha_l - 1.0) / (law.alpha_r + 1.0);
  const double gqa_0 = (log_depth + natural_log(cost.per_kv) + law.alpha_m * natural_log(width) -
                        natural_log(law.alpha_m * law.kappa_m)) /
                       (law.alpha_m + 1.0);
  const double gqa_slope = (law.alpha_l - 1.0) / (law.alpha_m + 1.0);

  double t = natural_log(cost.base + cost.per_kv + cost.per_ffn);
  for (int step = 0; step < newton_steps && std::isfinite(t); ++step) {
    const double ffn = cost.per_ffn * exponential(ratio_0 - ratio_slope * t);
    const double kv = cost.per_kv * exponential(-gqa_0 - gqa_slope * t);
    const double sum = cost.base + kv + ffn;
    const double miss = t - natural_log(sum);
    t -= miss / (1.0 + (ffn * ratio_slope + kv * gqa_slope) / sum);
    if (std::abs(miss) > newton_goal * std::max(1.0, std::abs(t))) continue;
    const Shape shape{.layers = exponential(-t),
                      .width = width,
                      .ffn_ratio = exponential(ratio_0 - ratio_slope * t),
                      .gqa = exponential(gqa_0 + gqa_slope * t),
                      .activation_rate = activation_rate};
    if (std::isfinite(loss(law, shape))) return shape;
    break;
  }
  throw DomainError(
      fmt::format("closed form at width {}, {} budget {}: the solution is beyond double precision",
                  width, to_string(resource), budget));
}

/// What one more unit of the only binding budget is worth: the loss a layer saves, over its cost.
double multiplier_where_one_binds(const model::Law& law, const Shape& shape, double layer_cost) {
  return law.alpha_l * law.kappa_l * power(shape.layers, -law.alpha_l - 1.0) / layer_cost;
}

double cost_per_layer(const XiModel& xi, const Shape& shape, Resource latency) {
  return latency == Resource::prefill ? prefill_flop_per_layer(shape)
                                      : decode_bytes_per_layer(xi, shape);
}

double attention_weights(const Shape& shape) { return 2.0 + 2.0 / shape.gqa; }

double rate_or_nan(double numerator, double denominator) {
  return denominator > 0.0 ? numerator / denominator : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::string_view case_name(Regime regime, Resource latency) {
  const bool prefill = latency == Resource::prefill;
  switch (regime) {
    case Regime::latency:
      return prefill ? "P1" : "D1";
    case Regime::memory:
      return prefill ? "P2" : "D2";
    case Regime::both:
      return prefill ? "P3" : "D3";
  }
  return "";
}

CaseSolution solve_latency_case(const model::Law& law, const XiModel& xi, double width,
                                Resource latency, double budget, double min_activation_rate) {
  require_inputs(law, xi, width);
  require_positive(budget, "latency budget");
  require_rate(min_activation_rate);
  CaseSolution s{.shape = stationary_shape(law, xi, width, min_activation_rate, latency, budget)};
  s.loss = loss(law, s.shape);
  (latency == Resource::prefill ? s.mu_prefill : s.mu_decode) =
      multiplier_where_one_binds(law, s.shape, cost_per_layer(xi, s.shape, latency));
  return s;
}

double memory_activation_rate(const model::Law& law, double width) {
  require_usable(law);
  require_positive(width, "width");
  if (law.alpha_rho <= law.alpha_r)
    throw DomainError(fmt::format(
        "law.alpha_rho = {} does not exceed law.alpha_r = {}: under a memory budget alone the loss "
        "falls for ever with the activated FFN ratio, there is no optimum",
        law.alpha_rho, law.alpha_r));
  const double log_rate =
      natural_log(law.alpha_r * law.kappa_d / ((law.alpha_rho - law.alpha_r) * law.kappa_rho)) +
      (law.beta_1 - law.beta_2) * natural_log(width);
  return exponential(log_rate / law.alpha_rho);
}

CaseSolution solve_memory_case(const model::Law& law, const XiModel& xi, double width,
                               double memory_bytes) {
  require_inputs(law, xi, width);
  require_positive(memory_bytes, "memory budget");
  const double rate = memory_activation_rate(law, width);
  CaseSolution s{.shape = stationary_shape(law, xi, width, rate, Resource::memory, memory_bytes)};
  s.loss = loss(law, s.shape);
  s.mu_memory = multiplier_where_one_binds(law, s.shape, memory_bytes_per_layer(xi, s.shape));
  return s;
}

double d3_activation_rate(const XiModel& xi, const Shape& shape, double eta) {
  const double ffn = 3.0 * shape.ffn_ratio;
  return rate_or_nan(eta * ffn, attention_weights(shape) * (1.0 - eta) + ffn + xi_delta(xi, shape));
}

double p3_activation_rate(const XiModel& xi, const Shape& shape, double eta) {
  const double ratio = eta * xi.weight_bytes;  // of FLOP to weights
  return rate_or_nan(3.0 * ratio * shape.ffn_ratio,
                     attention_weights(shape) * (2.0 - ratio) + 6.0 * shape.ffn_ratio);
}

PairOfMultipliers multipliers_where_both_bind(const model::Law& law, const XiModel& xi,
                                              const Shape& shape, Resource latency) {
  const auto terms = model::loss_terms(law, law_point(shape));
  const double dloss_dlayers = -law.alpha_l * terms.depth / shape.layers;
  const double dloss_drate = law.alpha_rho * terms.sparsity / shape.activation_rate;
  const double stored_ffn_bytes =
      3.0 * shape.ffn_ratio * shape.layers * shape.width * shape.width * xi.weight_bytes;
  PairOfMultipliers mu;
  mu.memory = dloss_drate * shape.activation_rate * shape.activation_rate / stored_ffn_bytes;
  mu.latency = -(dloss_dlayers + mu.memory * memory_bytes_per_layer(xi, shape)) /
               cost_per_layer(xi, shape, latency);
  return mu;
}

std::optional<CaseSolution> solve_case_of_both(const model::Law& law, const XiModel& xi,
                                               double width, Resource latency,
                                               double latency_budget, double memory_bytes) {
  require_inputs(law, xi, width);
  require_positive(memory_bytes, "memory budget");
  // With a free activation rate memory always binds, for the loss falls with the rate. So both bind
  // unless the memory case alone fits the latency budget, or does not exist.
  if (law.alpha_rho > law.alpha_r) {
    const Shape alone = solve_memory_case(law, xi, width, memory_bytes).shape;
    if (alone.layers * cost_per_layer(xi, alone, latency) <= latency_budget * met_exactly)
      return std::nullopt;
  }
  // Start where the latency budget is spent in full and the model is dense.
  const Shape start = solve_latency_case(law, xi, width, latency, latency_budget, 1.0).shape;
  const ShapeVector log_start = log_axes(start);
  GeometricProgram program;
  program.objective = loss_posynomial(law);
  program.constraints = {
      resource_posynomial(xi, only(latency, latency_budget), latency),
      resource_posynomial(xi, only(Resource::memory, memory_bytes), Resource::memory)};
  program.lower = log_start.array() - search_reach;
  program.upper = log_start.array() + search_reach;
  program.lower[width_dimension] = program.upper[width_dimension] = log_start[width_dimension];
  const GpSolution solution = solve(program);

  CaseSolution s{.shape = shape_at(solution.y)};
  s.shape.width = width;
  s.loss = loss(law, s.shape);
  (latency == Resource::prefill ? s.mu_prefill : s.mu_decode) =
      solution.multipliers[0] / latency_budget;
  s.mu_memory = solution.multipliers[1] / memory_bytes;
  return s;
}

ClosedForms closed_forms(const model::Law& law, const XiModel& xi, double width,
                         const Budgets& given, double min_activation_rate) {
  require_inputs(law, xi, width);
  require_rate(min_activation_rate);
  const Budgets budgets = checked(given);
  const auto memory = budgets.memory_bytes;
  ClosedForms forms;
  if (memory && law.alpha_rho > law.alpha_r) forms.d2 = solve_memory_case(law, xi, width, *memory);

  const auto solve_phase = [&](Resource latency, std::optional<CaseSolution>& only_latency,
                               std::optional<CaseSolution>& both) -> std::optional<Regime> {
    const auto budget = limit(budgets, latency);
    if (!budget) return std::nullopt;
    only_latency = solve_latency_case(law, xi, width, latency, *budget, min_activation_rate);
    if (!memory ||
        usage(xi, budgets, only_latency->shape, Resource::memory) <= *memory * met_exactly)
      return Regime::latency;
    both = solve_case_of_both(law, xi, width, latency, *budget, *memory);
    return both ? Regime::both : Regime::memory;
  };
  forms.decode_regime = solve_phase(Resource::decode, forms.d1, forms.d3);
  forms.prefill_regime = solve_phase(Resource::prefill, forms.p1, forms.p3);
  return forms;
}

double published_activation_rate(const XiModel& xi, const Shape& shape, double eta) {
  const double attention = attention_weights(shape);
  const double ffn = 3.0 * shape.ffn_ratio;
  const double active = attention + ffn;
  const double stored =
      (active + std::sqrt(active * active + 4.0 * eta * xi_delta(xi, shape))) / (2.0 * eta);
  return rate_or_nan(ffn, stored - attention);
}

Regime published_regime(Regime regime) {
  switch (regime) {
    case Regime::latency:
      return Regime::memory;
    case Regime::memory:
      return Regime::latency;
    case Regime::both:
      break;
  }
  return Regime::both;
}

}  // namespace rooflaw::theory
