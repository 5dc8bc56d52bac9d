// How architectures change along the frontiers, and what more of a chip would be worth.

#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/svg.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::app::report {

namespace {

struct Quantity {
  const char* name;
  bool log;
  double (*of)(const search::Row&);
};

constexpr Quantity quantities[] = {
    {"layers", false, [](const search::Row& r) { return static_cast<double>(r.layers); }},
    {"width", false, [](const search::Row& r) { return static_cast<double>(r.width); }},
    {"experts", true, [](const search::Row& r) { return static_cast<double>(r.experts); }},
    {"activated FFN ratio", true, [](const search::Row& r) { return r.ffn_ratio; }},
    {"KV heads", true, [](const search::Row& r) { return static_cast<double>(r.kv_heads); }},
};

/// In steps of equal ratio of time: sizes jump between shapes that are about as good.
std::vector<std::pair<double, double>> medians(const std::vector<search::Row>& rows,
                                               double (*of)(const search::Row&)) {
  constexpr double steps = 24;
  std::map<int, std::pair<std::vector<double>, std::vector<double>>> by_step;
  for (const auto& row : rows) {
    const double extent = std::log(rows.back().objective / rows.front().objective);
    const double along = extent > 0 ? std::log(row.objective / rows.front().objective) / extent : 0;
    auto& [times, sizes] = by_step[static_cast<int>(steps * along)];
    times.push_back(row.objective);
    sizes.push_back(of(row));
  }
  std::vector<std::pair<double, double>> points;
  for (const auto& [step, both] : by_step)
    points.emplace_back(quantile(both.first, 0.5), quantile(both.second, 0.5));
  return points;
}

std::string panel_charts(const PageStudy& study, const Panel& panel, model::Objective objective) {
  std::string html = "<div class=\"grid\">";
  std::vector<Series> legend;
  for (const auto& quantity : quantities) {
    Chart chart{.title = fmt::format("{}: {}", quantity.name, panel.name),
                .x = objective_axis(objective),
                .y = {.label = quantity.name, .log = quantity.log},
                .series = {},
                .marks = {},
                .width = 480,
                .height = 280,
                .legend = false};
    legend.clear();
    for (const auto place : panel.targets) {
      const auto& t = study.targets[place];
      Series s{.name = curve_name(t.info),
               .colour = study.colour_of(t.info),
               .dash = study.dash_of(t.info),
               .kind = Series::Kind::line,
               .points = {}};
      legend.push_back(s);
      s.points = medians(t.rows, quantity.of);
      chart.series.push_back(std::move(s));
    }
    html += svg_chart(chart);
  }
  return html + "</div>\n" + svg_legend(legend);
}

std::string worth_words(double worth) {
  return std::isfinite(worth) ? fmt::format("{:.4f}", worth) : "unknown";
}

std::string worth_table(const PageStudy& study, const PageGroup& group) {
  constexpr double percent = 10;  // the columns are of 1 %
  double most = 0;
  for (const auto place : group.targets)
    for (const auto& rung : study.targets[place].rungs)
      for (const double worth : {rung.sensitivity.worth_compute, rung.sensitivity.worth_bandwidth,
                                 rung.sensitivity.worth_memory})
        if (std::isfinite(worth)) most = std::max(most, percent * worth);
  std::vector<Cells> rows;
  for (const auto place : group.targets) {
    const auto& t = study.targets[place];
    for (const auto& [within, row, s] : t.rungs) {
      Cells cells{curve_name(t.info), objective_words(t.info.objective, row.objective)};
      for (const double worth : {s.worth_compute, s.worth_bandwidth, s.worth_memory})
        cells.emplace_back(worth_words(percent * worth), "",
                           most > 0 ? svg_bar(percent * worth / most) : "");
      rows.push_back(std::move(cells));
    }
  }
  if (rows.empty()) return "";
  return html_table("Nats that 10 % more is worth: " + group_name(study, group),
                    {"chip", "at", "compute", "bandwidth", "memory"}, rows);
}

}  // namespace

std::string shape_section(const PageStudy& study) {
  std::string html = paragraph(
      "What the best architecture looks like as it may take longer. Lines are medians in "
      "steps of time, since sizes jump between shapes that are about as good. In a model of one "
      "expert the FFN is dense.");
  for (const auto& group : study.groups)
    for (const auto& panel : panels_of(study, group))
      html += details(panel.name, panel_charts(study, panel, group.objective));
  return section("shapes", "How the architecture changes", html);
}

std::string worth_section(const PageStudy& study) {
  std::string html = paragraph(
      "By how much the loss falls, to first order, if the chip had 10 % more of one thing and the "
      "time stayed the same. Memory is worth something only where it binds.");
  bool first = true;
  for (const auto& group : study.groups) {
    html += details(group_name(study, group), worth_table(study, group), first);
    first = false;
  }
  return section("worths", "What more of a chip is worth", html);
}

}  // namespace rooflaw::app::report
