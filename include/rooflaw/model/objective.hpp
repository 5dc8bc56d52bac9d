#pragma once
// What can be minimised and what can be limited: quantities that follow from a model's costs, which
// are the times of the two phases of a workload and the memory.
//
//   quantity = (w_prefill prefill_s + w_decode decode_s + w_memory memory_bytes) / w_per
//
// A quantity is an entry of one table (objective.cpp): name, unit, weights. Search, relaxation,
// closed forms, readers and reports are loops over it or take its weights.

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "rooflaw/core/fixed_vector.hpp"
#include "rooflaw/model/scenario.hpp"

namespace rooflaw::model {

enum class Objective {
  prefill,  // the prompt
  tpot,     // per output token
  total,    // prefill and decode
  energy,   // of the whole workload, by the powers of the phases
  decode,   // all output tokens
  memory,
};
inline constexpr std::size_t objective_count = 6;

/// What a model takes in a scenario.
template <class T>
struct Costs {
  T prefill_s{};
  T decode_s{};
  T memory_bytes{};
};

struct Weights {
  double prefill = 0;
  double decode = 0;
  double memory = 0;
  double per = 1;
};

/// Of the times alone: with weights of 0 and 1 it has the bits of the plain sum. Monotone.
template <class T>
T weighted_time(const Weights& w, const T& prefill_s, const T& decode_s) {
  const T sum = w.prefill * prefill_s + w.decode * decode_s;
  if (w.per == 1.0) return sum;
  return sum / w.per;
}
template <class T>
T weighted(const Weights& w, const Costs<T>& costs) {
  if (w.memory == 0.0) return weighted_time(w, costs.prefill_s, costs.decode_s);
  return w.memory * costs.memory_bytes;
}

struct ObjectiveEntry {
  Objective objective;
  std::string_view name;
  std::string_view unit;
  bool searchable;             // a target may ask for it
  std::string_view limit_key;  // of jobs and workloads; empty: none
  Weights (*weights)(const Scenario&);
};
std::span<const ObjectiveEntry, objective_count> objectives();
const ObjectiveEntry& entry(Objective objective);
std::string_view to_string(Objective objective);
/// Of those that a target may ask for.
std::optional<Objective> objective_from(std::string_view name);

Weights weights(Objective objective, const Scenario& s);

/// Does the workload have any of the phases that the quantity weighs, and for an energy the device
/// both powers?
bool applies(Objective objective, const Scenario& s);
/// @throws DomainError if not
void require_applies(Objective objective, const Scenario& s);

/// A bound that a point must not exceed; equality is allowed.
struct Limit {
  Objective objective{};
  double bound = 0;
};

/// At most one bound a quantity.
class Limits {
 public:
  Limits() { bounds_.fill(std::numeric_limits<double>::infinity()); }
  /// Infinite: no limit.
  double of(Objective objective) const { return bounds_[static_cast<std::size_t>(objective)]; }
  void set(Objective objective, double bound) {
    bounds_[static_cast<std::size_t>(objective)] = bound;
  }
  /// The lower of this bound and the one there is.
  void tighten(Objective objective, double bound);
  void tighten(const Limits& more);

  /// Those that there are: not infinite. A NaN is one, which nothing meets.
  FixedVector<Limit, objective_count> finite() const;
  bool none() const { return finite().empty(); }
  bool operator==(const Limits&) const = default;

 private:
  std::array<double, objective_count> bounds_{};
};

/// A limit in a scenario, ready to be compared. A quantity that the workload does not have is not
/// limited.
struct WeightedLimit {
  Weights weights;
  double bound = 0;
  Objective objective{};
};
using WeightedLimits = FixedVector<WeightedLimit, objective_count>;
WeightedLimits weighted_limits(const Limits& limits, const Scenario& s);

/// Are all met?
bool feasible(const WeightedLimits& limits, const Costs<double>& costs);

}  // namespace rooflaw::model
