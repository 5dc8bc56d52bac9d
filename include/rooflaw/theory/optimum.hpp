#pragma once
// The best shape inside a box under any set of budgets, and what relaxing each budget is worth.
//
//   minimise  loss(layers, width, ffn_ratio, gqa, activation_rate)
//   under     prefill, decode, total-time and memory budgets of the xi model, whichever are given,
//             lo <= axis <= hi for every axis, and width / gqa >= min_kv_dim
//
// One geometric program (geometric_program.hpp): convex in the logarithms, width included, so the
// answer is the global optimum and needs no case distinction and no scan over widths. lo = hi fixes
// an axis. Where closed_forms.hpp says what the optimum looks like without a box, this says what it
// is with one: a clipped axis changes the others.
//
// Extends [S] arXiv:2602.10377 sec. 5, which leaves the best width open and has no box.
// Units as in xi_model.hpp. Precision: KKT residual <= 1e-8, usually 1e-14. Cost: some ten
// microseconds; two where the optimum is known under budgets that are near.

#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "rooflaw/core/error.hpp"
#include "rooflaw/theory/geometric_program.hpp"
#include "rooflaw/theory/xi_model.hpp"

namespace rooflaw::theory {

/// Name of an axis, as a field of Shape.
std::string_view to_string(Dimension axis);

/// Where to look. Bounds are positive and finite, but for gqa.hi, which width / min_kv_dim limits.
struct ShapeBox {
  model::Interval layers;
  model::Interval width;
  model::Interval ffn_ratio{1.0 / 16.0, 16.0};
  model::Interval gqa{1.0, std::numeric_limits<double>::infinity()};
  model::Interval activation_rate{1.0 / 16.0, 1.0};
  double min_kv_dim = 64;  // size of one head: at least one KV head is left
};

/// Layers and width where the law was fitted, the rest as above. An axis that the law states no
/// range for is left empty ([0, 0]) and must be set before use.
ShapeBox default_box(const model::Law& law);

/// The same box at one width.
ShapeBox at_width(ShapeBox box, double width);

/// @throws DomainError for a bound that is not positive and finite, lo > hi, an activation rate
/// above
///         1, or min_kv_dim that leaves no gqa
void require_valid(const ShapeBox& box);

/// Not even the cheapest shape of the box, which is the same for every resource, meets a budget.
class DoesNotFit : public DomainError {
 public:
  DoesNotFit(Resource resource, double budget, double needed, const Shape& cheapest);
  Resource resource() const { return resource_; }  // the one exceeded most
  double budget() const { return budget_; }
  double needed() const { return needed_; }
  double excess() const { return needed_ / budget_; }  // > 1
  const Shape& cheapest() const { return cheapest_; }

 private:
  Resource resource_;
  double budget_;
  double needed_;
  Shape cheapest_;
};

/// A budget at the optimum.
struct BudgetState {
  Resource resource{};
  double limit = 0;
  double usage = 0;
  double multiplier = 0;  // nats per unit of the limit, >= 0
  bool binds = false;     // its multiplier is positive beyond rounding
};

/// A side of the box that holds the optimum back. `gain`: nats per unit of ln(bound), > 0.
struct BoxSide {
  Dimension axis{};
  bool upper = false;
  double gain = 0;
};

/// Change of the optimal loss per unit of a logarithm, nats, all <= 0: 0.01 of it is what 1 % is
/// worth.
struct ShadowPrices {
  double dloss_dln_compute = 0;    // effective FLOP/s
  double dloss_dln_bandwidth = 0;  // effective bytes/s
  double dloss_dln_memory = 0;     // bytes
  double dloss_dln_prefill_budget = 0;
  double dloss_dln_decode_budget = 0;
  double dloss_dln_total_budget = 0;
};

struct Optimum {
  Shape shape;
  double loss = 0;
  FixedVector<BudgetState, all_resources.size()> budgets;  // those given, in their order
  FixedVector<BoxSide, std::size_t{2} * dimension_count> sides;
  double kv_dim_gain = 0;  // as BoxSide::gain, of width / gqa >= min_kv_dim
  ShadowPrices prices;
  double kkt_residual = 0;
};

/// Names of the budgets that bind.
std::vector<std::string_view> binding(const Optimum& optimum);

/// The state of one resource; null if it has no budget.
const BudgetState* find(const Optimum& optimum, Resource resource);

/// The cheapest shape of a box, in every resource at once: fewest layers, least width and FFN,
/// fewest KV heads, highest activation rate.
Shape cheapest_shape(const ShapeBox& box);

/// @param loss_delta  penalty of the precision, added to the loss
/// @throws DoesNotFit   if no shape of the box meets the budgets
/// @throws DomainError  for a law, xi model, budget or box out of range
Optimum optimise(const model::Law& law, const XiModel& xi, const Budgets& budgets,
                 const ShapeBox& box, double loss_delta = 0.0);

/// The same for one set of budgets after the other, each sought from the optimum before: two
/// microseconds where budgets are near those before, as along a frontier. Loss and shape are those
/// of optimise() but for rounding; of several optima it may be another. An answer depends on the
/// calls before, so what is to be the same on any number of ranks walks the same way there.
class OptimumWalk {
 public:
  /// @throws DomainError as optimise
  OptimumWalk(const model::Law& law, const XiModel& xi, const ShapeBox& box, double loss_delta);
  /// @throws DoesNotFit, DomainError as optimise; the next optimum is sought from the last found
  Optimum at(const Budgets& budgets);

 private:
  model::Law law_;
  XiModel xi_;
  ShapeBox box_;
  double loss_delta_;
  Shape cheapest_;
  GeometricProgram program_;  // without the constraints of the budgets
  std::optional<GpSolution> last_;
};

}  // namespace rooflaw::theory
