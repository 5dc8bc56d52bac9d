#include <cmath>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/comparison.hpp"

namespace rooflaw::app::report {

namespace {

std::string tie_words(search::Tie tie) {
  switch (tie) {
    case search::Tie::yes:
      return "a tie within the bands";
    case search::Tie::no:
      return "a difference";
    case search::Tie::unknown:
      break;
  }
  return "unknown: no band";
}

std::string ratio_words(const ComparedDevice& d) {
  if (!d.ratio) return "no common loss";
  return fmt::format("{:.3g} ({:.3g} to {:.3g})", d.ratio->mean, d.ratio->least, d.ratio->largest);
}

std::string devices_table(const DeviceComparison& c, const ComparedGroup& g,
                          const std::string& name) {
  std::vector<std::string> titles{
      "chip",      "times are", "fastest", "lowest loss", "time at equal loss, of " + c.baseline,
      "against it"};
  for (const auto& rung : g.rungs)
    titles.push_back("loss within " + objective_words(g.objective, rung.objective));
  std::vector<Cells> rows;
  for (std::size_t i = 0; i < g.devices.size(); ++i) {
    const auto& d = g.devices[i];
    if (d.points == 0) {
      rows.push_back(
          {d.device, d.precisions.empty() ? "no such target" : "nothing meets the limits"});
      continue;
    }
    const bool is_baseline = d.device == c.baseline;
    Cells row{d.device,
              d.calibration,
              objective_words(g.objective, d.fastest),
              fmt::format("{:.4f}", d.least_loss),
              is_baseline ? "1" : ratio_words(d),
              is_baseline ? "baseline" : tie_words(d.tie)};
    for (const auto& rung : g.rungs) {
      const auto& best = rung.best[i];
      if (!best) {
        row.emplace_back("none as fast");
        continue;
      }
      row.emplace_back(fmt::format("{:.4f}{}{}", best->row.loss, best->row.extrapolated ? " *" : "",
                                   g.precision == all_precisions ? " " + best->precision : ""));
    }
    rows.push_back(std::move(row));
  }
  return html_table("Chips side by side: " + name, titles, rows);
}

/// What each chip would build at the middle rung, and how much slower that runs on the others than
/// need be.
std::string trap_table(const ComparedGroup& g, const std::string& name) {
  if (g.rungs.empty()) return "";
  const auto& rung = g.rungs[g.rungs.size() / 2];
  if (std::isnan(rung.loss)) return "";
  std::vector<std::string> titles{"best of"};
  titles.emplace_back("layers x width, blocks");
  for (const auto& d : g.devices) titles.push_back("on " + d.device);
  std::vector<Cells> rows;
  for (std::size_t i = 0; i < g.devices.size(); ++i) {
    const auto& pick = rung.pick[i];
    if (!pick) continue;
    Cells row{g.devices[i].device, Cell(architecture_words(pick->row), "words")};
    for (const auto& placed : rung.placed[i])
      row.emplace_back(!placed.why_not.empty()  ? placed.why_not
                       : !placed.missed.empty() ? "misses a limit"
                       : std::isnan(placed.regret.ratio)
                           ? "none as good"
                           : fmt::format("{:.3g}", placed.regret.ratio));
    rows.push_back(std::move(row));
  }
  return html_table(
      fmt::format("Time of each chip's pick for a loss of {:.4f} on the others, of what "
                  "the best there takes: {}",
                  rung.loss, name),
      titles, rows);
}

}  // namespace

std::string comparison_section(const DeviceComparison* c) {
  if (c == nullptr)
    return section("chips", "Chips side by side",
                   paragraph("The result has one chip only, so there is nothing to compare."));
  std::string html = paragraph(
      "Ratios are times at equal loss, the mean over the losses that both reach: above 1 is "
      "slower. A tie is a difference within the bands of either's times. * marks a loss where the "
      "law extrapolates; the worth of 10 % more stands below. The chips follow the baseline, " +
      c->baseline + "; rooflaw report --baseline names another.");
  bool opened = false;
  const bool several_laws = std::any_of(c->groups.begin(), c->groups.end(), [&](const auto& g) {
    return g.law != c->groups.front().law;
  });
  for (const auto& g : c->groups) {
    const std::string precision =
        g.precision == all_precisions ? "the best of all precisions" : g.precision;
    const std::string name =
        fmt::format("{}, {}, workload {}, memory {}{}", precision, to_string(g.objective),
                    g.workload, g.budget, several_laws ? ", law " + g.law : "");
    const bool open = !opened && (g.objective == main_objective || &g == &c->groups.back());
    html += details(name, devices_table(*c, g, name) + trap_table(g, name), open);
    opened = opened || open;
  }
  if (!c->faults.empty()) {
    html += "<ul>";
    for (const auto& fault : c->faults) html += "<li>" + escaped(fault) + "</li>";
    html += "</ul>\n";
  }
  return section("chips", "Chips side by side", html);
}

}  // namespace rooflaw::app::report
