#include <cmath>

#include <fmt/format.h>

#include "advise.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/search/analysis.hpp"

namespace rooflaw::app::report {

namespace {

struct Held {
  const char* words;
  const char* css;
};

/// What most of the objective's time goes to.
Held held_by(double compute, double bandwidth) {
  const double overhead = 1 - compute - bandwidth;
  if (compute >= bandwidth && compute >= overhead) return {"compute", "compute"};
  if (bandwidth >= overhead) return {"bandwidth", "bandwidth"};
  return {"overhead", "overhead"};
}

/// By the phases' own times, weighed as the objective weighs them.
Held held_by(model::Objective objective, const model::PhaseResult& prefill,
             const model::PhaseResult& decode) {
  double p = prefill.seconds, d = decode.seconds;
  if (objective == model::Objective::prefill) d = 0;
  if (objective == model::Objective::tpot) p = 0;
  const double all = p + d;
  if (!(all > 0)) return {"", ""};
  return held_by((p * prefill.compute_share + d * decode.compute_share) / all,
                 (p * prefill.bandwidth_share + d * decode.bandwidth_share) / all);
}

Held held_by(model::Objective objective, const search::Row& r) {
  return held_by(objective, {r.prefill_s, r.prefill_compute_share, r.prefill_bandwidth_share},
                 {r.decode_s, r.decode_compute_share, r.decode_bandwidth_share});
}

std::string times(double multiple) { return fmt::format("x {:g}", multiple); }

/// The map of `rooflaw advise --regimes`, within the space's sizes and at a time of the frontier.
std::string map_of(const PageStudy& study, const PageTarget& t, const Rung& rung) {
  Question q{.law = study.laws.at(t.info.law),
             .scenario = t.deployment.scenario,
             .limits = t.deployment.limits,
             .of_workload = {},
             .box = search::bounding_box(study.setting.space),
             .target_loss = {}};
  q.limits.tighten([&] {
    model::Limits time;
    time.set(t.info.objective, rung.within);
    return time;
  }());
  RegimeMap map;
  try {
    const theory::BuildingLattice lattice(
        q.box, {.head_dim = study.setting.space.head_dim,
                .ffn_multiple_of = std::max<std::int64_t>(study.setting.space.ffn_multiple_of, 64),
                .vocab = study.setting.space.vocab,
                .tied = study.setting.space.tied,
                .within = {}});
    map = regime_map(lattice, q);
  } catch (const DomainError&) {
    return "";  // the space has nothing that can be built in steps of a head
  }
  std::vector<std::string> titles{"compute \\ bandwidth"};
  for (const double multiple : RegimeMap::multiples) titles.push_back(times(multiple));
  std::vector<Cells> rows;
  for (std::size_t c = 0; c < map.cells.size(); ++c) {
    Cells row{times(RegimeMap::multiples[c])};
    for (const auto& cell : map.cells[c]) {
      if (!cell.built) {
        row.emplace_back("nothing fits");
        continue;
      }
      const auto& e = cell.built->evaluation;
      const auto held = held_by(t.info.objective, e.prefill, e.decode);
      std::string limits;
      for (const auto name : cell.binding) limits += fmt::format(" {}", name);
      row.emplace_back(fmt::format("{:.3f}, {}", e.loss, held.words), held.css,
                       limits.empty() ? "" : "<br><small>held by" + escaped(limits) + "</small>");
    }
    rows.push_back(std::move(row));
  }
  return html_table(fmt::format("{}, {} within {}: lowest loss, and what most of its time goes to",
                                curve_name(t.info), to_string(t.info.objective),
                                objective_words(t.info.objective, rung.within)),
                    titles, rows);
}

/// Where the chips themselves stand.
std::string chips_table(const PageStudy& study, const PageGroup& group) {
  std::vector<Cells> rows;
  for (const auto place : group.targets) {
    const auto& t = study.targets[place];
    if (t.rungs.empty()) continue;
    const auto& s = t.deployment.scenario;
    const double peak = s.device.peak_flops.at(s.precision.matmul);
    Cells row{curve_name(t.info), readable_count(peak, "FLOP/s"),
              readable_count(s.device.bandwidth_bytes_per_s, "B/s"),
              fmt::format("{:.3g}", peak / s.device.bandwidth_bytes_per_s)};
    for (const auto& rung : t.rungs) {
      const auto held = held_by(t.info.objective, rung.row);
      row.emplace_back(fmt::format("{} at {}", held.words,
                                   objective_words(t.info.objective, rung.row.objective)),
                       held.css);
    }
    while (row.size() < 8) row.emplace_back("");
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "";
  return html_table("What most of the time goes to, from fast to slow: " + group_name(study, group),
                    {"chip", "compute", "bandwidth", "ridge, FLOP/B", "fastest", "a third on",
                     "two thirds", "slowest"},
                    rows);
}

}  // namespace

std::string regimes_section(const PageStudy& study, const std::string& baseline) {
  std::string html = paragraph(
      "A chip with other multiples of compute and bandwidth, asked the same question again: the "
      "lowest loss of any architecture in the box of the space's sizes, proven, and what most of "
      "its time goes to. Where a neighbour to the right is much better, bandwidth is what to buy; "
      "where one below is, compute.");
  constexpr std::size_t most_maps = 3;  // each takes some tenths of a second
  std::size_t maps = 0;
  const auto& group = study.groups.front();
  for (const auto place : group.targets) {
    const auto& t = study.targets[place];
    if (t.info.device != baseline || t.rungs.empty() || maps == most_maps) continue;
    html += map_of(study, t, t.rungs[t.rungs.size() / 2]);
    ++maps;
  }
  for (const auto& each : study.groups)
    html += details("The chips: " + group_name(study, each), chips_table(study, each));
  return section("regimes", "What binds where", html);
}

}  // namespace rooflaw::app::report
