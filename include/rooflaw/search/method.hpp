#pragma once
// How a question is searched. A method is its options; how each one goes about it stands in the
// header of its folder, and method_run.hpp is what all of them give those who run them.

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>

#include "rooflaw/model/law.hpp"

namespace rooflaw::search {

inline constexpr double no_limit = std::numeric_limits<double>::infinity();

/// The frontiers of the whole space, proven.
struct Exact {
  double tolerance = 0;  // nats that what is dropped may gain
};

/// Every point of the space.
struct Grid {};

/// Points of a Latin hypercube over the axes.
struct Sample {
  std::int64_t points = 0;
  double max_seconds = no_limit;
};

/// Samples, local Pareto sets and relaxed optima; see plas.hpp.
struct PlasOptions {
  std::int64_t initial_samples = 100;
  std::int64_t gaps_per_round = 1;  // relaxed, of each target
  // A gap of a smaller share of the hypervolume is not worth the calls, unless nothing else helps.
  double worth_relaxing = 1e-3;
  std::int64_t moves_per_stretch = 3;  // scored, of those that promise an improvement
  // Calls of the model, relaxed points and gradients included.
  std::int64_t max_evaluations = 20000;
  double hypervolume_gain = 0;  // ends after three rounds that gain a smaller share
  double max_seconds = no_limit;
};

using Method = std::variant<Exact, Grid, Sample, PlasOptions>;

/// "exact", "grid", "sample", "plas"
std::string_view to_string(const Method& method);
/// With its own defaults; nullopt for a word that is no method.
std::optional<Method> method_from(std::string_view name);

/// Nats by which its frontiers, once complete, may miss those of the space at most; nullopt for a
/// method that proves nothing.
std::optional<double> proven_gap(const Method& method);
/// What takes its place under a law: `exact` bounds boxes, which not every law lets it
/// (model::is_monotone); every point is looked at then.
Method method_under(const Method& method, const model::LawCoefficients<double>& law);

/// In words, of points that prove nothing.
std::string_view how_found(const Method& method);

/// When a run of it is to end, as a matter of time.
double max_seconds(const Method& method);

/// The stage after a method that looks between the points of the space; see refine.hpp.
struct RefineOptions {
  bool enabled = true;
  // Only what lies in the law's range is sought, where the law states one: a frontier that is
  // refined to the last percent where nobody knows the loss is no better.
  bool in_range = true;
  // Of each target. What gaps its dense frontiers have, it is there for.
  PlasOptions plas{.worth_relaxing = 0, .max_evaluations = 500, .hypervolume_gain = 1e-4};
};

}  // namespace rooflaw::search
