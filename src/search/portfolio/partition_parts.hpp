#pragma once
// What the two ways to choose a portfolio share; see partition.hpp.

#include "rooflaw/search/portfolio/partition.hpp"

namespace rooflaw::search {

/// The targets that can be served at all, close together.
struct Served {
  std::vector<std::size_t> target;         // of the portfolio
  std::vector<double> weight, own, delta;  // by target here
  std::vector<TargetSet> points;           // what of them each point serves
  std::vector<double> loss;                // of each point
  std::size_t size() const { return target.size(); }
  /// A set of these as one of the portfolio's targets.
  TargetSet all_of(TargetSet set) const;
};
Served served_targets(const std::vector<SetPoint>& points, const Portfolio& portfolio,
                      const std::vector<double>& own, const std::vector<double>& loss_delta);

/// A point by number, and what of the served targets runs it.
struct Picked {
  std::size_t point = 0;
  TargetSet runs = 0;
};

struct PickedChoice {
  std::vector<Picked> architectures;
  bool proven = false;  // the best of as many
};

/// The best value of every set of targets with so many groups; infinite: it cannot be served.
struct CoverLayer {
  std::vector<double> value;
  std::vector<TargetSet> group;  // the one that holds the set's first target; 0: as with one fewer
};

/// By adding and exchanging: by number of architectures, from 0.
std::vector<PickedChoice> grown_choices(const Served& served, const Portfolio& portfolio,
                                        const Between& between);

/// How far a choice of k that was grown can be from the best.
void set_bounds(PortfolioChoice& choice, const Served& served, std::size_t k,
                PortfolioObjective objective);

}  // namespace rooflaw::search
