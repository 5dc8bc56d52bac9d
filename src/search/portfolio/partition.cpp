#include "rooflaw/search/portfolio/partition.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "partition_parts.hpp"

#include "rooflaw/core/numbers.hpp"

namespace rooflaw::search {

namespace {

struct ObjectiveName {
  PortfolioObjective objective;
  std::string_view name;
};
constexpr std::array<ObjectiveName, 3> names = {{{PortfolioObjective::mean, "mean"},
                                                 {PortfolioObjective::worst, "worst"},
                                                 {PortfolioObjective::served, "served"}}};

/// One group more for every set: what of it one architecture takes. Of equal choices the one with
/// fewer groups stays.
template <class Cost, class Join>
CoverLayer one_more(const CoverLayer& before, const Cost& cost, const Join& join) {
  CoverLayer now{before.value, std::vector<TargetSet>(before.value.size(), 0)};
  for (TargetSet all = 1; all < now.value.size(); ++all) {
    const TargetSet first = all & (~all + 1);
    const TargetSet rest = all ^ first;
    for (TargetSet more = rest;; more = (more - 1) & rest) {
      const TargetSet group = first | more;
      const double value = join(before.value[all ^ group], cost(group));
      if (value < now.value[all]) {
        now.value[all] = value;
        now.group[all] = group;
      }
      if (more == 0) break;
    }
  }
  return now;
}

CoverLayer no_group(std::size_t sets, double nothing) {
  CoverLayer layer{std::vector<double>(sets, infinity), std::vector<TargetSet>(sets, 0)};
  layer.value[0] = nothing;
  return layer;
}

double larger(double x, double y) { return std::max(x, y); }
double sum(double x, double y) { return x + y; }

/// Everything about groups of at most most_exact_targets targets.
class Groups {
 public:
  explicit Groups(const Served& served) : sets_(TargetSet{1} << served.size()) {
    best_.assign(sets_, served.points.size());
    for (std::size_t p = served.points.size(); p-- > 0;) best_[served.points[p]] = p;
    for (std::size_t t = 0; t < served.size(); ++t)
      for (TargetSet group = 0; group < sets_; ++group)
        if ((group & target_bit(t)) == 0)
          best_[group] = std::min(best_[group], best_[group | target_bit(t)]);
    regret_.assign(sets_, 0);
    worst_.assign(sets_, 0);
    weight_.assign(sets_, 0);
    own_.assign(sets_, 0);
    for (TargetSet group = 1; group < sets_; ++group) {
      for (std::size_t t = 0; t < served.size(); ++t) {
        if ((group & target_bit(t)) == 0) continue;
        weight_[group] += served.weight[t];
        own_[group] += served.weight[t] * (served.own[t] + served.delta[t]);
      }
      if (best_[group] == served.points.size()) {
        regret_[group] = worst_[group] = infinity;
        continue;
      }
      for (std::size_t t = 0; t < served.size(); ++t) {
        if ((group & target_bit(t)) == 0) continue;
        const double regret = served.loss[best_[group]] - served.own[t];
        regret_[group] += served.weight[t] * regret;
        worst_[group] = std::max(worst_[group], regret);
      }
    }
  }

  CoverLayer nothing() const { return no_group(sets_, 0.0); }
  CoverLayer with_mean(const CoverLayer& before, double cap) const {
    return one_more(
        before, [&](TargetSet group) { return worst_[group] <= cap ? regret_[group] : infinity; },
        sum);
  }
  CoverLayer with_worst(const CoverLayer& before) const {
    return one_more(
        before, [&](TargetSet group) { return worst_[group]; }, larger);
  }

  /// Of the sets that can be served the one of the most weight, then of the least `value`.
  template <class Value>
  TargetSet best_served(const CoverLayer& covers, const Value& value) const {
    TargetSet best = 0;
    for (TargetSet all = 1; all < sets_; ++all) {
      if (covers.value[all] == infinity) continue;
      if (weight_[all] > weight_[best] ||
          (weight_[all] == weight_[best] && value(all) < value(best)))
        best = all;
    }
    return best;
  }
  double mean_loss(const CoverLayer& covers, TargetSet all) const {
    return (own_[all] + covers.value[all]) / weight_[all];
  }
  std::size_t best_point(TargetSet group) const { return best_[group]; }
  double weight(TargetSet all) const { return weight_[all]; }

