#include "rooflaw/search/opinion.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/statistics.hpp"
#include "rooflaw/search/comparison.hpp"

namespace rooflaw::search {

namespace {

struct Candidate {
  double objective = 0;
  Index index = 0;
  model::Architecture architecture;
};

/// A law's view of the candidates.
struct View {
  const model::Law* law = nullptr;
  const FrontierPoints* frontier = nullptr;  // of the whole space; null if it only scores
  std::vector<double> loss;                  // by candidate; NaN of all or of none
  std::vector<double> best;                  // within the candidate's objective

  bool has_loss() const { return !loss.empty() && !std::isnan(loss.front()); }
};

/// The targets of the same deployment and objective, by law.
std::vector<std::size_t> same_by_law(const Question& question, std::size_t target) {
  const Target& asked = question.targets[target];
  std::vector<std::size_t> same(question.laws.size());
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    const Target& other = question.targets[t];
    if (other.deployment == asked.deployment && other.objective == asked.objective)
      same[other.law] = t;
  }
  return same;
}

std::vector<Candidate> candidates_of(const Question& question,
                                     const std::vector<const FrontierPoints*>& frontiers) {
  std::vector<std::pair<double, Index>> points;
  for (const auto* frontier : frontiers)
    for (const auto& point : *frontier) points.emplace_back(point.latency_s, point.index);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  std::vector<Candidate> candidates;
  for (const auto& [objective, index] : points)
    candidates.push_back(
        {objective, index, *architecture_at(question.space, digits_of(question.space, index))});
  return candidates;
}

/// By candidate, those of equal objectives included.
std::vector<double> best_of_candidates(const std::vector<Candidate>& candidates,
                                       const std::vector<double>& loss) {
  std::vector<double> best(loss.size());
  double least = infinity;
  for (std::size_t first = 0; first < loss.size();) {
    std::size_t end = first;
    for (; end < loss.size() && candidates[end].objective == candidates[first].objective; ++end)
      least = std::min(least, loss[end]);
    std::fill(best.begin() + static_cast<std::ptrdiff_t>(first),
              best.begin() + static_cast<std::ptrdiff_t>(end), least);
    first = end;
  }
  return best;
}

View view_of(const model::Law& law, const FrontierPoints* frontier,
             const std::vector<Candidate>& candidates, const model::Scenario& scenario) {
  View view{.law = &law, .frontier = frontier, .loss = {}, .best = {}};
  for (const auto& c : candidates)
    view.loss.push_back(model::evaluate(law, c.architecture, scenario).loss);
  if (frontier == nullptr) {
    view.best = best_of_candidates(candidates, view.loss);
    return view;
  }
  for (const auto& c : candidates) {
    const FrontierPoint* best = best_within(*frontier, c.objective);
    view.best.push_back(best == nullptr ? infinity : best->loss);
  }
  return view;
}

std::size_t count_within(const std::vector<Candidate>& candidates, double budget) {
  return static_cast<std::size_t>(
      std::upper_bound(candidates.begin(), candidates.end(), budget,
                       [](double b, const Candidate& c) { return b < c.objective; }) -
      candidates.begin());
}

/// Over the laws that were searched with, of a candidate at the budget of the last of `count`.
double worst_regret(const std::vector<View>& views, std::size_t candidate, std::size_t count) {
  double worst = 0;
  for (const auto& view : views)
    if (view.frontier != nullptr)
      worst = std::max(worst, view.loss[candidate] - view.best[count - 1]);
  return worst;
}

Choice choice_of(const std::vector<Candidate>& candidates, const std::vector<View>& views,
                 std::size_t candidate, std::size_t count, double budget, double loss) {
  const auto& [objective, index, a] = candidates[candidate];
  const auto point = model::law_point(model::lift(a));
  return {.within = budget,
          .objective = objective,
          .loss = loss,
          .worst_regret = worst_regret(views, candidate, count),
          .index = index,
          .layers = model::depth(a),
          .width = a.width,
          .experts = a.experts,
          .top_k = a.top_k,
          .ffn_ratio = point.ffn_ratio,
          .activation_rate = point.activation_rate,
          .kv_dim = point.kv_dim};
}

template <class Cost>
std::size_t cheapest(std::size_t count, const Cost& cost) {
  std::size_t best = 0;
  double least = cost(std::size_t{0});
  for (std::size_t c = 1; c < count; ++c)
    if (const double x = cost(c); x < least) {
      least = x;
      best = c;
    }
  return best;
}

std::string spoken_of(const model::Law& law) {
  std::vector<std::string_view> names;
  for (const auto variable : model::law_variables)
    if (model::has_opinion(law, variable)) names.push_back(to_string(variable));
  return fmt::format("{}", fmt::join(names, ", "));
}

Opinion opinion_of(const View& view, const std::vector<Candidate>& candidates,
                   const std::vector<View>& views, const FrontierPoints& rows,
                   const std::vector<double>& budgets) {
  Opinion o{.law = view.law->id,
            .opinion_on = spoken_of(*view.law),
            .searched = view.frontier != nullptr,
            .rank_correlation = nan,
            .mean_regret = nan,
            .largest_regret = nan};
  std::size_t c = 0;
  for (const auto& row : rows) {
    while (candidates[c].objective != row.latency_s || candidates[c].index != row.index) ++c;
    o.rows.push_back({view.loss[c], view.loss[c] - view.best[c]});
  }
  if (!view.has_loss()) return o;
  o.rank_correlation = correlation(ranks_of(views.front().loss), ranks_of(view.loss));
  double sum = 0;
  o.largest_regret = 0;
  for (const auto& row : o.rows) {
    sum += row.regret;
    o.largest_regret = std::max(o.largest_regret, row.regret);
  }
  o.mean_regret = sum / static_cast<double>(o.rows.size());
  for (const double budget : budgets) {
    const std::size_t count = count_within(candidates, budget);
    const std::size_t best = cheapest(count, [&](std::size_t i) { return view.loss[i]; });
    o.choices.push_back(choice_of(candidates, views, best, count, budget, view.loss[best]));
  }
  return o;
}

}  // namespace

Opinions opinions_on(const Question& question, const std::vector<FrontierPoints>& frontiers,
                     std::size_t target, const std::vector<model::Law>& others) {
  const auto& scenario = deployment_of(question, question.targets[target]).scenario;
  std::vector<const FrontierPoints*> searched;
  for (const std::size_t t : same_by_law(question, target)) searched.push_back(&frontiers[t]);
  const auto candidates = candidates_of(question, searched);
  std::vector<View> views;
  for (std::size_t law = 0; law < question.laws.size(); ++law)
    views.push_back(view_of(question.laws[law], searched[law], candidates, scenario));
  for (const auto& law : others) views.push_back(view_of(law, nullptr, candidates, scenario));

  Opinions opinions;
  const auto& rows = frontiers[target];
  const auto budgets = ladder(rows, opinion_budgets);
  for (const auto& view : views)
    opinions.by_law.push_back(opinion_of(view, candidates, views, rows, budgets));
  if (searched.size() < 2) return opinions;
  for (const double budget : ladder(rows, least_regret_budgets)) {
    const std::size_t count = count_within(candidates, budget);
    const std::size_t best =
        cheapest(count, [&](std::size_t i) { return worst_regret(views, i, count); });
    opinions.least_regret.push_back(
        choice_of(candidates, views, best, count, budget, views.front().loss[best]));
  }
  return opinions;
}

}  // namespace rooflaw::search
