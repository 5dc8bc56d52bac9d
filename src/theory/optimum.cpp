#include "rooflaw/theory/optimum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/theory/shape_program.hpp"

namespace rooflaw::theory {

namespace {

constexpr double positive_multiplier = 1e-9;  // nats per unit of a logarithm

using NamedInterval = std::pair<Dimension, model::Interval>;

std::array<NamedInterval, dimension_count> intervals(const ShapeBox& box) {
  return {{{layers_dimension, box.layers},
           {width_dimension, box.width},
           {ffn_ratio_dimension, box.ffn_ratio},
           {gqa_dimension, box.gqa},
           {activation_rate_dimension, box.activation_rate}}};
}

/// gqa and width limit each other through min_kv_dim; these are the ends that remain.
ShapeBox tightened(ShapeBox box) {
  box.gqa.hi = std::min(box.gqa.hi, box.width.hi / box.min_kv_dim);
  box.width.lo = std::max(box.width.lo, box.gqa.lo * box.min_kv_dim);
  return box;
}

/// @throws DoesNotFit naming the budget that the cheapest shape exceeds most
void require_room(const XiModel& xi, const Budgets& budgets, const Shape& cheapest) {
  double worst_excess = met_exactly;
  std::optional<Resource> worst;
  for (const Resource resource : all_resources) {
    const auto budget = limit(budgets, resource);
    if (!budget) continue;
    const double excess = usage(xi, budgets, cheapest, resource) / *budget;
    if (excess > worst_excess) {
      worst_excess = excess;
      worst = resource;
    }
  }
  if (worst)
    throw DoesNotFit(*worst, *limit(budgets, *worst), usage(xi, budgets, cheapest, *worst),
                     cheapest);
}

/// The shape at a point; where the point lies on a bound, the bound itself and not exp(log(bound)).
Shape shape_in(const ShapeBox& box, const GeometricProgram& program, const ShapeVector& y) {
  const auto axis = [&](Dimension i, const model::Interval& interval) {
    if (y[i] == program.lower[i]) return interval.lo;
    if (y[i] == program.upper[i]) return interval.hi;
    return exponential(y[i]);
  };
  return {.layers = axis(layers_dimension, box.layers),
          .width = axis(width_dimension, box.width),
          .ffn_ratio = axis(ffn_ratio_dimension, box.ffn_ratio),
          .gqa = axis(gqa_dimension, box.gqa),
          .activation_rate = axis(activation_rate_dimension, box.activation_rate)};
}

double price(const Optimum& optimum, Resource resource) {
  const BudgetState* state = find(optimum, resource);
  return state != nullptr ? -state->multiplier * state->limit : 0.0;
}

ShadowPrices shadow_prices(const Optimum& optimum, const Budgets& budgets) {
  ShadowPrices p;
  p.dloss_dln_prefill_budget = price(optimum, Resource::prefill);
  p.dloss_dln_decode_budget = price(optimum, Resource::decode);
  p.dloss_dln_total_budget = price(optimum, Resource::total);
  p.dloss_dln_memory = price(optimum, Resource::memory);
  // A faster chip widens the prefill (decode) budget by as much, and the total one by the share of
  // the time that the phase takes.
  double prefill_share = 0.0;
  if (budgets.total)
    prefill_share = optimum.shape.layers * prefill_flop_per_layer(optimum.shape) *
                    budgets.total->s_per_prefill_flop / find(optimum, Resource::total)->usage;
  p.dloss_dln_compute = p.dloss_dln_prefill_budget + prefill_share * p.dloss_dln_total_budget;
  p.dloss_dln_bandwidth =
      p.dloss_dln_decode_budget + (1.0 - prefill_share) * p.dloss_dln_total_budget;
  return p;
}

}  // namespace

std::string_view to_string(Dimension axis) {
  switch (axis) {
    case layers_dimension:
      return "layers";
    case width_dimension:
      return "width";
    case ffn_ratio_dimension:
      return "ffn_ratio";
    case gqa_dimension:
      return "gqa";
    case activation_rate_dimension:
      return "activation_rate";
  }
  return "";
}

ShapeBox default_box(const model::Law& law) {
  ShapeBox box;
  if (law.range.layers) box.layers = *law.range.layers;
  if (law.range.width) box.width = *law.range.width;
  return box;
}

ShapeBox at_width(ShapeBox box, double width) {
  box.width = {width, width};
  return box;
}

void require_valid(const ShapeBox& box) {
  for (const auto& [axis, interval] : intervals(box)) {
    const bool may_be_open = axis == gqa_dimension;
    if (!(interval.lo > 0.0 && interval.lo <= interval.hi && std::isfinite(interval.lo) &&
          (may_be_open || std::isfinite(interval.hi))))
      throw DomainError(
          fmt::format("box.{} = [{}, {}]: bounds must be positive, finite and in order",
                      to_string(axis), interval.lo, interval.hi));
  }
  if (box.activation_rate.hi > 1.0)
    throw DomainError(fmt::format("box.activation_rate = [{}, {}]: must not exceed 1",
                                  box.activation_rate.lo, box.activation_rate.hi));
  if (!(box.min_kv_dim > 0.0 && box.min_kv_dim * box.gqa.lo <= box.width.hi))
    throw DomainError(
        fmt::format("box.width = [{}, {}]: leaves no KV head of {} at a gqa of at least {}",
                    box.width.lo, box.width.hi, box.min_kv_dim, box.gqa.lo));
}

DoesNotFit::DoesNotFit(Resource resource, double budget, double needed, const Shape& cheapest)
    : DomainError(fmt::format("nothing in the box fits the {} budget of {:.6g} {}: the cheapest "
                              "shape ({:g} layers, width "
                              "{:g}, ffn_ratio {:g}, gqa {:g}, activation_rate {:g}) needs {:.6g}, "
                              "{:.4g} times as much",
                              to_string(resource), budget, unit(resource), cheapest.layers,
                              cheapest.width, cheapest.ffn_ratio, cheapest.gqa,
                              cheapest.activation_rate, needed, needed / budget)),
      resource_(resource),
      budget_(budget),
      needed_(needed),
      cheapest_(cheapest) {}

std::vector<std::string_view> binding(const Optimum& optimum) {
  std::vector<std::string_view> names;
  for (const auto& state : optimum.budgets)
    if (state.binds) names.push_back(to_string(state.resource));
  return names;
}

const BudgetState* find(const Optimum& optimum, Resource resource) {
  const auto found =
      std::find_if(optimum.budgets.begin(), optimum.budgets.end(),
                   [&](const BudgetState& state) { return state.resource == resource; });
  return found != optimum.budgets.end() ? &*found : nullptr;
}

Shape cheapest_shape(const ShapeBox& given) {
  require_valid(given);
  const ShapeBox box = tightened(given);
  return {.layers = box.layers.lo,
          .width = box.width.lo,
          .ffn_ratio = box.ffn_ratio.lo,
          .gqa = std::min(box.gqa.hi, box.width.lo / box.min_kv_dim),
          .activation_rate = box.activation_rate.hi};
}

OptimumWalk::OptimumWalk(const model::Law& law, const XiModel& xi, const ShapeBox& box,
                         double loss_delta)
    : law_(law), xi_(xi), box_(box), loss_delta_(loss_delta), cheapest_(cheapest_shape(box)) {
  require_valid(xi_);
  box_ = tightened(box_);
  program_.objective = loss_posynomial(law_);
  for (const auto& [axis, interval] : intervals(box_)) {
    program_.lower[axis] = natural_log(interval.lo);
    program_.upper[axis] = natural_log(interval.hi);
  }
}

Optimum OptimumWalk::at(const Budgets& given) {
  const Budgets budgets = checked(given);
  require_room(xi_, budgets, cheapest_);
  GeometricProgram program = program_;
  Optimum optimum;
  for (const Resource resource : all_resources) {
    const auto budget = limit(budgets, resource);
    if (!budget) continue;
    program.constraints.push_back(resource_posynomial(xi_, budgets, resource));
    optimum.budgets.push_back({.resource = resource, .limit = *budget});
  }
  program.constraints.push_back(kv_dim_posynomial(box_.min_kv_dim));
  last_ = last_ ? solve(program, *last_) : solve(program);
  const GpSolution& solution = *last_;

  optimum.shape = shape_in(box_, program, solution.y);
  optimum.loss = loss(law_, optimum.shape, loss_delta_);
  optimum.kkt_residual = solution.kkt_residual;
  for (std::size_t j = 0; j < optimum.budgets.size(); ++j) {
    BudgetState& state = optimum.budgets[j];
    state.usage = usage(xi_, budgets, optimum.shape, state.resource);
    state.multiplier = solution.multipliers[j] / state.limit;
    state.binds = solution.multipliers[j] > positive_multiplier;
  }
  optimum.kv_dim_gain = solution.multipliers.back();
  for (const auto& [axis, interval] : intervals(box_)) {
    if (solution.lower_multipliers[axis] > positive_multiplier)
      optimum.sides.push_back({axis, false, solution.lower_multipliers[axis]});
    if (solution.upper_multipliers[axis] > positive_multiplier)
      optimum.sides.push_back({axis, true, solution.upper_multipliers[axis]});
  }
  optimum.prices = shadow_prices(optimum, budgets);
  return optimum;
}

Optimum optimise(const model::Law& law, const XiModel& xi, const Budgets& budgets,
                 const ShapeBox& box, double loss_delta) {
  return OptimumWalk(law, xi, box, loss_delta).at(budgets);
}

}  // namespace rooflaw::theory
