#include <cmath>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/svg.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/summary.hpp"

namespace rooflaw::app::report {

std::vector<Panel> panels_of(const PageStudy& study, const PageGroup& group) {
  const std::string name = group_name(study, group);
  if (group.targets.size() <= legible_curves) return {{name, group.targets}};
  std::vector<Panel> panels;
  for (const auto& precision : study.precisions) {
    Panel panel{name + ", " + precision, {}};
    for (const auto target : group.targets)
      if (study.targets[target].info.precision == precision) panel.targets.push_back(target);
    if (!panel.targets.empty()) panels.push_back(std::move(panel));
  }
  return panels;
}

std::string architecture_words(const search::Row& r) {
  std::string text = fmt::format("{} x {}", r.layers, r.width);
  text += r.kv_heads > 0 ? fmt::format(", KV heads {} of {}", r.kv_heads, r.heads)
                         : fmt::format(", {} rank {}", to_string(r.attention), r.kv_lora_rank);
  if (r.experts > 1)
    text += fmt::format(", {} experts of {}, top-{}", r.experts, r.expert_ffn, r.top_k);
  else
    text += fmt::format(", FFN {}", r.expert_ffn);
  if (r.shared_ffn > 0) text += fmt::format(" beside a shared one of {}", r.shared_ffn);
  return text;
}

std::string objective_words(model::Objective objective, double value) {
  return std::isfinite(value) ? readable_objective(objective, value) : "unknown";
}

std::string seconds_tick(double value) { return readable_seconds(value); }

namespace {

std::string joules_tick(double value) { return readable_count(value, "J"); }

std::string axis_words(model::Objective objective) {
  switch (objective) {
    case model::Objective::prefill:
      return "time of the prompt (prefill)";
    case model::Objective::tpot:
      return "time per output token (tpot)";
    case model::Objective::total:
      return "time of prompt and answer (total)";
    case model::Objective::energy:
      return "energy of the workload";
    case model::Objective::decode:
    case model::Objective::memory:
      break;
  }
  return std::string(to_string(objective));
}

}  // namespace

Axis objective_axis(model::Objective objective) {
  return {.label = axis_words(objective),
          .log = true,
          .tick = objective == model::Objective::energy ? joules_tick : seconds_tick};
}

namespace {

/// Of the losses, from the lowest: what is further up nobody would build, and it would flatten the
/// rest. As in chart.js.
constexpr double shown_nats = 2;

/// Budgets and limits on what a chart's axis shows.
std::vector<Mark> limits_on(const PageStudy& study, const Panel& panel,
                            model::Objective objective) {
  std::vector<Mark> marks;
  for (const auto& budget : study.budgets)
    if (budget.objective == objective)
      marks.push_back({budget.bound, "budget " + objective_words(objective, budget.bound)});
  for (const auto place : panel.targets) {
    const auto& t = study.targets[place];
    const double bound = t.deployment.limits.of(t.info.objective);
    const bool known =
        std::any_of(marks.begin(), marks.end(), [&](const auto& m) { return m.x == bound; });
    if (std::isfinite(bound) && !known)
      marks.push_back({bound, "limit " + objective_words(t.info.objective, bound)});
  }
  return marks;
}

std::string panel_chart(const PageStudy& study, const Panel& panel, model::Objective objective) {
  Chart chart;
  chart.title = "Lowest loss within a time: " + panel.name;
  chart.x = objective_axis(objective);
  chart.y.label = "loss, nats per token";
  chart.most_y_span = shown_nats;
  chart.marks = limits_on(study, panel, objective);
  for (const auto place : panel.targets) {
    const auto& t = study.targets[place];
    Series s{.name = curve_name(t.info),
             .colour = study.colour_of(t.info),
             .dash = study.dash_of(t.info),
             .kind = Series::Kind::step,
             .points = {}};
    for (const auto& row : t.rows) s.points.emplace_back(row.objective, row.loss);
    chart.series.push_back(std::move(s));
    for (const auto& m : t.models) {
      Series marks{.name = m.id,
                   .colour = study.colour_of(t.info),
                   .kind = m.own ? Series::Kind::squares : Series::Kind::points,
                   .points = {{m.objective, m.loss}},
                   .in_legend = false};
      chart.series.push_back(std::move(marks));
    }
  }
  return svg_chart(chart);
}

std::string panel_table(const PageStudy& study, const Panel& panel) {
  std::vector<Cells> rows;
  for (const auto place : panel.targets) {
    const auto& t = study.targets[place];
    if (t.rungs.empty()) rows.push_back({curve_name(t.info), "nothing meets the limits"});
    for (const auto& [within, r, sensitivity] : t.rungs)
      rows.push_back({curve_name(t.info), objective_words(t.info.objective, r.objective),
                      fmt::format("{:.4f}", r.loss), fmt::format("{:.2f}", r.perplexity),
                      Cell(architecture_words(r), "words"), readable_bytes(r.memory_bytes),
                      r.extrapolated ? "outside" : "inside"});
  }
  return html_table(
      "Four points of each curve: " + panel.name,
      {"curve", "time", "loss", "perplexity", "layers x width, blocks", "memory", "law's range"},
      rows);
}

std::string models_table(const PageStudy& study, const Panel& panel) {
  std::vector<Cells> rows;
  for (const auto place : panel.targets) {
    const auto& t = study.targets[place];
    for (const auto& m : t.models) {
      std::string missed;
      for (const auto objective : m.missed) missed += fmt::format(" {}", to_string(objective));
      rows.push_back({m.id + (m.own ? " (yours)" : ""), curve_name(t.info),
                      objective_words(t.info.objective, m.objective),
                      fmt::format("{:.4f}{}", m.loss, m.extrapolated ? " (law extrapolates)" : ""),
                      std::isnan(m.best_loss) ? "none as fast" : fmt::format("{:.4f}", m.best_loss),
                      std::isnan(m.best_loss)
                          ? ""
                          : fmt::format("{:+.1f} %", 100 * std::expm1(m.best_loss - m.loss)),
                      missed.empty() ? "" : "misses" + missed});
    }
  }
  if (rows.empty()) return "";
  return details(
      fmt::format("Models in that time: {} rows", rows.size()),
      html_table("Models in that time: " + panel.name,
                 {"model", "on", "time", "its loss", "best loss there", "perplexity", "limits"},
                 rows));
}

}  // namespace

std::string frontier_section(const PageStudy& study) {
  std::size_t all = 0, shown = 0;
  for (const auto& t : study.targets) {
    all += t.points;
    shown += t.rows.size();
  }
  std::string html = paragraph(
      "Each curve is what can be built: within a time, the lowest loss of any architecture of the "
      "space. Lower and further left is better. Charts show the lowest 2 nats.");
  html += fmt::format(
      "<p>{}</p>\n",
      shown == all
          ? fmt::format("All {} points are shown.", all)
          : fmt::format("Shown are {} of {} points, chosen so that the curves look the same: both "
                        "ends, the corners of the convex hull, then those farthest from the line "
                        "between their neighbours. What is drawn was found; between drawn points "
                        "a curve may in truth be a little lower.",
                        shown, all));
  html += "<div id=\"explorer\" hidden></div>\n";
  std::string charts;
  bool first = true;
  for (const auto& group : study.groups)
    for (const auto& panel : panels_of(study, group)) {
      charts += details(panel.name,
                        panel_chart(study, panel, group.objective) + panel_table(study, panel) +
                            models_table(study, panel),
                        first);
      first = false;
    }
  html += "<div id=\"static-frontiers\">" + charts + "</div>\n";
  return section("frontiers", "Loss against time", html);
}

}  // namespace rooflaw::app::report
