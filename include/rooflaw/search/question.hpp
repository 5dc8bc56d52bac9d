#pragma once
// What a search is asked: a space, a law, targets. How it looks is the method's (method.hpp).

#include <cstdint>
#include <limits>
#include <string>
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

struct Question {
  Space space;
  model::Law law;
  std::vector<Deployment> deployments;
  std::vector<Target> targets;  // those of one deployment stand together
  std::uint64_t seed = 1;
};

}  // namespace rooflaw::search
