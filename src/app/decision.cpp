#include "rooflaw/app/decision.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "rooflaw/search/comparison.hpp"

namespace rooflaw::app {

using model::Objective;
using search::Row;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr std::size_t rungs = 4;

/// What its rungs are shared by.
using Group = std::tuple<std::string, std::string, std::string, Objective, std::string>;
Group group_of(const Contested& t) {
  return {t.info.law, t.info.device, t.info.workload, t.info.objective, t.memory};
}

/// The largest 1, 2 or 5 times a power of ten that is no larger; or the least that is no smaller.
double round_value(double x, bool up) {
  const int exponent = static_cast<int>(std::floor(std::log10(x)));
  double below = 0;
  for (int e = exponent - 1; e <= exponent + 1; ++e)
    for (const int digit : {1, 2, 5}) {
      const double value = std::stod(fmt::format("{}e{}", digit, e));
      if (up && value >= x) return value;
      if (value <= x) below = value;
    }
  return below;
}

struct Ends {
  double fastest = inf, slowest = 0;
};

std::vector<double> ladder_between(const Ends& ends) {
  std::vector<double> ladder;
  if (!(ends.slowest > 0.0)) return ladder;
  const double span = std::log(ends.slowest / ends.fastest);
  for (std::size_t r = 1; r <= rungs; ++r) {
    const double share = static_cast<double>(r) / rungs;
    const bool last = r == rungs;
    const double rung =
        round_value(last ? ends.slowest : ends.fastest * std::exp(share * span), last);
    if (rung >= ends.fastest && (ladder.empty() || rung > ladder.back())) ladder.push_back(rung);
  }
  return ladder;
}

std::optional<std::size_t> place_within(std::span<const search::FrontierPoint> frontier,
                                        double budget) {
  const auto* best = search::best_within(frontier, budget);
  if (best == nullptr) return std::nullopt;
  return static_cast<std::size_t>(best - frontier.data());
}

/// Does any limit but the memory's cut the frontier?
bool is_limited(const Contested& t) {
  for (const auto& limit : t.limits.finite())
    if (limit.objective != Objective::memory) return true;
  return false;
}

/// Half-widths add up: the truth of each may lie on the side of the other.
bool is_as_good(const Contested& x, const Contested& best, double budget) {
  const auto mine = place_within(best.frontier, budget), other = place_within(x.frontier, budget);
  if (!mine || !other || !x.loss_uncertainty || !best.loss_uncertainty) return false;
  return std::abs(x.frontier[*other].loss - best.frontier[*mine].loss) <=
         *x.loss_uncertainty + *best.loss_uncertainty;
}

/// Budgets of one target.
struct Budgets {
  std::vector<double> values{};
  BudgetFrom from{};
};

Budgets limits_of(const Contested& t, const std::vector<Contested>& all) {
  const double own = t.limits.of(t.info.objective);
  if (std::isfinite(own)) return {{own}, BudgetFrom::limit};
  const bool other_is = std::any_of(all.begin(), all.end(), [&](const Contested& o) {
    return std::tie(o.info.law, o.info.device, o.info.precision, o.info.workload, o.memory) ==
               std::tie(t.info.law, t.info.device, t.info.precision, t.info.workload, t.memory) &&
           std::isfinite(o.limits.of(o.info.objective));
  });
  if (other_is) return {{}, BudgetFrom::limit};
  return {{inf}, BudgetFrom::limit};
}

}  // namespace

std::string_view to_string(BudgetFrom from) {
  switch (from) {
    case BudgetFrom::option:
      return "option";
    case BudgetFrom::limit:
      return "limit";
    case BudgetFrom::ladder:
      break;
  }
  return "ladder";
}

