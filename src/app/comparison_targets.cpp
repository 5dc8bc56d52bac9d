#include "comparison_targets.hpp"

#include <cmath>

#include <fmt/format.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

namespace {

std::vector<Worth> worths_of(const io::FrontierRecord& record) {
  constexpr double percent = 10;  // the columns are of 1 %
  const auto at = [](const std::vector<double>& column, std::size_t row) {
    return column.empty() ? nan : percent * column[row];
  };
  std::vector<Worth> worths;
  for (std::size_t r = 0; r < record.rows.size(); ++r)
    worths.push_back(
        {at(record.worth_compute, r), at(record.worth_bandwidth, r), at(record.worth_memory, r)});
  return worths;
}

search::Band band_of(const io::FrontierRecord& record) {
  if (record.latency_low_s.empty() || record.latency_high_s.empty()) return {nan, nan};
  std::vector<double> latencies;
  for (const auto& row : record.rows) latencies.push_back(row.latency_s);
  return search::band_of(latencies, record.latency_low_s, record.latency_high_s);
}

/// What is placed on other devices is computed here and now, what it is compared with was not.
void require_same_model(const format::Hdf5Reader& file, const ComparedStudy& study,
                        const ComparedTarget& target) {
  constexpr double tolerance = 1e-9;  // of a relative difference
  const auto differs = [](double x, double y) {
    return !(std::abs(x - y) <= tolerance * std::abs(y));
  };
  if (target.rows.empty()) return;
  for (const auto* row : {&target.rows.front(), &target.rows.back()}) {
    const auto placed = place(study.laws.at(target.info.law),
                              architecture_of(*row, study.setting.space), target, {});
    if (differs(placed.objective, row->objective) || differs(placed.loss, row->loss))
      throw Error(fmt::format("{}: {}: the result has {} = {:.9g} and loss = {:.9g} for an "
                              "architecture, this program {:.9g} and {:.9g}: it was made by "
                              "another version; search again",
                              file.file(), target.info.id, to_string(target.info.objective),
                              row->objective, row->loss, placed.objective, placed.loss),
                  ExitCode::bad_input);
  }
}

}  // namespace

Placed place(const model::Law& law, const model::Architecture& a, const ComparedTarget& target,
             const search::FrontierPoints& frontier) {
  const auto& s = target.deployment.scenario;
  const auto e = model::evaluate(law, a, s);
  Placed p;
  p.objective = value_of(target.info.objective, e, s);
  p.loss = e.loss;
  p.energy_j = e.energy_j;
  p.extrapolated = e.extrapolated;
  for (const auto& limit : weighted_limits(target.deployment.limits, s))
    if (!(weighted(limit.weights, e.costs()) <= limit.bound)) p.missed.push_back(limit.objective);
  const auto* best = search::best_within(frontier, p.objective);
  p.best_loss = best == nullptr ? nan : best->loss;
  p.regret = e.has_loss ? search::regret(frontier, p.objective, e.loss) : search::Regret{nan, nan};
  return p;
}

ComparedStudy read_study(const format::Hdf5Reader& file) {
  ComparedStudy study{.setting = io::read_setting(file), .laws = {}, .targets = {}};
  for (const auto& info : io::read_targets(file)) {
    if (!study.laws.contains(info.law)) study.laws[info.law] = io::read_kept_law(file, info.law);
    auto record = io::read_frontier(file, info);
    study.has_worths = study.has_worths || !record.worth_bandwidth.empty();
    ComparedTarget target{.info = info,
                          .budget = io::budget_name(study.setting, info),
                          .deployment = io::read_deployment(file, study.setting, info),
                          .loss_uncertainty = io::read_loss_uncertainty(file, info.precision),
                          .rows = {},
                          .worths = worths_of(record),
                          .band = band_of(record)};
    target.rows = std::move(record.rows);
    require_same_model(file, study, target);
    study.targets.push_back(std::move(target));
  }
  return study;
}

}  // namespace rooflaw::app
