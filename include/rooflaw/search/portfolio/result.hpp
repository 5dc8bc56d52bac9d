#pragma once
// What a portfolio is, with all that a reader needs: it is written, read back and printed in this
// form.
//
// Several laws each choose their own portfolio of k. Levels of laws fitted on other data do not
// compare, but regrets do: the regret of a portfolio under a law is what its value (partition.hpp)
// there lacks of that of the law's own portfolio of k, every target running what it runs. The
// robust choice is the one whose worst regret over the laws is least. Its candidates are the laws'
// own optima alone, so nothing is proven of it: an architecture that no law likes best may be
// better.

#include "rooflaw/search/portfolio/partition.hpp"
#include "rooflaw/search/result.hpp"

namespace rooflaw::search {

/// A target as a portfolio has it.
struct PortfolioTarget {
  std::string id{};
  double weight = 0, budget = 0;  // in the unit of its objective
  bool feasible = false;          // by any architecture of the space
  double own_loss = 0;            // the least within its budget; NaN: none
  Index own_index = -1;
  double least_budget = 0;  // the lowest that would do; infinite: its other limits let none through
  double least_memory_bytes = 0;  // of any architecture
};

/// An architecture of a choice.
struct PortfolioArchitecture {
  std::int64_t k = 0, number = 0;  // of the choice; from 0 in it
  std::int64_t targets = 0;        // that run it
  double weight = 0;               // of these
  double loss = 0;                 // of the law, without what precisions add
  Row row{};  // what of it is not a target's: params, shape, index, extrapolated
};

/// What a target runs in a choice.
struct PortfolioRun {
  std::int64_t k = 0, number = 0;  // as above
  std::int64_t target = 0;         // of /targets, from 0
  double regret = 0;               // nats above its own optimum
  Row row{};
};

/// A choice, without what runs where.
struct PortfolioSummary {
  std::int64_t k = 0;
  std::int64_t architectures = 0, targets_served = 0;
  double weight_served = 0, weight_bound = 0;
  double mean_loss = 0, price = 0, worst_regret = 0;  // price: the mean regret
  bool certified = false;
  double loss_gap_bound = 0;
};

struct LawPortfolio {
  std::string law{};
  std::vector<PortfolioTarget> targets{};
  std::vector<PortfolioSummary> choices{};
  std::vector<PortfolioArchitecture> architectures{};
  std::vector<PortfolioRun> runs{};
};

/// What the choice of `law` is worth under another.
struct LawRegret {
  std::int64_t k = 0;
  std::string law{}, under{};
  double regret = 0;
};
struct RobustChoice {
  std::int64_t k = 0;
  std::string law{};  // whose choice it is
  double worst_regret = 0;
};

struct PortfolioResult {
  PortfolioObjective objective{};
  std::vector<TargetInfo> targets{};
  std::vector<LawPortfolio> by_law{};
  std::vector<LawRegret> regrets{};    // with several laws
  std::vector<RobustChoice> robust{};  // with several laws
};

/// @param outcomes  by law. Cost: that of choose(), and some microseconds a row. @throws Error, as
/// rows_of
PortfolioResult describe(const Question& question, const Portfolio& portfolio,
                         const std::vector<SetOutcome>& outcomes, const Between& between = {});

}  // namespace rooflaw::search
