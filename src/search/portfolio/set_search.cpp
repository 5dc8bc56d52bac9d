#include "rooflaw/search/portfolio/set_search.hpp"

#include <algorithm>

#include "set_piece.hpp"

namespace rooflaw::search {

model::WeightedLimits limits_of(const Question& question, const Target& target, double budget) {
  const Deployment& deployment = deployment_of(question, target);
  model::Limits limits = deployment.limits;
  limits.tighten(target.objective, budget);
  return weighted_limits(limits, deployment.scenario);
}

SetLevel::SetLevel(const Question& question, const std::vector<double>& budgets,
                   const PowerTables& tables, const Subspace& subspace)
    : question_(question),
      tables_(tables),
      subspace_(subspace),
      frames_(frames_of_level(subspace)),
      depths_(depths_of_level(question.space, tables, subspace)),
      routes_(question.space, subspace),
      monotone_(model::is_monotone(question.laws.front())) {
  for (const double loss : depths_.loss.front())
    least_depth_loss_.push_back(
        least_depth_loss_.empty() ? loss : std::min(loss, least_depth_loss_.back()));
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    limits_.push_back(limits_of(question, question.targets[t], budgets[t]));
    other_limits_.push_back(limits_of(question, question.targets[t]));
  }
}

std::string SetLevel::name(Index piece) const {
  return frame_name(question_.space, frames_[static_cast<std::size_t>(piece)]);
}

void SetLevel::score(Index piece, SetFindings& found, const std::function<void()>& between) const {
  SetPiece(*this, frames_[static_cast<std::size_t>(piece)], found).run(between);
}

}  // namespace rooflaw::search
