#pragma once
// Which architectures to build, and who runs which: the best cover of targets by at most k of the
// points of a SetTable.
//
// Up to most_exact_targets that can be served at all it is exact: the best point of any group is
// the first of the table that serves it, and the best partition of any set into j groups follows
// from those into j - 1 (dynamic programming over subsets, 3^n / 2 steps for each j). Beyond that
// points are added one by one, each the best addition, and exchanged for others while that helps.
// All other choices of as many are then looked at, but for those that cannot be better; where that
// takes too many steps a bound says how much better the best may be: the gain of k points over any
// others is at most the sum of the k largest gains of one (submodularity), and no target beats its
// own optimum.
//
// Order: the most weight served; then the objective (portfolio.hpp); then what comes first: fewer
// architectures, better points. With one more architecture no choice is worse.

#include "rooflaw/search/portfolio/portfolio.hpp"

namespace rooflaw::search {

inline constexpr std::size_t most_exact_targets = 16;

/// An architecture of a choice and the targets that run it.
struct Assignment {
  SetPoint point;
  TargetSet runs = 0;  // a part of point.targets
  bool operator==(const Assignment&) const = default;
};

struct PortfolioChoice {
  std::size_t k = 0;
  std::vector<Assignment> architectures;  // at most k, best first
  TargetSet served = 0;
  double weight_served = 0;
  double mean_loss = 0;       // of the served, by weight, with what their precisions add
  double mean_regret = 0;     // the same above each one's own optimum: the price of standardising
  double worst_regret = 0;    // of any served target
  bool certified = false;     // proven to be the best of the table
  double weight_bound = 0;    // no portfolio of k serves more
  double loss_gap_bound = 0;  // of those that serve as much none is better by more, in nats of the
                              // objective; NaN where that is not known
};

/// A choice for each k of the portfolio; `between` is called now and then, and may throw.
/// @param loss_delta  by target, what its precision adds
std::vector<PortfolioChoice> choose(const std::vector<SetPoint>& points, const Portfolio& portfolio,
                                    const std::vector<double>& loss_delta,
                                    const Between& between = {});

/// A choice by what runs where, summed up; `own_loss` by target, without what precisions add.
void sum_up(PortfolioChoice& choice, const Portfolio& portfolio,
            const std::vector<double>& own_loss, const std::vector<double>& loss_delta);

/// By target, the least loss of those that serve it; infinite: none does.
std::vector<double> own_losses(const std::vector<SetPoint>& points, std::size_t targets);

/// What the objective says of a choice, in nats: the mean loss, or the worst regret.
double value_of(PortfolioObjective objective, const PortfolioChoice& choice);

}  // namespace rooflaw::search
