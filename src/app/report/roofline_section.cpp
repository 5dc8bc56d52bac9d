// The roof of each chip, what the frontier's architectures attain under it, and what was measured.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/html.hpp"
#include "report/measured.hpp"
#include "report/sections.hpp"
#include "report/svg.hpp"
#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app::report {

namespace {

constexpr double least_intensity = 0.25, largest_intensity = 8192;

std::string flops_tick(double value) { return readable_count(value); }

Series roof_of(const PageStudy& study, const PageTarget& t, std::string name, double compute,
               double bandwidth, int dash) {
  const auto& s = t.deployment.scenario;
  const double peak = compute * s.device.peak_flops.at(s.precision.matmul);
  const double slope = bandwidth * s.device.bandwidth_bytes_per_s;
  const double ridge = std::clamp(peak / slope, least_intensity, largest_intensity);
  return {.name = std::move(name),
          .colour = study.colour_of(t.info),
          .dash = dash,
          .points = {{least_intensity, std::min(peak, slope * least_intensity)},
                     {ridge, std::min(peak, slope * ridge)},
                     {largest_intensity, std::min(peak, slope * largest_intensity)}}};
}

/// Some of a target's points, both phases.
void add_points(const PageStudy& study, const PageTarget& t, std::vector<Series>& all) {
  constexpr std::size_t some = 12;
  const std::size_t step = std::max<std::size_t>(1, t.intensity.size() / some);
  const int colour = study.colour_of(t.info);
  Series prefill{.name = curve_name(t.info) + " prompt",
                 .colour = colour,
                 .kind = Series::Kind::squares,
                 .points = {},
                 .in_legend = false};
  Series decode{.name = curve_name(t.info) + " tokens",
                .colour = colour,
                .kind = Series::Kind::points,
                .points = {},
                .in_legend = false};
  for (std::size_t i = 0; i < t.intensity.size(); i += step) {
    const auto& [ridge, p, d] = t.intensity[i];
    prefill.points.emplace_back(p.intensity, p.attained_flops);
    decode.points.emplace_back(d.intensity, d.attained_flops);
  }
  all.push_back(std::move(prefill));
  all.push_back(std::move(decode));
}

std::string chart_of(const PageStudy& study, const std::vector<const PageTarget*>& targets,
                     const std::string& name) {
  Chart chart{.title = "Roofline: " + name,
              .x = {.label = "operational intensity, FLOP/B", .log = true},
              .y = {.label = "attained, FLOP/s", .log = true, .tick = flops_tick},
              .series = {},
              .marks = {}};
  for (const auto* t : targets) {
    const auto e = t->deployment.scenario.device.efficiency(t->info.precision);
    chart.series.push_back(roof_of(study, *t, curve_name(t->info) + ", data sheet", 1, 1, 1));
    chart.series.back().in_legend = false;
    chart.series.push_back(roof_of(study, *t, curve_name(t->info), e.compute, e.bandwidth, 0));
    add_points(study, *t, chart.series);
  }
  return svg_chart(chart);
}

std::string table_of(const std::vector<const PageTarget*>& targets, const std::string& name) {
  std::vector<Cells> rows;
  for (const auto* t : targets) {
    const auto& s = t->deployment.scenario;
    const auto e = s.device.efficiency(t->info.precision);
    const double peak = s.device.peak_flops.at(s.precision.matmul);
    const auto range = [&](auto of) {
      double low = INFINITY, high = 0;
      for (const auto& i : t->intensity) {
        low = std::min(low, of(i));
        high = std::max(high, of(i));
      }
      return high > 0 ? fmt::format("{:.3g} to {:.3g}", low, high) : std::string("none");
    };
    rows.push_back({curve_name(t->info), readable_count(peak, "FLOP/s"),
                    fmt::format("{:.0f} %", 100 * e.compute),
                    readable_count(s.device.bandwidth_bytes_per_s, "B/s"),
                    fmt::format("{:.0f} %", 100 * e.bandwidth),
                    fmt::format("{:.3g}", peak / s.device.bandwidth_bytes_per_s),
                    range([](const model::Intensity& i) { return i.prefill.intensity; }),
                    range([](const model::Intensity& i) { return i.decode.intensity; })});
  }
  return html_table("Roofs: " + name,
                    {"chip", "peak", "reached", "bandwidth", "reached", "ridge, FLOP/B",
                     "intensity of the prompt", "of the tokens"},
                    rows);
}

std::string measured_part(const PageStudy& study) {
  std::string why_none;
  const auto points = measured_on(study, why_none);
  if (points.empty()) return paragraph("Measured: none. " + why_none + ".");
  Chart chart{.title = "Measured (dots) beside predicted (squares)",
              .x = {.label = "operational intensity of the test, FLOP/B", .log = true},
              .y = {.label = "attained, FLOP/s", .log = true, .tick = flops_tick},
              .series = {},
              .marks = {}};
  std::vector<Cells> rows;
  for (const auto& device : study.devices) {
    const auto target = std::find_if(study.targets.begin(), study.targets.end(),
                                     [&](const auto& t) { return t.info.device == device; });
    const int colour = study.colour_of(target->info);
    Series measured{.name = device + ", measured",
                    .colour = colour,
                    .kind = Series::Kind::points,
                    .points = {}};
    Series predicted{.name = device + ", predicted",
                     .colour = colour,
                     .kind = Series::Kind::squares,
                     .points = {}};
    for (const auto& m : points) {
      if (m.device != device) continue;
      if (m.fitted) {
        measured.points.emplace_back(m.intensity, m.attained_flops);
        predicted.points.emplace_back(m.intensity, m.predicted_flops);
      }
      const bool known = std::isfinite(m.predicted);
      rows.push_back(
          {m.device, m.engine, m.model, m.precision,
           m.phase == model::Phase::prefill ? "prompt" : "tokens",
           fmt::format("{:.4g}", m.tokens_per_second),
           known ? fmt::format("{:.4g}", m.predicted) : "format not calibrated",
           known ? fmt::format("{:+.0f} %", 100 * (m.predicted / m.tokens_per_second - 1)) : ""});
    }
    if (measured.points.empty()) continue;
    chart.series.push_back(std::move(predicted));
    chart.series.push_back(std::move(measured));
  }
  std::string html = paragraph(
      "Speeds of inputs/measured.csv on these chips, and what the model says of the same test at "
      "the efficiencies of this result. The chart has those under the engine that the "
      "efficiencies are of, at full power and in formats that they know; the table has the others, "
      "too.");
  html += svg_chart(chart);
  return html + details(fmt::format("All {} measured speeds of these chips", rows.size()),
                        html_table("Tokens per second, measured and predicted",
                                   {"chip", "engine", "model", "precision", "phase", "measured",
                                    "predicted", "predicted against measured"},
                                   rows));
}

}  // namespace

std::string roofline_section(const PageStudy& study) {
  std::string html = paragraph(
      "Under the roof: the share of the peak that an operational intensity allows. Dashed is the "
      "data sheet, solid what is reached of it. Squares are prompts, dots are tokens of the "
      "frontier's architectures.");
  bool first = true;
  std::vector<std::pair<std::string, std::string>> seen;
  for (const auto& group : study.groups)
    for (const auto& precision : study.precisions) {
      // Objectives and budgets share the roofs.
      const std::pair<std::string, std::string> kind{group.workload, precision};
      if (std::find(seen.begin(), seen.end(), kind) != seen.end()) continue;
      std::vector<const PageTarget*> targets;
      for (const auto place : group.targets)
        if (study.targets[place].info.precision == precision)
          targets.push_back(&study.targets[place]);
      if (targets.empty()) continue;
      seen.push_back(kind);
      const std::string name = fmt::format("{}, workload {}", precision, group.workload);
      html += details(name, chart_of(study, targets, name) + table_of(targets, name), first);
      first = false;
    }
  return section("roofline", "The roofline", html + measured_part(study));
}

}  // namespace rooflaw::app::report
