#include "rooflaw/search/rows.hpp"

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::search {

std::vector<Row> describe(const Question& question, const Target& target,
                          const Frontier& frontier) {
  std::vector<Row> rows;
  rows.reserve(frontier.size());
  for (const auto& point : frontier.points()) {
    const auto architecture =
        architecture_at(question.space, digits_of(question.space, point.index));
    if (!architecture)
      throw Error(
          fmt::format("point {} on the frontier of {} is no architecture", point.index, target.id));
    const auto& scenario = question.deployments[target.deployment].scenario;
    const auto e = model::evaluate(question.law, *architecture, scenario);
    const double value = value_of(target.objective, e, scenario);
    if (value != point.latency_s || e.loss != point.loss)
      throw Error(fmt::format(
          "point {} of {}: the search has latency {:.17g} and loss {:.17g}, the model {:.17g} and "
          "{:.17g}",
          point.index, target.id, point.latency_s, point.loss, value, e.loss));
    rows.push_back(
        {*architecture, e, point.latency_s, question.space.continuous ? -1 : point.index});
  }
  return rows;
}

}  // namespace rooflaw::search
