#pragma once
// What a search is asked: a space, laws, targets. How it looks is the method's (method.hpp).

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
  std::size_t law = 0;
};

struct Question {
  Space space;
  std::vector<model::Law> laws;
  std::vector<Deployment> deployments;
  std::vector<Target> targets;  // those of one deployment stand together; a law each
  std::uint64_t seed = 1;
};

/// The same with one law only, and its targets.
Question of_law(const Question& question, std::size_t law);

/// The targets of one law on the points in its range; nullopt where that is the question itself, or
/// nothing: the law states no range, the space is bound to one, or none of it lies in the range.
std::optional<Question> question_in_range(const Question& question, std::size_t law);

inline const model::Law& law_of(const Question& question, const Target& target) {
  return question.laws[target.law];
}
inline const Deployment& deployment_of(const Question& question, const Target& target) {
  return question.deployments[target.deployment];
}

}  // namespace rooflaw::search
