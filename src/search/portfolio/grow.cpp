// Portfolios for more targets than can be partitioned exactly.

#include <algorithm>
#include <functional>

#include "partition_parts.hpp"

#include "rooflaw/core/numbers.hpp"

namespace rooflaw::search {

namespace {

/// What a choice is worth, in the order of partition.hpp.
struct Worth {
  double weight = 0, worst = 0, loss = 0;  // worst: 0 unless the objective asks for it
  bool is_more_than(const Worth& other) const {
    if (weight != other.weight) return weight > other.weight;
    if (worst != other.worst) return worst < other.worst;
    return loss < other.loss;
  }
};

// Some seconds at most, and the same everywhere.
constexpr std::int64_t most_steps = 10'000'000;

/// The loss of every target by the best of some points that serves it; infinite: none does.
using Losses = std::vector<double>;

class Growth {
 public:
  Growth(const Served& served, PortfolioObjective objective)
      : served_(served), worst_(objective == PortfolioObjective::worst) {
    from_.assign(served.points.size() + 1, Losses(served.size(), infinity));
    for (std::size_t point = served.points.size(); point-- > 0;) {
      from_[point] = from_[point + 1];
      add(point, from_[point]);
    }
  }

  bool add_best() {
    const Losses losses = losses_of(chosen_);
    const std::size_t best = best_addition(losses, worth(losses));
    if (best == served_.points.size()) return false;
    chosen_.push_back(best);
    return true;
  }

  /// Puts another point in the place of one that was chosen, while that helps.
  void exchange() {
    for (std::size_t i = 0, unchanged = 0; unchanged < chosen_.size();
         i = (i + 1) % chosen_.size()) {
      auto others = chosen_;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      const std::size_t best = best_addition(losses_of(others), worth(losses_of(chosen_)));
      ++unchanged;
      if (best == served_.points.size()) continue;
      chosen_[i] = best;
      unchanged = 0;
    }
  }

  /// Looks at all choices of as many points, but for those that cannot be better, and takes the
  /// best. @returns whether that could be done with so many steps
  bool prove(std::int64_t steps, const Between& between) {
    steps_left_ = steps;
    between_ = between;
    best_ = worth(losses_of(chosen_));
    std::vector<std::size_t> trial;
    return extend(trial, 0, chosen_.size(), Losses(served_.size(), infinity));
  }

  std::vector<Picked> picked() const {
    auto ordered = chosen_;
    std::sort(ordered.begin(), ordered.end());
    std::vector<Picked> list;
    TargetSet left = ~TargetSet{0};
    for (const std::size_t point : ordered) {
      if (const TargetSet runs = served_.points[point] & left; runs != 0)
        list.push_back({point, runs});
      left &= ~served_.points[point];
    }
    return list;
  }

 private:
  /// `losses` of the points of `trial`, to which `more` from `first` on are to come.
  bool extend(std::vector<std::size_t>& trial, std::size_t first, std::size_t more,
              const Losses& losses) {
    for (std::size_t point = first; point < served_.points.size(); ++point) {
      if (--steps_left_ < 0) return false;
      if (between_ && steps_left_ % 65536 == 0) between_();
      // No point from here on helps a target more than the first that serves it.
      Losses at_best = losses;
      for (std::size_t t = 0; t < at_best.size(); ++t)
        at_best[t] = std::min(at_best[t], from_[point][t]);
      if (!worth(at_best).is_more_than(best_)) return true;
      Losses with = losses;
      add(point, with);
      trial.push_back(point);
      if (more > 1) {
        if (!extend(trial, point + 1, more - 1, with)) return false;
      } else if (const Worth now = worth(with); now.is_more_than(best_)) {
        best_ = now;
        chosen_ = trial;
      }
      trial.pop_back();
    }
    return true;
  }

