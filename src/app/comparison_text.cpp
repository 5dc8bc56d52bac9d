// A comparison for people.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/comparison.hpp"
#include "rooflaw/app/decision.hpp"
#include "rooflaw/app/summary.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace {

using Lines = std::vector<std::vector<std::string>>;

std::string or_dash(double x, const char* format) {
  return std::isfinite(x) ? fmt::format(fmt::runtime(format), x) : "-";
}

/// Devices are numbered where their names would not fit.
std::string numbered(const ComparedGroup& g, std::size_t d) {
  return fmt::format("{} {}", d + 1, g.devices[d].device);
}

std::string ratio_text(const ComparedDevice& d, bool is_baseline) {
  if (is_baseline) return "baseline";
  if (!d.ratio) return "-";
  const char* mark = d.tie == search::Tie::yes ? " =" : d.tie == search::Tie::unknown ? " ?" : "";
  return fmt::format("{:.3g}{}", d.ratio->mean, mark);
}

std::string best_text(const ComparedGroup& g, const std::optional<Choice>& choice) {
  if (!choice) return "-";
  std::string text = fmt::format("{:.4f}", choice->row.loss);
  if (g.precision != all_precisions) return text;
  text += " " + choice->precision;
  return choice->as_good.empty() ? text : text + "=";
}

std::string devices_table(const DeviceComparison& c, const ComparedGroup& g, std::size_t width) {
  Lines lines{{"device", "times", "ratio", "from .. to"}};
  for (const auto& rung : g.rungs)
    lines[0].push_back(readable_objective(g.objective, rung.objective));
  for (std::size_t d = 0; d < g.devices.size(); ++d) {
    const auto& device = g.devices[d];
    auto& line = lines.emplace_back();
    line = {numbered(g, d), device.precisions.empty() ? "no target" : device.calibration,
            ratio_text(device, device.device == c.baseline),
            device.ratio && device.device != c.baseline
                ? fmt::format("{:.3g} .. {:.3g}", device.ratio->least, device.ratio->largest)
                : "-"};
    for (const auto& rung : g.rungs) line.push_back(best_text(g, rung.best[d]));
  }
  return text_table(lines, width);
}

/// By how much the loss changes with 10 % more: the worth with its sign turned.
std::string change_text(double worth) {
  if (worth == 0.0) return "0";
  return or_dash(-worth, "{:+.4f}");
}

/// What more of each device would be worth at a rung, and what it would build there.
std::string builds_table(const DeviceComparison& c, const ComparedGroup& g, const Rung& rung,
                         std::size_t width) {
  Lines lines{{"device", "energy", "needs", "layers x width"}};
  if (c.has_worths) lines[0].insert(lines[0].begin() + 1, {"bandwidth", "compute", "memory"});
  for (std::size_t d = 0; d < g.devices.size(); ++d) {
    auto& line = lines.emplace_back(std::vector<std::string>{numbered(g, d)});
    const auto& choice = rung.best[d];
    if (!choice) {
      line.resize(lines[0].size(), "-");
      continue;
    }
    const auto& [compute, bandwidth, memory] = choice->worth;
    const auto& r = choice->row;
    if (c.has_worths)
      for (const double worth : {bandwidth, compute, memory}) line.push_back(change_text(worth));
    line.push_back(std::isnan(r.energy_j) ? "-" : readable_count(r.energy_j, "J"));
    line.push_back(readable_bytes(r.memory_bytes));
    line.push_back(architecture_text(r) + (r.extrapolated ? " *" : ""));
  }
  return text_table(lines, width);
}

std::string placed_text(const Placed& p) {
  if (!p.why_not.empty()) return p.why_not;
  if (!p.missed.empty()) return fmt::format("misses {}", to_string(p.missed.front()));
  if (p.regret.nats == 0.0 && p.regret.ratio == 1.0) return "0";
  if (std::isnan(p.regret.nats)) return or_dash(p.regret.ratio, "{:.2f}x");
  return fmt::format("{:+.4f} {}", p.regret.nats, or_dash(p.regret.ratio, "{:.2f}x"));
}

/// Rows: whose best; columns: where it runs.
std::string trap_table(const ComparedGroup& g, const Rung& rung, std::size_t width) {
  Lines lines{{"best of"}};
  for (std::size_t d = 0; d < g.devices.size(); ++d)
    lines[0].push_back(fmt::format("on {}", d + 1));
  for (std::size_t from = 0; from < g.devices.size(); ++from) {
    auto& line = lines.emplace_back(std::vector<std::string>{numbered(g, from)});
    line.resize(lines[0].size(), "-");
    for (std::size_t on = 0; on < rung.placed[from].size(); ++on)
      if (on != from) line[on + 1] = placed_text(rung.placed[from][on]);
  }
  return text_table(lines, width);
}

