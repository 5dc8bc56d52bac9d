#include <cmath>

#include "advise.hpp"

namespace rooflaw::app {

using theory::BuildingLattice;
using theory::Built;

std::string_view to_string(Part part) {
  switch (part) {
    case Part::bandwidth:
      return "bandwidth";
    case Part::compute:
      return "compute";
    case Part::memory:
      return "memory";
  }
  return "";
}

std::optional<double> amount_of(const Question& q, Part part) {
  const auto& s = q.scenario;
  switch (part) {
    case Part::bandwidth:
      return s.device.bandwidth_bytes_per_s;
    case Part::compute:
      return s.device.peak_flops.at(s.precision.matmul);
    case Part::memory:
      break;
  }
  const double budget = q.limits.of(model::Objective::memory);
  return std::isinf(budget) ? std::nullopt : std::optional(budget);
}

Question with_more(Question q, Part part, double factor) {
  auto device = q.scenario.device;
  switch (part) {
    case Part::bandwidth:
      device.bandwidth_bytes_per_s *= factor;
      break;
    case Part::compute:
      for (auto& [type, peak] : device.peak_flops) peak *= factor;
      break;
    case Part::memory:
      q.limits.set(model::Objective::memory, factor * q.limits.of(model::Objective::memory));
      return q;
  }
  q.scenario =
      model::make_scenario(device, q.scenario.precision, q.scenario.workload, q.scenario.engine);
  return q;
}

namespace {

std::optional<Built> best(const BuildingLattice& lattice, const Question& q,
                          const theory::Aim& aim = {}) {
  return lattice.best(q.law, q.scenario, q.limits, aim);
}

/// Budgets that the operator model can meet may be beyond the closed forms, and the other way.
Continuous continuous(const Question& q) {
  Continuous c{.xi = theory::xi_model(q.scenario),
               .budgets = theory::to_budgets(q.limits, q.scenario),
               .optimum = {},
               .width = q.box.width.lo,
               .cases = {},
               .unsolved = {}};
  try {
    c.optimum = theory::optimise(q.law, c.xi, c.budgets, q.box, q.scenario.precision.loss_delta);
    c.width = c.optimum->shape.width;
  } catch (const DomainError& e) {
    c.unsolved = e.what();
  }
  try {
    c.cases = theory::closed_forms(q.law, c.xi, c.width, c.budgets, q.box.activation_rate.lo);
  } catch (const DomainError& e) {
    if (c.unsolved.empty()) c.unsolved = e.what();
  }
  return c;
}

/// Of a chip with 10 % more of a part, by the slope.
double closed_form_gain(const Continuous& c, Part part) {
  if (!c.optimum) return 0.0;
  const auto& prices = c.optimum->prices;
  const double slope = part == Part::bandwidth ? prices.dloss_dln_bandwidth
                       : part == Part::compute ? prices.dloss_dln_compute
                                               : prices.dloss_dln_memory;
  return -(more - 1.0) * slope;
}

/// Limits of an architecture without which a better one could be built.
std::vector<std::string_view> binding_limits(const BuildingLattice& lattice, const Question& q,
                                             double loss) {
  std::vector<std::string_view> names;
  for (const auto& limit : q.limits.finite()) {
    Question freed = q;
    freed.limits.set(limit.objective, std::numeric_limits<double>::infinity());
    if (best(lattice, freed, {.below = loss, .any = true}))
      names.push_back(model::to_string(limit.objective));
  }
  return names;
}

/// Least factor of a part that reaches a loss: more of anything never hurts, so that bisection
/// finds the one place where the answer turns.
Reach reach(const BuildingLattice& lattice, const Question& q, Part part, double loss) {
  const theory::Aim aim{.below = std::nextafter(loss, std::numeric_limits<double>::infinity()),
                        .any = true};
  const auto at = [&](double factor) { return best(lattice, with_more(q, part, factor), aim); };
  constexpr double farthest = 0x1p40;
  constexpr double precision = 1e-6;
  Reach found{.part = part, .factor = 1.0, .built = at(1.0)};
  double fails = 0.0;
  if (found.built) {
    for (double factor = 0.5; fails == 0.0; factor /= 2) {
      if (factor < 1.0 / farthest) return {part, 0.0, found.built};
      if (auto built = at(factor))
        found = {part, factor, std::move(built)};
      else
        fails = factor;
    }
  } else {
    while (!found.built) {
      fails = found.factor;
      found.factor *= 2;
      if (found.factor > farthest) return {part, 0.0, std::nullopt};
      found.built = at(found.factor);
    }
  }
  while (found.factor > fails * (1.0 + precision)) {
    const double middle = std::sqrt(fails * found.factor);
    if (auto built = at(middle))
      found = {part, middle, std::move(built)};
    else
      fails = middle;
  }
  return found;
}

}  // namespace

RegimeMap regime_map(const BuildingLattice& lattice, const Question& q) {
  RegimeMap map;
  for (std::size_t c = 0; c < RegimeMap::multiples.size(); ++c)
    for (std::size_t b = 0; b < RegimeMap::multiples.size(); ++b) {
      const Question there = with_more(with_more(q, Part::compute, RegimeMap::multiples[c]),
                                       Part::bandwidth, RegimeMap::multiples[b]);
      auto& cell = map.cells[c][b];
      cell.built = best(lattice, there);
      if (cell.built) cell.binding = binding_limits(lattice, there, cell.built->evaluation.loss);
    }
  return map;
}

Answer answer(const Question& q) {
  require_valid(q.box);
  Answer a;
  a.continuous = continuous(q);
  const BuildingLattice lattice(q.box, {});
  a.built = best(lattice, q);
  if (!a.built) a.shortfall = lattice.shortfall(q.scenario, q.limits);
  if (a.built) a.binding = binding_limits(lattice, q, a.built->evaluation.loss);
  if (a.built && !a.built->evaluation.extrapolated) {
    a.in_range = a.built;
  } else if (a.built) {
    try {
      a.in_range = best(BuildingLattice(q.box, {.within = q.law.range}), q);
    } catch (const DomainError&) {  // none of the box is in range
    }
  }
  for (const Part part : all_parts) {
    if (!amount_of(q, part)) continue;
    const auto richer = best(lattice, with_more(q, part, more));
    a.worths.push_back({part, richer ? std::optional(richer->evaluation.loss) : std::nullopt,
                        closed_form_gain(a.continuous, part)});
    if (q.target_loss) a.reaches.push_back(reach(lattice, q, part, *q.target_loss));
  }
  if (q.target_loss) {
    Question freed = q;
    freed.limits = {};
    a.least_loss = best(lattice, freed)->evaluation.loss;
  }
  if (q.regimes) a.regimes = regime_map(lattice, q);
  return a;
}

}  // namespace rooflaw::app
