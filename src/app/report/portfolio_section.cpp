// Few architectures for many targets: what `rooflaw portfolio` found.

#include <cmath>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/search/portfolio/result.hpp"

namespace rooflaw::app::report {

namespace {

using search::LawPortfolio;
using search::PortfolioResult;

std::string nats(double x) { return std::isfinite(x) ? fmt::format("{:.4f}", x) : "none"; }

std::string choices_table(const LawPortfolio& law) {
  std::vector<Cells> rows;
  for (const auto& c : law.choices) {
    const std::string proof = c.certified ? "proven"
                              : std::isfinite(c.loss_gap_bound)
                                  ? fmt::format("within {:.2g} nats", c.loss_gap_bound)
                                  : "not proven";
    rows.push_back({fmt::format("{}", c.k), fmt::format("{}", c.architectures),
                    fmt::format("{} of {}", c.targets_served, law.targets.size()),
                    nats(c.mean_loss), nats(c.price), nats(c.worst_regret), proof});
  }
  return html_table("Portfolios by size, law " + law.law,
                    {"at most", "architectures", "targets served", "mean loss",
                     "price of standardising, nats", "worst regret, nats", "is it the best"},
                    rows);
}

/// One portfolio: its architectures, and which target runs which.
std::string portfolio_of(const PortfolioResult& result, const LawPortfolio& law, std::int64_t k) {
  std::vector<Cells> architectures, served;
  for (const auto& a : law.architectures)
    if (a.k == k)
      architectures.push_back({fmt::format("{}", a.number + 1),
                               Cell(architecture_words(a.row), "words"), nats(a.loss),
                               readable_count(a.row.params_total), fmt::format("{}", a.targets),
                               a.row.extrapolated ? "extrapolates" : "in its range"});
  for (const auto& run : law.runs) {
    if (run.k != k) continue;
    const auto t = static_cast<std::size_t>(run.target);
    const auto objective = result.targets[t].objective;
    served.push_back({law.targets[t].id, fmt::format("{}", run.number + 1), nats(run.row.loss),
                      nats(law.targets[t].own_loss), nats(run.regret),
                      objective_words(objective, run.row.objective),
                      objective_words(objective, law.targets[t].budget),
                      readable_bytes(run.row.memory_bytes)});
  }
  const std::string name = fmt::format("At most {}, law {}", k, law.law);
  return details(
      name, html_table("Architectures: " + name,
                       {"number", "layers x width, blocks", "loss", "parameters", "targets", "law"},
                       architectures) +
                html_table("What runs where: " + name,
                           {"target", "runs", "loss", "its own best", "regret, nats", "takes",
                            "budget", "memory"},
                           served));
}

std::string infeasible(const PortfolioResult& result, const LawPortfolio& law) {
  std::string html;
  for (std::size_t t = 0; t < law.targets.size(); ++t) {
    const auto& target = law.targets[t];
    const auto objective = result.targets[t].objective;
    if (!target.feasible)
      html += fmt::format("<li>{}: nothing meets its budget of {}; {}</li>\n", escaped(target.id),
                          escaped(objective_words(objective, target.budget)),
                          std::isfinite(target.least_budget)
                              ? "the least that would do is " +
                                    escaped(objective_words(objective, target.least_budget))
                              : "no budget would do, for its other limits");
  }
  return html.empty() ? "" : "<ul>\n" + html + "</ul>\n";
}

std::string robust_table(const PortfolioResult& result) {
  std::vector<Cells> rows;
  for (const auto& r : result.robust)
    rows.push_back({fmt::format("{}", r.k), r.law, nats(r.worst_regret)});
  return rows.empty()
             ? ""
             : html_table("If one does not know which law is right (not proven)",
                          {"at most", "take the choice of law", "worst regret, nats"}, rows);
}

}  // namespace

std::string portfolio_section(const PortfolioResult& result) {
  std::string html = paragraph(
      fmt::format("A few architectures for all targets, chosen for \"{}\". What a target loses to "
                  "an architecture of its own is its regret; the mean of that is the price of "
                  "standardising.",
                  to_string(result.objective)));
  for (const auto& law : result.by_law) {
    html += choices_table(law) + infeasible(result, law);
    for (const auto& choice : law.choices) html += portfolio_of(result, law, choice.k);
  }
  return section("portfolio", "A portfolio", html + robust_table(result));
}

}  // namespace rooflaw::app::report
