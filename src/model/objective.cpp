#include "rooflaw/model/objective.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

namespace {

double output_tokens(const Scenario& s) { return static_cast<double>(s.workload.output_tokens); }

constexpr std::array<ObjectiveEntry, objective_count> all = {{
    {Objective::prefill, "prefill", "s", true, "max_prefill_s",
     [](const Scenario&) { return Weights{.prefill = 1}; }},
    {Objective::tpot, "tpot", "s/token", true, "max_tpot_s",
     [](const Scenario& s) { return Weights{.decode = 1, .per = output_tokens(s)}; }},
    {Objective::total, "total", "s", true, "max_total_s",
     [](const Scenario&) { return Weights{.prefill = 1, .decode = 1}; }},
    {Objective::energy, "energy", "J", true, "",
     [](const Scenario& s) {
       return Weights{.prefill = s.device.prefill_power_w.value_or(0),
                      .decode = s.device.decode_power_w.value_or(0)};
     }},
    {Objective::decode, "decode", "s", false, "",
     [](const Scenario&) { return Weights{.decode = 1}; }},
    {Objective::memory, "memory", "B", false, "",
     [](const Scenario&) { return Weights{.memory = 1}; }},
}};

/// What the scenario lacks; empty: nothing.
std::string_view missing_in(Objective objective, const Scenario& s) {
  if (objective == Objective::energy && !has_powers(s.device)) return "powers";
  const Weights w = weights(objective, s);
  const bool prefill = w.prefill > 0.0 && s.workload.input_tokens > 0;
  const bool decode = w.decode > 0.0 && s.workload.output_tokens > 0;
  if (prefill || decode || w.memory > 0.0) return "";
  if (w.decode == 0.0) return "input tokens";
  return w.prefill == 0.0 ? "output tokens" : "tokens";
}

}  // namespace

std::span<const ObjectiveEntry, objective_count> objectives() { return all; }

const ObjectiveEntry& entry(Objective objective) {
  return all[static_cast<std::size_t>(objective)];
}

std::string_view to_string(Objective objective) { return entry(objective).name; }

std::optional<Objective> objective_from(std::string_view name) {
  for (const auto& e : all)
    if (e.searchable && e.name == name) return e.objective;
  return std::nullopt;
}

Weights weights(Objective objective, const Scenario& s) { return entry(objective).weights(s); }

bool applies(Objective objective, const Scenario& s) { return missing_in(objective, s).empty(); }

void require_applies(Objective objective, const Scenario& s) {
  if (const auto missing = missing_in(objective, s); !missing.empty())
    throw DomainError(
        fmt::format("{} has no {}, so no {}",
                    missing == "powers" ? "device " + s.device.id : "workload " + s.workload.id,
                    missing, to_string(objective)));
}

void Limits::tighten(Objective objective, double bound) {
  set(objective, std::min(of(objective), bound));
}

void Limits::tighten(const Limits& more) {
  for (const auto& limit : more.finite()) tighten(limit.objective, limit.bound);
}

FixedVector<Limit, objective_count> Limits::finite() const {
  FixedVector<Limit, objective_count> list;
  for (const auto& e : all)
    if (of(e.objective) != std::numeric_limits<double>::infinity())
      list.push_back({e.objective, of(e.objective)});
  return list;
}

WeightedLimits weighted_limits(const Limits& limits, const Scenario& s) {
  WeightedLimits list;
  for (const auto& limit : limits.finite())
    if (applies(limit.objective, s))
      list.push_back({weights(limit.objective, s), limit.bound, limit.objective});
  return list;
}

bool feasible(const WeightedLimits& limits, const Costs<double>& costs) {
  return std::all_of(limits.begin(), limits.end(), [&](const WeightedLimit& limit) {
    return weighted(limit.weights, costs) <= limit.bound;
  });
}

}  // namespace rooflaw::model
