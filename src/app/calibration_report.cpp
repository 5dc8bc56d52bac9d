#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "calibration.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::app {

namespace {

using model::Phase;
using nlohmann::json;
using Text = std::back_insert_iterator<std::string>;

constexpr double two_sided_90 = 1.645;   // standard deviations of a normal
constexpr double hardly_narrowed = 0.8;  // of the prior's spread: the speeds do not tell it
constexpr double far_off = 0.4;          // log error from which a speed is named
constexpr std::size_t in_detail = 4;     // groups, up to which each is printed whole

const char* word_of(Phase phase) { return phase == Phase::decode ? "decode" : "prefill"; }

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f}", 100 * share);
}
std::string to_two(double x) { return std::isnan(x) ? "-" : fmt::format("{:.2f}", x); }

std::vector<std::string> words_of(const fit::Switches& s) {
  return {s.eager ? "eager" : "flash", s.query_heads ? "query_heads" : "kv_heads",
          s.expanded ? "expanded" : "absorbed", s.fused ? "fused" : "separate"};
}

struct Told {
  const fit::Unknown* unknown;
  double value, low, high;
  bool identified;
};
std::vector<Told> told_by(const fit::Group& group, const fit::GroupResult& r) {
  const auto measured = [&](const fit::Unknown& u) {
    return !by_format(u.kind) ||
           std::any_of(group.speeds.begin(), group.speeds.end(),
                       [&](const fit::Speed& s) { return s.precision.id == u.format; });
  };
  std::vector<Told> all;
  for (std::size_t i = 0; i < r.prior.unknowns.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    const double half = two_sided_90 * r.spreads.fitted[at];
    all.push_back({&r.prior.unknowns[i], std::exp(r.fit.values[at]),
                   std::exp(r.fit.values[at] - half), std::exp(r.fit.values[at] + half),
                   measured(r.prior.unknowns[i]) &&
                       r.spreads.fitted[at] < hardly_narrowed * r.spreads.prior[at]});
  }
  return all;
}

const fit::Errors& on_unseen(const fit::GroupResult& r) {
  return r.left_out.empty() ? r.unseen : r.left_out;
}

/// Share of errors within a band.
double coverage(const fit::Errors& errors, const model::Band& band) {
  std::size_t inside = 0;
  for (const double e : errors)
    inside += std::exp(-e) >= band.low && std::exp(-e) <= band.high ? 1 : 0;
  return static_cast<double>(inside) / static_cast<double>(errors.size());
}

struct Overall {
  std::size_t groups = 0;
  double median = 0, p90 = 0;  // of the left-out errors of groups that stand alone
  double unseen_median = 0;    // of |error| of rows, each chip left out
  std::size_t unseen_rows = 0;
  double left_out_covered = 0, unseen_covered = 0;  // by the bands
};
Overall overall(const std::vector<Calibrated>& all, const Bands& bands, Phase phase) {
  Overall o;
  std::vector<double> groups, rows;
  double left_in = 0, left_count = 0, unseen_in = 0;
  for (const auto& c : all) {
    const auto left = fit::of_phase(*c.group, c.result.left_out, phase);
    const auto unseen = fit::of_phase(*c.group, c.result.unseen, phase);
    if (!left.empty() && fit::stands_alone(*c.group)) groups.push_back(fit::mean_error(left));
    const auto n = static_cast<double>(left.size());
    if (!left.empty()) left_in += n * coverage(left, bands.of(*c.group, c.result, phase));
    left_count += n;
    if (!c.group->full_power || unseen.empty()) continue;
    for (const double e : unseen) rows.push_back(std::abs(std::expm1(e)));
    unseen_in +=
        static_cast<double>(unseen.size()) * coverage(unseen, bands.unseen(c.group->family, phase));
  }
  o.groups = groups.size();
  o.median = quantile(groups, 0.5);
  o.p90 = quantile(groups, 0.9);
  o.unseen_rows = rows.size();
  o.unseen_median = quantile(rows, 0.5);
  o.left_out_covered = left_in / left_count;
  o.unseen_covered = unseen_in / static_cast<double>(rows.size());
  return o;
}