  Losses losses_of(const std::vector<std::size_t>& points) const {
    Losses losses(served_.size(), infinity);
    for (const std::size_t point : points) add(point, losses);
    return losses;
  }
  void add(std::size_t point, Losses& losses) const {
    for (std::size_t t = 0; t < losses.size(); ++t)
      if ((served_.points[point] & target_bit(t)) != 0)
        losses[t] = std::min(losses[t], served_.loss[point]);
  }
  Worth worth(const Losses& losses) const {
    Worth w;
    double own = 0, regrets = 0;
    for (std::size_t t = 0; t < losses.size(); ++t) {
      if (losses[t] == infinity) continue;
      const double regret = losses[t] - served_.own[t];
      w.weight += served_.weight[t];
      own += served_.weight[t] * (served_.own[t] + served_.delta[t]);
      regrets += served_.weight[t] * regret;
      if (worst_) w.worst = std::max(w.worst, regret);
    }
    w.loss = own + regrets;
    return w;
  }
  /// The point that makes the most of these losses, if that is more than `least`; else none.
  std::size_t best_addition(const Losses& losses, Worth least) const {
    std::size_t best = served_.points.size();
    for (std::size_t point = 0; point < served_.points.size(); ++point) {
      Losses with = losses;
      add(point, with);
      const Worth now = worth(with);
      if (!now.is_more_than(least)) continue;
      least = now;
      best = point;
    }
    return best;
  }

  const Served& served_;
  bool worst_;
  std::vector<Losses> from_;  // of all points from this one on
  std::vector<std::size_t> chosen_;
  std::int64_t steps_left_ = 0;
  Between between_;
  Worth best_;
};

double sum_of_largest(std::vector<double> gains, std::size_t count) {
  count = std::min(count, gains.size());
  const auto end = gains.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(gains.begin(), end, gains.end(), std::greater<>());
  double sum = 0;
  for (auto gain = gains.begin(); gain != end; ++gain) sum += *gain;
  return sum;
}

}  // namespace

TargetSet Served::all_of(TargetSet set) const {
  TargetSet all = 0;
  for (std::size_t t = 0; t < size(); ++t)
    if ((set & target_bit(t)) != 0) all |= target_bit(target[t]);
  return all;
}

Served served_targets(const std::vector<SetPoint>& points, const Portfolio& portfolio,
                      const std::vector<double>& own, const std::vector<double>& loss_delta) {
  Served served;
  for (std::size_t t = 0; t < own.size(); ++t) {
    if (own[t] == infinity) continue;
    served.target.push_back(t);
    served.weight.push_back(portfolio.weights[t]);
    served.own.push_back(own[t]);
    served.delta.push_back(loss_delta[t]);
  }
  for (const auto& point : points) {
    TargetSet& set = served.points.emplace_back(0);
    for (std::size_t t = 0; t < served.size(); ++t)
      if ((point.targets & target_bit(served.target[t])) != 0) set |= target_bit(t);
    served.loss.push_back(point.loss);
  }
  return served;
}

std::vector<PickedChoice> grown_choices(const Served& served, const Portfolio& portfolio,
                                        const Between& between) {
  std::vector<PickedChoice> choices(1);
  Growth growth(served, portfolio.objective);
  while (choices.size() <= portfolio.to && growth.add_best()) {
    growth.exchange();
    const bool proven = growth.prove(most_steps, between);
    choices.push_back({growth.picked(), proven});
  }
  return choices;
}

void set_bounds(PortfolioChoice& choice, const Served& served, std::size_t k,
                PortfolioObjective objective) {
  Losses now(served.size(), infinity);
  double all_weight = 0, weight = 0;
  for (std::size_t t = 0; t < served.size(); ++t) {
    all_weight += served.weight[t];
    for (const auto& [point, runs] : choice.architectures)
      if ((runs & target_bit(served.target[t])) != 0) now[t] = point.loss;
    if (now[t] < infinity) weight += served.weight[t];
  }
  std::vector<double> more_weight, less_loss;
  for (std::size_t p = 0; p < served.points.size(); ++p) {
    double gained = 0, saved = 0;
    for (std::size_t t = 0; t < served.size(); ++t) {
      if ((served.points[p] & target_bit(t)) == 0) continue;
      if (now[t] == infinity)
        gained += served.weight[t];
      else
        saved += served.weight[t] * std::max(0.0, now[t] - served.loss[p]);
    }
    more_weight.push_back(gained);
    less_loss.push_back(saved);
  }
  choice.weight_bound =
      choice.weight_served + std::min(all_weight - weight, sum_of_largest(more_weight, k));
  if (weight < all_weight) {
    // Another set of the same weight may be served.
    choice.loss_gap_bound = nan;
    return;
  }
  choice.loss_gap_bound = objective == PortfolioObjective::worst
                              ? choice.worst_regret
                              : std::min(choice.mean_regret, sum_of_largest(less_loss, k) / weight);
}

}  // namespace rooflaw::search