 private:
  TargetSet sets_;
  std::vector<std::size_t> best_;  // number of a point, as many as there are: none
  std::vector<double> regret_, worst_, weight_, own_;
};

std::vector<Picked> picked_from(const Groups& groups, const std::vector<CoverLayer>& layers,
                                TargetSet all) {
  std::vector<Picked> picked;
  for (std::size_t j = layers.size() - 1; j > 0 && all != 0; --j) {
    const TargetSet group = layers[j].group[all];
    if (group == 0) continue;  // as with one fewer
    picked.push_back({groups.best_point(group), group});
    all ^= group;
  }
  return picked;
}

/// By number of architectures, from 0 to the most that is of use.
std::vector<PickedChoice> exact_choices(const Served& served, const Portfolio& portfolio,
                                        const Between& between) {
  const Groups groups(served);
  const std::size_t most = std::min(portfolio.to, served.size());
  std::vector<PickedChoice> choices(most + 1, PickedChoice{{}, true});
  std::vector<CoverLayer> layers{groups.nothing()};
  for (std::size_t k = 1; k <= most; ++k) {
    if (between) between();
    if (portfolio.objective != PortfolioObjective::worst) {
      layers.push_back(groups.with_mean(layers.back(), infinity));
      const TargetSet all = groups.best_served(
          layers.back(), [&](TargetSet set) { return groups.mean_loss(layers.back(), set); });
      choices[k].architectures = picked_from(groups, layers, all);
      continue;
    }
    layers.push_back(groups.with_worst(layers.back()));
    if (k < std::min(portfolio.from, most)) continue;
    const CoverLayer& worst = layers.back();
    const TargetSet least =
        groups.best_served(worst, [&](TargetSet set) { return worst.value[set]; });
    std::vector<CoverLayer> means{groups.nothing()};
    for (std::size_t j = 1; j <= k; ++j) {
      if (between) between();
      means.push_back(groups.with_mean(means.back(), worst.value[least]));
    }
    // Of sets of the same weight several may have the same worst regret.
    CoverLayer open = means.back();
    for (TargetSet set = 0; set < open.value.size(); ++set)
      if (groups.weight(set) != groups.weight(least)) open.value[set] = infinity;
    const TargetSet all = groups.best_served(
        open, [&](TargetSet set) { return groups.mean_loss(means.back(), set); });
    choices[k].architectures = picked_from(groups, means, all);
  }
  return choices;
}

}  // namespace

std::string_view to_string(PortfolioObjective objective) {
  return names.at(static_cast<std::size_t>(objective)).name;
}

std::optional<PortfolioObjective> portfolio_objective_from(std::string_view name) {
  for (const auto& entry : names)
    if (entry.name == name) return entry.objective;
  return std::nullopt;
}

std::vector<double> own_losses(const std::vector<SetPoint>& points, std::size_t targets) {
  std::vector<double> own(targets, infinity);
  for (const auto& point : points)
    for (std::size_t t = 0; t < targets; ++t)
      if ((point.targets & target_bit(t)) != 0) own[t] = std::min(own[t], point.loss);
  return own;
}

double value_of(PortfolioObjective objective, const PortfolioChoice& choice) {
  return objective == PortfolioObjective::worst ? choice.worst_regret : choice.mean_loss;
}

void sum_up(PortfolioChoice& choice, const Portfolio& portfolio,
            const std::vector<double>& own_loss, const std::vector<double>& loss_delta) {
  choice.served = 0;
  choice.weight_served = choice.mean_loss = choice.mean_regret = choice.worst_regret = 0;
  for (std::size_t t = 0; t < own_loss.size(); ++t)
    for (const auto& [point, runs] : choice.architectures) {
      if ((runs & target_bit(t)) == 0) continue;
      const double regret = point.loss - own_loss[t];
      choice.served |= target_bit(t);
      choice.weight_served += portfolio.weights[t];
      choice.mean_loss += portfolio.weights[t] * (point.loss + loss_delta[t]);
      choice.mean_regret += portfolio.weights[t] * regret;
      choice.worst_regret = std::max(choice.worst_regret, regret);
    }
  choice.mean_loss /= choice.weight_served;
  choice.mean_regret /= choice.weight_served;
  if (choice.served == 0) choice.worst_regret = choice.mean_loss;  // NaN
}

std::vector<PortfolioChoice> choose(const std::vector<SetPoint>& points, const Portfolio& portfolio,
                                    const std::vector<double>& loss_delta, const Between& between) {
  const auto own = own_losses(points, loss_delta.size());
  const Served served = served_targets(points, portfolio, own, loss_delta);
  const bool exact = served.size() <= most_exact_targets;
  const auto choices =
      exact ? exact_choices(served, portfolio, between) : grown_choices(served, portfolio, between);
  std::vector<PortfolioChoice> found;
  for (std::size_t k = portfolio.from; k <= portfolio.to; ++k) {
    const auto& picked = choices[std::min(k, choices.size() - 1)];
    PortfolioChoice& choice = found.emplace_back();
    choice.k = k;
    for (const auto& [number, runs] : picked.architectures) {
      const SetPoint& point = points[number];
      const auto same = std::find_if(choice.architectures.begin(), choice.architectures.end(),
                                     [&](const Assignment& a) { return a.point == point; });
      (same == choice.architectures.end() ? choice.architectures.emplace_back(Assignment{point, 0})
                                          : *same)
          .runs |= served.all_of(runs);
    }
    std::sort(choice.architectures.begin(), choice.architectures.end(),
              [](const Assignment& x, const Assignment& y) { return is_better(x.point, y.point); });
    sum_up(choice, portfolio, own, loss_delta);
    choice.weight_bound = choice.weight_served;
    if (!picked.proven) set_bounds(choice, served, k, portfolio.objective);
    choice.certified = choice.weight_bound == choice.weight_served && choice.loss_gap_bound == 0.0;
  }
  return found;
}

}  // namespace rooflaw::search