void write_details(Text out, const Calibrated& c, const Bands& bands) {
  const auto* group = c.group;
  const auto& r = c.result;
  std::set<std::string> formats;
  for (const auto& s : group->speeds) formats.insert(s.precision.id);
  fmt::format_to(out, "\n{}: {} speeds of {}\n", group->id, group->speeds.size(),
                 fmt::join(fit::models_of(*group), ", "));
  if (r.left_out.empty())
    fmt::format_to(out, "  one model only: how wrong it is on others is that of the class\n");
  else if (!fit::stands_alone(*group))
    fmt::format_to(out, "  fewer than three models or six speeds: its band is that of the class\n");
  fmt::format_to(out, "  engine as the speeds show it: {}\n",
                 fmt::join(words_of(r.fit.switches), ", "));
  for (const auto phase : {Phase::decode, Phase::prefill})
    if (!fit::of_phase(*group, r.fitted, phase).empty()) {
      const auto band = bands.of(*group, r, phase);
      fmt::format_to(
          out, "  {}: nine of ten measured times lie within {:.2f} .. {:.2f} of those predicted\n",
          word_of(phase), band.low, band.high);
    }
  for (const auto& t : told_by(*group, r)) {
    if (by_format(t.unknown->kind) && !formats.contains(t.unknown->format)) continue;
    const bool seconds =
        !by_format(t.unknown->kind) && t.unknown->kind >= fit::Kind::layer_overhead;
    const auto text = [&](double x) {
      return seconds ? readable_seconds(x) : fmt::format("{:.3f}", x);
    };
    fmt::format_to(out, "  {:<28} {:>9}  [{}, {}]{}\n",
                   fmt::format("{} {}", to_string(t.unknown->kind), t.unknown->format),
                   text(t.value), text(t.low), text(t.high),
                   t.identified ? "" : "  not told by the speeds: that of its class");
  }
  for (std::size_t i = 0; i < group->speeds.size(); ++i)
    if (std::abs(r.fitted[i]) > far_off)
      fmt::format_to(out, "  outlier: {} {} {} {} is {:+.0f} % off\n", group->speeds[i].place,
                     group->speeds[i].model, group->speeds[i].precision.id,
                     word_of(group->speeds[i].phase), 100 * std::expm1(r.fitted[i]));
}

void write_line(Text out, const Calibrated& c) {
  const auto* group = c.group;
  const auto& r = c.result;
  const auto& left = on_unseen(r);  // of a single model, by its class alone
  const auto worst = std::max_element(left.begin(), left.end(),
                                      [](double a, double b) { return std::abs(a) < std::abs(b); });
  const auto& speed = group->speeds[static_cast<std::size_t>(worst - left.begin())];
  const auto error = [&](const fit::Errors& errors, Phase phase) {
    return percent(fit::mean_error(fit::of_phase(*group, errors, phase)));
  };
  fmt::format_to(out, "{:<52}{:>5}{:>4}{:>8}{:>8}{:>6}{:>8}{:>8}{:>6}  {} {} {:+.0f} %\n",
                 group->id, group->speeds.size(), fit::models_of(*group).size(),
                 error(r.fitted, Phase::decode), error(r.left_out, Phase::decode),
                 to_two(fit::spearman(*group, left, Phase::decode)),
                 error(r.fitted, Phase::prefill), error(r.left_out, Phase::prefill),
                 to_two(fit::spearman(*group, left, Phase::prefill)), speed.model,
                 word_of(speed.phase), 100 * std::expm1(*worst));
}

json band_json(const model::Band& band) { return {band.low, band.high}; }

/// Null for what is not a number.

}  // namespace