std::string models_table(const ComparedGroup& g, std::size_t width) {
  Lines lines{{"model", "on", std::string(to_string(g.objective)), "its loss", "best there",
               "regret", "could be", "energy"}};
  for (const auto& m : g.models)
    for (std::size_t d = 0; d < m.on.size(); ++d) {
      const auto& p = m.on[d];
      auto& line = lines.emplace_back(std::vector<std::string>{m.model, fmt::format("{}", d + 1)});
      line.resize(lines[0].size(), "-");
      if (!p.why_not.empty()) {
        line[2] = p.why_not;
        continue;
      }
      line[2] = readable_objective(g.objective, p.objective) +
                (p.missed.empty() ? "" : fmt::format(" misses {}", to_string(p.missed.front())));
      line[3] = or_dash(p.loss, "{:.4f}") + (p.extrapolated ? " *" : "");
      line[4] = or_dash(p.best_loss, "{:.4f}");
      line[5] = or_dash(p.regret.nats, "{:+.4f}");
      line[6] = std::isnan(p.regret.ratio)
                    ? "-"
                    : readable_objective(g.objective, p.objective / p.regret.ratio);
      line[7] = std::isnan(p.energy_j) ? "-" : readable_count(p.energy_j, "J");
    }
  return text_table(lines, width);
}

std::string heading(const ComparedGroup& g, bool several_laws) {
  return fmt::format("\n{}: {}, workload {}, memory {}{}\n",
                     g.precision == all_precisions ? "best of all precisions" : g.precision,
                     to_string(g.objective), g.workload, g.budget,
                     several_laws ? ", law " + g.law : "");
}

std::string group_text(const DeviceComparison& c, const ComparedGroup& g, bool several_laws,
                       std::size_t width) {
  std::string text = heading(g, several_laws);
  const char* spent = g.objective == model::Objective::energy ? "energy" : "time";
  text += wrapped(
      fmt::format("lowest loss within some {0}; ratio: {0} at equal loss over that of {1}:", spent,
                  c.baseline),
      width);
  text += devices_table(c, g, width);
  if (g.rungs.empty()) return text;
  const Rung& rung = g.rungs[g.rungs.size() / 2];
  text += wrapped(
      fmt::format("within {}: {}what to build:", readable_objective(g.objective, rung.objective),
                  c.has_worths ? "how 10 % more bandwidth, compute or memory would "
                                 "change the loss, and "
                               : ""),
      width);
  text += builds_table(c, g, rung, width);
  if (!std::isnan(rung.loss)) {
    text += wrapped(fmt::format("the fastest of each that reaches loss {0:.4f}, on the others: its "
                                "loss above the best there in its {1}, its {1} over that of the "
                                "fastest as good:",
                                rung.loss, spent),
                    width);
    text += trap_table(g, rung, width);
  }
  if (!g.models.empty()) text += models_table(g, width);
  return text;
}

std::string notes(const DeviceComparison& c, std::size_t width) {
  std::set<std::string> ideal, prior, unknown, estimated;
  std::map<std::string, std::set<std::string>> engines;
  bool ties = false, extrapolates = false, as_good = false;
  for (const auto& g : c.groups) {
    for (const auto& d : g.devices) {
      if (d.precisions.empty()) continue;
      if (d.calibration == "ideal") ideal.insert(d.device);
      if (d.calibration == "prior") prior.insert(d.device);
      if (!d.band.known()) unknown.insert(d.device);
      if (!d.engine.empty()) engines[d.engine].insert(d.device);
      if (d.confidence == "estimate") estimated.insert(d.device);
      ties = ties || d.tie == search::Tie::yes;
    }
    for (const auto& rung : g.rungs)
      for (const auto& best : rung.best) {
        extrapolates = extrapolates || (best && best->row.extrapolated);
        as_good = as_good || (best && !best->as_good.empty());
      }
    for (const auto& m : g.models)
      for (const auto& p : m.on) extrapolates = extrapolates || p.extrapolated;
  }
  std::string text = "\n";
  const auto note = [&](const std::string& what) { text += wrapped("note: " + what, width); };
  if (ties) note("= a tie: the difference lies within what the times of either are uncertain by");
  if (!unknown.empty())
    note(fmt::format("? no band of error is known, so a tie can be neither seen nor excluded: {}",
                     fmt::join(unknown, ", ")));
  if (as_good)
    note("= behind a precision: another is as good within what the penalties are uncertain by");
  if (extrapolates) note("* the law extrapolates");
  if (engines.size() > 1)
    for (const auto& [engine, devices] : engines)
      note(fmt::format("efficiencies of engine {}: {}", engine, fmt::join(devices, ", ")));
  if (!prior.empty())
    note(fmt::format("efficiencies are those of chips of the same class, not measured (prior): {}",
                     fmt::join(prior, ", ")));
  if (!ideal.empty())
    note(fmt::format("times are the data-sheet roofline, a lower bound (ideal): {}",
                     fmt::join(ideal, ", ")));
  if (!estimated.empty())
    note(fmt::format("the chip's numbers are estimates: {}", fmt::join(estimated, ", ")));
  if (!c.has_worths)
    note(
        "the result has no worth_ columns in /sensitivity: what more of a chip is worth is "
        "unknown");
  return text;
}

}  // namespace

std::string comparison_text(const DeviceComparison& c, std::size_t width, bool verbose) {
  std::set<std::string> laws;
  bool together = false;  // are there groups of the best of all precisions?
  for (const auto& g : c.groups) {
    laws.insert(g.law);
    together = together || g.precision == all_precisions;
  }
  std::string text;
  for (const auto& g : c.groups)
    if (verbose || !together || g.precision == all_precisions)
      text += group_text(c, g, laws.size() > 1, width);
    else if (!g.models.empty())
      text += heading(g, laws.size() > 1) + models_table(g, width);
  text += notes(c, width);
  if (together && !verbose)
    text += wrapped("note: each precision alone: --verbose, or --csv and --json, which have all",
                    width);
  return text;
}

}  // namespace rooflaw::app
