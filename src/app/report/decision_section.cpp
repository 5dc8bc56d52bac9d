// The answer, first on the page.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/decision.hpp"

namespace rooflaw::app::report {

namespace {

using Decisions = std::vector<Decision>;

std::string budget_words(const Decision& d) {
  return std::isinf(d.budget) ? "any" : objective_words(d.target.objective, d.budget);
}

const char* efficiency_words(const search::TargetInfo& target) {
  switch (target.efficiency) {
    case model::Basis::measured:
      return "measured on the chip";
    case model::Basis::prior:
      return "of chips of its class";
    case model::Basis::ideal:
      break;
  }
  return "of the data sheet, a lower bound";
}

/// "vla: 1024 tokens in, 16 out, batch 1; total within 100 ms", each once.
std::string workload_list(const PageStudy& study) {
  std::vector<std::string> told;
  std::string html;
  for (const auto& target : study.targets) {
    const auto& w = target.deployment.scenario.workload;
    if (std::find(told.begin(), told.end(), w.id) != told.end()) continue;
    told.push_back(w.id);
    std::string words = fmt::format("{}: {} tokens in, {} out, batch {}", w.id, w.input_tokens,
                                    w.output_tokens, w.batch);
    for (const auto& limit : target.deployment.limits.finite())
      if (limit.objective != model::Objective::memory)
        words += fmt::format("; {} within {}", to_string(limit.objective),
                             objective_words(limit.objective, limit.bound));
    html += fmt::format("<li>{}</li>", escaped(words));
  }
  return fmt::format("<ul>{}</ul>\n", html);
}

Cell time_cell(const Decision& d, const search::Row& row) {
  const auto words = [&](double value) { return objective_words(d.target.objective, value); };
  if (!std::isfinite(row.latency_low_s)) return {words(row.objective)};
  const double scale = row.objective / row.latency_s;
  return {words(row.objective), "",
          fmt::format("<br><small>{} to {}</small>", escaped(words(scale * row.latency_low_s)),
                      escaped(words(scale * row.latency_high_s)))};
}

/// @param name  of a row that is not the best; empty: it is
Cells row_of(const Decision& d, const search::Row& r, bool energy, const char* name = "") {
  const bool is_best = *name == '\0';
  Cell target(curve_name(d.target));
  if (is_best) target.html = fmt::format("<br><small>times {}</small>", efficiency_words(d.target));
  if (is_best && !d.as_good.empty())
    target.html += fmt::format("<br><small>a tie with {}</small>",
                               escaped(fmt::format("{}", fmt::join(d.as_good, ", "))));
  Cells cells{
      target,
      is_best ? budget_words(d) : name,
      Cell(architecture_words(r), "words"),
      Cell(fmt::format("{:.4f}{}", r.loss, r.extrapolated ? " *" : ""), is_best ? "best" : ""),
      fmt::format("{:.2f}", r.perplexity),
      time_cell(d, r),
      readable_bytes(r.memory_bytes)};
  if (energy)
    cells.emplace_back(std::isfinite(r.energy_j) ? readable_count(r.energy_j, "J") : "unknown");
  cells.emplace_back(is_best ? binding_words(d) : "");
  return cells;
}

std::string table_of(const Decisions& all, const std::string& caption) {
  const bool energy = std::any_of(all.begin(), all.end(), [](const auto& d) {
    return d.best && std::isfinite(d.best->energy_j);
  });
  std::vector<std::string> titles{"on", "within", "build", "loss", "perplexity", "takes", "memory"};
  if (energy) titles.emplace_back("energy");
  titles.emplace_back("held by");
  std::vector<Cells> rows;
  for (const auto& d : all) {
    if (!d.best) {
      rows.push_back({curve_name(d.target), budget_words(d),
                      std::isnan(d.least_objective)
                          ? "nothing meets the limits"
                          : "least is " + objective_words(d.target.objective, d.least_objective)});
      rows.back().resize(titles.size(), Cell(""));
      continue;
    }
    rows.push_back(row_of(d, *d.best, energy));
    if (d.inside && is_another(*d.best, *d.inside))
      rows.push_back(row_of(d, *d.inside, energy, "in range"));
    if (d.finer && d.best->loss - d.finer->loss >= worth_telling)
      rows.push_back(row_of(d, *d.finer, energy, "finer"));
  }
  return html_table(caption, titles, rows);
}

/// Of the precisions of a chip at a budget the one of least loss.
Decisions best_of_precisions(const Decisions& all) {
  Decisions best;
  for (const auto& d : all) {
    const auto rival = std::find_if(best.begin(), best.end(), [&](const auto& b) {
      return b.target.device == d.target.device && b.budget == d.budget;
    });
    if (rival == best.end())
      best.push_back(d);
    else if (d.best && (!rival->best || d.best->loss < rival->best->loss))
      *rival = d;
  }
  return best;
}

Decisions of_group(const Decisions& all, const PageGroup& group) {
  Decisions some;
  for (const auto& d : all)
    if (d.target.law == group.law && d.target.workload == group.workload &&
        d.target.objective == group.objective && d.memory == group.budget)
      some.push_back(d);
  return some;
}

}  // namespace

std::string decision_section(const PageStudy& study, const std::vector<Decision>& all) {
  std::string html = paragraph(
      "For each chip and budget the architecture of lowest loss, how long it takes and below it "
      "where nine of ten measured times lie. Held by: what keeps the loss from falling further; "
      "\"space\" where the sizes searched end. * marks a loss where the law extrapolates; \"in "
      "range\" is then the best that lies in the range it was fitted on. Finer: an architecture "
      "between the sizes searched, not proven the best. A tie: other precisions of the chip are as "
      "good, for what is known of their penalties.");
  html += workload_list(study);
  // What is like the first is as much asked for: the other applications of a study.
  const PageGroup* first = nullptr;
  for (const auto& group : study.groups) {
    const auto some = of_group(all, group);
    if (some.empty()) continue;
    const std::string name = group_name(study, group);
    const auto best = best_of_precisions(some);
    std::string tables = table_of(best, "What to build: " + name);
    if (best.size() < some.size())
      tables += details("By precision: " + name, table_of(some, "By precision: " + name));
    if (first == nullptr) first = &group;
    const bool open = group.objective == first->objective && group.law == first->law;
    html += open ? tables : details(name, tables);
  }
  html += paragraph(decision_trust(all));
  return section("decision", "What to build", html);
}

}  // namespace rooflaw::app::report
