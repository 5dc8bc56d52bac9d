#include "rooflaw/cluster/portfolio_study.hpp"

#include <fmt/format.h>

#include "phase.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::cluster {

namespace {

std::string phase_of(std::size_t law) { return fmt::format("portfolio_{}", law); }

class PortfolioRun : private Phases<PortfolioFindings> {
 public:
  PortfolioRun(const PortfolioStudy& study, Communicator& ranks, Watch& watch,
               Kept<PortfolioFindings> kept, const StudyHooks& hooks)
      : Phases(ranks, watch, std::move(kept), hooks), study_(study) {}

  PortfolioFindings run() {
    findings_.by_law.resize(study_.question.laws.size());
    for (std::size_t law = 0; law < findings_.by_law.size(); ++law) {
      do_phase(phase_of(law), findings_.by_law[law], [&](Phase& phase) {
        const auto question = of_law(study_.question, law);
        search::SetRun run(question, study_.portfolio.budgets, role_of(phase));
        const search::Serving serving = run_rounds(run, search::no_limit, phase).serving;
        search::SetOutcome found = run.found();
        found.serving = serving;
        return found;
      });
    }
    return std::move(findings_);
  }

 private:
  const PortfolioStudy& study_;
};

}  // namespace

PortfolioFindings run_portfolio(const PortfolioStudy& study, Communicator& ranks, Watch& watch,
                                const Bytes& kept, const StudyHooks& hooks) {
  return PortfolioRun(study, ranks, watch, kept_or_nothing<PortfolioFindings>(kept), hooks).run();
}

void check_kept(const PortfolioStudy& study, const Bytes& bytes) {
  const auto kept = unpacked<Kept<PortfolioFindings>>(bytes);
  const auto& found = kept.findings.by_law;
  search::require_fit(found.empty() || found.size() == study.question.laws.size());
  const auto& budgets = study.portfolio.budgets;
  for (std::size_t law = 0; law < found.size(); ++law) {
    if (!found[law]) continue;
    search::require_sets(*found[law], of_law(study.question, law), budgets);
    search::require_fit(kept.findings.seconds.contains(phase_of(law)));
  }
  if (kept.phase.empty() || kept.of_phase.empty()) return;
  for (std::size_t law = 0; law < study.question.laws.size(); ++law) {
    if (kept.phase != phase_of(law)) continue;
    const auto question = of_law(study.question, law);
    return check_rounds(search::SetRun(question, budgets, {}), kept.of_phase);
  }
  search::require_fit(false);
}

Bytes as_kept(const PortfolioFindings& findings) {
  return packed(Kept<PortfolioFindings>{findings, "", {}});
}

}  // namespace rooflaw::cluster
