#include <algorithm>
#include <bit>
#include <limits>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::search {

namespace {

std::vector<double> deltas_of(const Question& of_law) {
  std::vector<double> deltas;
  for (const auto& target : of_law.targets)
    deltas.push_back(deployment_of(of_law, target).scenario.precision.loss_delta);
  return deltas;
}

/// One law's question, what was found and what is chosen of it.
struct Chosen {
  Question question;
  std::vector<double> own, delta;
  std::vector<PortfolioChoice> choices;
};

Chosen chosen_by(const Question& question, std::size_t law, const Portfolio& portfolio,
                 const SetOutcome& outcome, const Between& between) {
  Chosen c{.question = of_law(question, law), .own = {}, .delta = {}, .choices = {}};
  c.own = own_losses(outcome.points, c.question.targets.size());
  c.delta = deltas_of(c.question);
  c.choices = choose(outcome.points, portfolio, c.delta, between);
  return c;
}

PortfolioTarget target_of(const Chosen& chosen, std::size_t t, const Portfolio& portfolio,
                          const SetOutcome& outcome) {
  PortfolioTarget target{.id = chosen.question.targets[t].id,
                         .weight = portfolio.weights[t],
                         .budget = portfolio.budgets[t],
                         .own_loss = std::numeric_limits<double>::quiet_NaN(),
                         .least_budget = outcome.least[t].objective,
                         .least_memory_bytes = outcome.least[t].memory_bytes};
  const auto own =
      std::find_if(outcome.points.begin(), outcome.points.end(),
                   [t](const SetPoint& point) { return (point.targets & target_bit(t)) != 0; });
  if (own == outcome.points.end()) return target;
  target.feasible = true;
  target.own_loss = own->loss + chosen.delta[t];
  target.own_index = chosen.question.space.continuous ? -1 : own->index;
  return target;
}

PortfolioSummary summary_of(const PortfolioChoice& choice) {
  return {.k = static_cast<std::int64_t>(choice.k),
          .architectures = static_cast<std::int64_t>(choice.architectures.size()),
          .targets_served = std::popcount(choice.served),
          .weight_served = choice.weight_served,
          .weight_bound = choice.weight_bound,
          .mean_loss = choice.mean_loss,
          .price = choice.mean_regret,
          .worst_regret = choice.worst_regret,
          .certified = choice.certified,
          .loss_gap_bound = choice.loss_gap_bound};
}

void add_rows(const Chosen& chosen, const PortfolioChoice& choice, const Portfolio& portfolio,
              LawPortfolio& to) {
  for (std::size_t number = 0; number < choice.architectures.size(); ++number) {
    const auto& [point, runs] = choice.architectures[number];
    PortfolioArchitecture architecture{.k = static_cast<std::int64_t>(choice.k),
                                       .number = static_cast<std::int64_t>(number),
                                       .targets = std::popcount(runs),
                                       .loss = point.loss};
    for (std::size_t t = 0; t < chosen.own.size(); ++t) {
      if ((runs & target_bit(t)) == 0) continue;
      const Row row = row_at(chosen.question, chosen.question.targets[t], point.index);
      if (row.loss != point.loss + chosen.delta[t] || !(row.objective <= portfolio.budgets[t]))
        throw Error(fmt::format(
            "point {} of {}: the search has loss {:.17g} within {:.17g}, the model {:.17g} at "
            "{:.17g}",
            point.index, chosen.question.targets[t].id, point.loss + chosen.delta[t],
            portfolio.budgets[t], row.loss, row.objective));
      architecture.weight += portfolio.weights[t];
      architecture.row = row;
      to.runs.push_back({.k = architecture.k,
                         .number = architecture.number,
                         .target = static_cast<std::int64_t>(t),
                         .regret = point.loss - chosen.own[t],
                         .row = row});
    }
    to.architectures.push_back(architecture);
  }
}

/// The same architectures on the same targets, as another law sees them; NaN where it gives no
/// loss.
double value_under(const Chosen& other, const PortfolioChoice& choice, const Portfolio& portfolio) {
  PortfolioChoice there = choice;
  const auto& law = other.question.laws.front();
  for (auto& [point, runs] : there.architectures) {
    const auto architecture =
        architecture_at(other.question.space, digits_of(other.question.space, point.index));
    auto scenario = other.question.deployments.front().scenario;
    scenario.precision.loss_delta = 0;
    point.loss = model::evaluate(law, *architecture, scenario).loss;
  }
  sum_up(there, portfolio, other.own, other.delta);
  return value_of(portfolio.objective, there);
}

void add_robust(const std::vector<Chosen>& laws, const Portfolio& portfolio,
                PortfolioResult& result) {
  for (std::size_t i = 0; i < laws.front().choices.size(); ++i) {
    RobustChoice robust{.k = static_cast<std::int64_t>(laws.front().choices[i].k),
                        .worst_regret = std::numeric_limits<double>::infinity()};
    for (const Chosen& candidate : laws) {
      const std::string& law = candidate.question.laws.front().id;
      double worst = 0;
      for (const Chosen& other : laws) {
        const double regret = value_under(other, candidate.choices[i], portfolio) -
                              value_of(portfolio.objective, other.choices[i]);
        worst = std::max(worst, regret);
        result.regrets.push_back({robust.k, law, other.question.laws.front().id, regret});
      }
      if (!(worst < robust.worst_regret)) continue;
      robust.law = law;
      robust.worst_regret = worst;
    }
    result.robust.push_back(robust);
  }
}

}  // namespace

PortfolioResult describe(const Question& question, const Portfolio& portfolio,
                         const std::vector<SetOutcome>& outcomes, const Between& between) {
  PortfolioResult result{.objective = portfolio.objective};
  std::vector<Chosen> laws;
  for (std::size_t law = 0; law < outcomes.size(); ++law) {
    const Chosen& chosen =
        laws.emplace_back(chosen_by(question, law, portfolio, outcomes[law], between));
    LawPortfolio& of_law = result.by_law.emplace_back();
    of_law.law = question.laws[law].id;
    for (std::size_t t = 0; t < chosen.own.size(); ++t) {
      if (law == 0) result.targets.push_back(info_of(chosen.question, chosen.question.targets[t]));
      of_law.targets.push_back(target_of(chosen, t, portfolio, outcomes[law]));
    }
    for (const auto& choice : chosen.choices) {
      of_law.choices.push_back(summary_of(choice));
      add_rows(chosen, choice, portfolio, of_law);
    }
  }
  if (laws.size() > 1) add_robust(laws, portfolio, result);
  return result;
}

}  // namespace rooflaw::search
