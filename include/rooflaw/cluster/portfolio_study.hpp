#pragma once
// A portfolio over all ranks: law by law the search for what serves which targets. What is chosen
// of that (search/portfolio/partition.hpp) takes a moment, and rank 0 alone.

#include "rooflaw/cluster/study.hpp"
#include "rooflaw/search/portfolio/portfolio.hpp"

namespace rooflaw::cluster {

/// What is to be done.
struct PortfolioStudy {
  const search::Question& question;
  const search::Portfolio& portfolio;
};

/// As far as it is.
struct PortfolioFindings {
  std::vector<std::optional<search::SetOutcome>> by_law;
  std::map<std::string, double> seconds;  // by phase, earlier runs included
};
template <class Archive>
void fields(Archive& a, PortfolioFindings& x) {
  a(x.by_law, x.seconds);
}

/// As run_study, check_kept and as_kept.
PortfolioFindings run_portfolio(const PortfolioStudy& study, Communicator& ranks, Watch& watch,
                                const Bytes& kept, const StudyHooks& hooks);
void check_kept(const PortfolioStudy& study, const Bytes& kept);
Bytes as_kept(const PortfolioFindings& findings);

}  // namespace rooflaw::cluster
