#include "rooflaw/search/state.hpp"

#include <cmath>

#include "rooflaw/core/error.hpp"

namespace rooflaw::search {

void require_fit(bool fits) {
  if (!fits)
    throw Error("the state it holds is not of this question", ExitCode::checkpoint_mismatch);
}

namespace {

void require_point(const FrontierPoint& point, const Question& question, const Target& target) {
  require_fit(point.index >= 0 && point.index < *index_count(question.space));
  const auto architecture = architecture_at(question.space, digits_of(question.space, point.index));
  require_fit(architecture.has_value());
  const auto& scenario = question.deployments[target.deployment].scenario;
  const auto e = model::evaluate(law_of(question, target), *architecture, scenario);
  require_fit(value_of(target.objective, e, scenario) == point.latency_s && e.loss == point.loss);
}

}  // namespace

void require_frontiers(const std::vector<FrontierPoints>& frontiers, const Question& question) {
  require_fit(frontiers.size() == question.targets.size());
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const auto& points = frontiers[t];
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto& point = points[i];
      require_fit(std::isfinite(point.latency_s) && point.latency_s > 0 &&
                  std::isfinite(point.loss));
      require_fit(i == 0 ||
                  (points[i - 1].latency_s < point.latency_s && points[i - 1].loss > point.loss));
      require_point(point, question, question.targets[t]);
    }
  }
}

void require_theory(std::span<const TheoryRow> rows, std::span<const FrontierPoint> points) {
  require_fit(rows.size() == points.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const double gap = points[i].loss - row.loss;
    require_fit(std::isfinite(row.loss) ? row.search_minus_theory_loss == gap
                                        : std::isnan(row.loss) && std::isnan(gap));
  }
}

std::vector<FrontierPoints> points_of(const std::vector<Frontier>& frontiers) {
  std::vector<FrontierPoints> points;
  for (const auto& frontier : frontiers) points.push_back(frontier.points());
  return points;
}

namespace {
template <class Frontiers>
std::size_t sizes_of(const Frontiers& frontiers) {
  std::size_t points = 0;
  for (const auto& frontier : frontiers) points += frontier.size();
  return points;
}
}  // namespace

std::size_t count_points(const std::vector<Frontier>& frontiers) { return sizes_of(frontiers); }
std::size_t count_points(const std::vector<FrontierPoints>& frontiers) {
  return sizes_of(frontiers);
}

}  // namespace rooflaw::search