std::string calibration_report(const Grouping& grouping, const std::vector<Calibrated>& written,
                               const std::vector<Calibrated>& all, const Bands& bands) {
  std::string text;
  const auto out = std::back_inserter(text);
  std::size_t used = 0;
  for (const auto& g : grouping.groups) used += g.speeds.size();
  fmt::format_to(out, "{} speeds, {} used in {} groups, {} left out for a doubt\n", grouping.rows,
                 used, grouping.groups.size(), grouping.doubtful);
  for (const auto& [reason, rows] : grouping.left_out)
    fmt::format_to(out, "  left out: {} x {}\n", rows, reason);
  fmt::format_to(
      out, "\n{:<52}{:>5}{:>4}{:>22}{:>22}\n{:<52}{:>5}{:>4}{:>8}{:>8}{:>6}{:>8}{:>8}{:>6}  {}\n",
      "", "", "", "decode, % error", "prefill, % error", "device.engine.power mode", "n", "m",
      "fitted", "unseen", "rank", "fitted", "unseen", "rank", "worst of the unseen");
  for (const auto& c : written) write_line(out, c);
  if (written.size() <= in_detail)
    for (const auto& c : written) write_details(out, c, bands);
  fmt::format_to(out,
                 "\nn speeds, m models; unseen: each model left out in turn (the worst of a single "
                 "model: by its class alone); rank: Spearman's, of speeds.\n");
  for (const auto phase : {Phase::decode, Phase::prefill}) {
    const Overall o = overall(all, bands, phase);
    fmt::format_to(out,
                   "{}: unseen models, {} groups of three models and six speeds: median {} %, 90 % "
                   "of them within {} %;\n  unseen chips, {} speeds: median {} %; bands cover {} % "
                   "and {} % of them\n",
                   word_of(phase), o.groups, percent(o.median), percent(o.p90), o.unseen_rows,
                   percent(o.unseen_median), percent(o.left_out_covered),
                   percent(o.unseen_covered));
  }
  return text;
}

std::string calibration_json(const Grouping& grouping, const std::vector<Calibrated>& written,
                             const std::vector<Calibrated>& all, const Bands& bands) {
  json groups = json::array();
  for (const auto& [group, r] : written) {
    json g = {{"id", group->id},
              {"device", group->device.id},
              {"engine", group->engine},
              {"speeds", group->speeds.size()},
              {"models", fit::models_of(*group)},
              {"switches", words_of(r.fit.switches)}};
    for (const auto phase : {Phase::decode, Phase::prefill}) {
      const auto fitted = fit::of_phase(*group, r.fitted, phase);
      if (fitted.empty()) {
        g[word_of(phase)] = nullptr;
        continue;
      }
      g[word_of(phase)] = {
          {"error", fit::mean_error(fitted)},
          {"left_out_error", fit::mean_error(fit::of_phase(*group, r.left_out, phase))},
          {"unseen_chip_error", fit::mean_error(fit::of_phase(*group, r.unseen, phase))},
          {"spearman", fit::spearman(*group, on_unseen(r), phase)},
          {"band", band_json(bands.of(*group, r, phase))}};
    }
    for (const auto& t : told_by(*group, r))
      g["efficiencies"].push_back({{"kind", to_string(t.unknown->kind)},
                                   {"precision", t.unknown->format},
                                   {"value", t.value},
                                   {"interval", {t.low, t.high}},
                                   {"identified", t.identified}});
    for (std::size_t i = 0; i < group->speeds.size(); ++i) {
      const auto& s = group->speeds[i];
      g["rows"].push_back(
          {{"place", s.place},
           {"model", s.model},
           {"precision", s.precision.id},
           {"phase", word_of(s.phase)},
           {"context", s.context},
           {"tokens", s.tokens},
           {"log_error", r.fitted[i]},
           {"left_out_log_error", r.left_out.empty() ? json() : json(r.left_out[i])},
           {"unseen_chip_log_error", r.unseen[i]}});
    }
    groups.push_back(std::move(g));
  }
  json total;
  for (const auto phase : {Phase::decode, Phase::prefill}) {
    const Overall o = overall(all, bands, phase);
    total[word_of(phase)] = {{"groups", o.groups},
                             {"left_out_median", o.median},
                             {"left_out_p90", o.p90},
                             {"unseen_chip_speeds", o.unseen_rows},
                             {"unseen_chip_median", o.unseen_median},
                             {"left_out_covered", o.left_out_covered},
                             {"unseen_chip_covered", o.unseen_covered}};
  }
  const json j = {{"rows", grouping.rows},
                  {"doubtful", grouping.doubtful},
                  {"left_out", grouping.left_out},
                  {"groups", groups},
                  {"overall", total}};
  return j.dump(2);
}

}  // namespace rooflaw::app
