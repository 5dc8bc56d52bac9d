#pragma once
// What a search is asked: a space, a law, targets, and how to look.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/search/frontier.hpp"
#include "rooflaw/search/space/space.hpp"

namespace rooflaw::search {

/// A scenario and what a point must meet there to be feasible, equality included.
struct Deployment {
  model::Scenario scenario;
  model::Limits limits;  // the memory budget among them
};

/// A frontier is asked for each target: a deployment and the objective to trade against the loss.
struct Target {
  std::string id;  // <device>.<precision>.<workload>.<objective>
  std::size_t deployment = 0;
  model::Objective objective{};
};

enum class Strategy { exact, grid, sample, plas };
std::string_view to_string(Strategy strategy);
std::optional<Strategy> strategy_from(std::string_view name);

/// How plas searches; see plas.hpp.
struct PlasOptions {
  std::int64_t initial_samples = 100;
  std::int64_t gaps_per_round = 1;  // relaxed, of each target
  // A gap of a smaller share of the hypervolume is not worth the calls, unless nothing else helps.
  double worth_relaxing = 1e-3;
  std::int64_t moves_per_stretch = 3;  // scored, of those that promise an improvement
  std::int64_t max_evaluations =
      20000;                    // calls of the model, relaxed points and gradients included
  double hypervolume_gain = 0;  // ends after three rounds that gain a smaller share
};

/// The stage after a strategy that looks between the points of the space; see refine.hpp.
struct RefineOptions {
  bool enabled = true;
  std::int64_t max_evaluations = 500;  // of each target
  double hypervolume_gain = 1e-4;      // as in PlasOptions
};

struct Question {
  Space space;
  model::Law law;
  std::vector<Deployment> deployments;
  std::vector<Target> targets;  // those of one deployment stand together
  Strategy strategy = Strategy::exact;
  std::uint64_t seed = 1;
  std::int64_t max_evaluations = 0;  // sample: how many points to draw
  double max_seconds = std::numeric_limits<double>::infinity();
  double tolerance = 0;  // exact: nats that a dropped box may gain
  PlasOptions plas;
  RefineOptions refine;
};

}  // namespace rooflaw::search