std::vector<Pick> picks(const std::vector<Contested>& targets,
                        const std::vector<model::Limit>& asked) {
  std::map<Group, Ends> ends;
  for (const auto& t : targets) {
    if (t.frontier.empty()) continue;
    Ends& e = ends[group_of(t)];
    e.fastest = std::min(e.fastest, t.frontier.front().latency_s);
    e.slowest = std::max(e.slowest, t.frontier.back().latency_s);
  }
  const auto budgets_of = [&](const Contested& t) -> Budgets {
    if (!asked.empty()) {
      Budgets budgets{{}, BudgetFrom::option};
      for (const auto& limit : asked)
        if (limit.objective == t.info.objective) budgets.values.push_back(limit.bound);
      return budgets;
    }
    if (is_limited(t)) return limits_of(t, targets);
    auto ladder = ladder_between(ends[group_of(t)]);
    if (ladder.empty()) ladder.push_back(inf);
    return {std::move(ladder), BudgetFrom::ladder};
  };
  std::vector<Pick> all;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto& t = targets[i];
    const Budgets budgets = budgets_of(t);
    for (const double budget : budgets.values) {
      Pick& pick = all.emplace_back(Pick{.target = i,
                                         .budget = budget,
                                         .from = budgets.from,
                                         .point = {},
                                         .in_range = {},
                                         .as_good = {}});
      pick.point = place_within(t.frontier, budget);
      if (t.in_range) pick.in_range = place_within(*t.in_range, budget);
      for (const auto& other : targets)
        if (&other != &t && group_of(other) == group_of(t) && is_as_good(other, t, budget))
          pick.as_good.push_back(other.info.precision);
    }
  }
  return all;
}

namespace {

/// A layer more takes its share more.
bool one_layer_more_misses(const Row& row, double value, double bound) {
  const auto layers = static_cast<double>(row.layers);
  return value * (layers + 1.0) / layers > bound;
}

double value_of(Objective objective, const Row& row) {
  switch (objective) {
    case Objective::prefill:
      return row.prefill_s;
    case Objective::tpot:
      return row.tpot_s;
    case Objective::total:
      return row.prefill_s + row.decode_s;
    case Objective::energy:
      return row.energy_j;
    case Objective::decode:
      return row.decode_s;
    case Objective::memory:
      break;
  }
  return row.memory_bytes;
}

}  // namespace

void take(Found& found, const Pick& pick, const search::TargetResult& part, std::size_t first) {
  const auto is_in = [&](const std::optional<std::size_t>& point, const auto& rows) {
    return point && *point >= first && *point - first < rows.size();
  };
  if (first == 0) {
    found.certified = part.certified;
    found.loss_gap_bound = part.loss_gap_bound;
    if (part.refined) found.refined = part.refined->rows;
  }
  if (is_in(pick.point, part.rows)) {
    found.best = part.rows[*pick.point - first];
    found.worth_memory = part.sensitivity.at(*pick.point - first).worth_memory;
  }
  if (part.in_range && is_in(pick.in_range, part.in_range->rows))
    found.inside = part.in_range->rows[*pick.in_range - first];
}

Decision decide(const Contested& target, const Pick& pick, const Found& found) {
  Decision d{.target = target.info,
             .memory = target.memory,
             .budget = pick.budget,
             .from = pick.from,
             .certified = found.certified,
             .loss_gap_bound = found.loss_gap_bound,
             .least_objective = std::numeric_limits<double>::quiet_NaN(),
             .best = found.best,
             .ranges = target.in_range.has_value(),
             .inside = found.inside,
             .least_inside = std::numeric_limits<double>::quiet_NaN(),
             .finer = {},
             .binds = {},
             .as_good = pick.as_good};
  if (!target.frontier.empty()) d.least_objective = target.frontier.front().latency_s;
  if (target.in_range && !target.in_range->empty())
    d.least_inside = target.in_range->front().latency_s;
  if (!pick.point) return d;
  const Row& row = d.best.value();
  for (const auto& finer : found.refined)  // the loss falls
    if (finer.objective <= pick.budget && finer.loss < row.loss) d.finer = finer;
  const Objective own = target.info.objective;
  if (*pick.point + 1 < target.frontier.size()) d.binds.emplace_back(to_string(own));
  for (const auto& limit : target.limits.finite()) {
    const bool binds =
        limit.objective == Objective::memory
            ? found.worth_memory > 0.0
            : one_layer_more_misses(row, value_of(limit.objective, row), limit.bound);
    if (binds && (limit.objective != own || d.binds.empty()))
      d.binds.emplace_back(to_string(limit.objective));
  }
  return d;
}

}  // namespace rooflaw::app
