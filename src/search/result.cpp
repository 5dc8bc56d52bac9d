#include "rooflaw/search/result.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::search {

namespace {

model::Architecture architecture_of(const Question& question, const Target& target, Index index) {
  const auto architecture = architecture_at(question.space, digits_of(question.space, index));
  if (!architecture)
    throw Error(fmt::format("point {} on the frontier of {} is no architecture", index, target.id));
  return *architecture;
}

Row row_from(const Question& question, const Target& target, Index index,
             const model::Architecture& architecture, const model::Evaluation& e) {
  const auto& scenario = question.deployments[target.deployment].scenario;
  // Of a target for energy the latency is that of the whole workload.
  const auto latency =
      target.objective == model::Objective::energy ? model::Objective::total : target.objective;
  return row_of({architecture, e, value_of(target.objective, e, scenario),
                 value_of(latency, e, scenario), time_band(latency, e, scenario),
                 loss_band(law_of(question, target), e, scenario.precision),
                 question.space.continuous ? -1 : index});
}

/// Takes every point as architecture, evaluation and row.
template <class Take>
void evaluate_points(const Question& question, const Target& target,
                     std::span<const FrontierPoint> points, Take take) {
  const auto& scenario = question.deployments[target.deployment].scenario;
  for (const auto& point : points) {
    const auto architecture = architecture_of(question, target, point.index);
    const auto e = model::evaluate(law_of(question, target), architecture, scenario);
    const double value = value_of(target.objective, e, scenario);
    if (value != point.latency_s || e.loss != point.loss)
      throw Error(fmt::format(
          "point {} of {}: the search has latency {:.17g} and loss {:.17g}, the model {:.17g} and "
          "{:.17g}",
          point.index, target.id, point.latency_s, point.loss, value, e.loss));
    take(architecture, e, row_from(question, target, point.index, architecture, e));
  }
}

}  // namespace

Row row_at(const Question& question, const Target& target, Index index) {
  const auto architecture = architecture_of(question, target, index);
  const auto& scenario = question.deployments[target.deployment].scenario;
  return row_from(question, target, index, architecture,
                  model::evaluate(law_of(question, target), architecture, scenario));
}

std::vector<Row> rows_of(const Question& question, const Target& target,
                         std::span<const FrontierPoint> frontier) {
  std::vector<Row> rows;
  rows.reserve(frontier.size());
  evaluate_points(question, target, frontier,
                  [&](const auto&, const auto&, const Row& row) { rows.push_back(row); });
  return rows;
}

TargetInfo info_of(const Question& question, const Target& target) {
  const auto& deployment = question.deployments[target.deployment];
  const auto& s = deployment.scenario;
  return {.id = target.id,
          .law = law_of(question, target).id,
          .device = s.device.id,
          .precision = s.precision.id,
          .workload = s.workload.id,
          .objective = target.objective,
          .objective_unit = std::string(entry(target.objective).unit),
          .memory_budget_bytes = deployment.limits.of(model::Objective::memory),
          .calibrated = basis_of(target.objective, s) == model::Basis::measured,
          .efficiency = basis_of(target.objective, s),
          .engine = basis_of(target.objective, s) == model::Basis::ideal ? "" : s.device.engine,
          .attention_type = s.attention_type,
          .device_confidence = s.device.confidence};
}

const FrontierPoints* in_range_points(const Findings& findings, const Question& question,
                                      std::size_t number) {
  const Target& target = question.targets[number];
  const auto of_law = findings.in_range.find(target.law);
  if (of_law == findings.in_range.end()) return nullptr;
  std::size_t place = 0;
  for (std::size_t t = 0; t < number; ++t) place += question.targets[t].law == target.law ? 1 : 0;
  return &of_law->second.at(place);
}

namespace {

std::optional<InRange> in_range_of(const FrontierPoints* points) {
  if (points == nullptr) return std::nullopt;
  InRange r{.rows = {}, .reference = default_reference(*points)};
  if (!points->empty())
    r.hypervolume = hypervolume(*points, r.reference.latency_s, r.reference.loss);
  return r;
}

/// At most `count` from `first` on.
template <class Entry>
std::span<const Entry> run_of(std::span<const Entry> all, std::size_t first, std::size_t count) {
  first = std::min(first, all.size());
  return all.subspan(first, std::min(count, all.size() - first));
}
template <class Entry>
std::vector<Entry> some_of(std::span<const Entry> all, std::size_t first, std::size_t count) {
  const auto run = run_of(all, first, count);
  return {run.begin(), run.end()};
}

/// The uncertainty of the precision's penalty, which the resamples know nothing of, is added in
/// squares. `rows` are those from `first` on.
Resamples resamples_of(const ResampleBand& band, const std::vector<Row>& rows, std::size_t first,
                       const model::Precision& precision) {
  const double uncertainty = precision.loss_delta_uncertainty.value_or(0.0);
  const auto together = [&](double x) { return std::sqrt(x * x + uncertainty * uncertainty); };
  Resamples r{.rows = {}, .count = static_cast<std::int64_t>(band.resamples)};
  for (std::size_t i = first; const auto& row : rows) {
    // A resample may agree on one side of the loss only.
    const double below = std::max(row.loss - band.low[i], 0.0),
                 above = std::max(band.high[i] - row.loss, 0.0);
    const bool known = !std::isnan(band.low[i]);
    r.rows.push_back({.objective = row.objective,
                      .loss_low = known ? row.loss - together(below) : band.low[i],
                      .loss_high = known ? row.loss + together(above) : band.high[i],
                      .occurrence = band.stays[i]});
    ++i;
  }
  return r;
}

}  // namespace

Description::Description(const Findings& findings, const Question& question, const Question& fine,
                         const Method& method, std::size_t number,
                         const std::vector<model::Law>& others)
    : question_(question),
      target_(question.targets[number]),
      points_(findings.search->frontiers[number]),
      theory_((*findings.theory)[number]) {
  const auto& points = findings.search->frontiers[number];
  TargetResult& r = beside_;
  r.target = info_of(question, target_);
  r.reference = default_reference(points);
  if (!points.empty()) r.hypervolume = hypervolume(points, r.reference.latency_s, r.reference.loss);
  if (findings.refined) {
    const auto& found = findings.refined->improvements[number];
    refined_ = {rows_of(fine, target_, found), hypervolume_gain(points, found)};
  }
  const FrontierPoints* in_range = in_range_points(findings, question, number);
  if (in_range != nullptr) in_range_ = *in_range;
  r.in_range = in_range_of(in_range);
  r.loss_gap_bound = std::numeric_limits<double>::quiet_NaN();
  if (const auto gap = proven_gap(method); gap && findings.search->complete) {
    r.loss_gap_bound = *gap;
  } else if (findings.whole) {
    const auto& truth = (*findings.whole)[number];
    r.loss_gap_bound = largest_loss_gap(points, truth);
    r.hypervolume_share = hypervolume_share(points, truth);
  }
  r.certified = r.loss_gap_bound == 0.0;
  if (findings.resamples && (*findings.resamples)[number].resamples > 0)
    band_ = &(*findings.resamples)[number];
  if (target_.law == 0 && !points.empty() && question.laws.size() + others.size() > 1)
    r.opinions = opinions_on(question, findings.search->frontiers, number, others);
  if (r.opinions)
    for (auto& opinion : r.opinions->by_law)
      opinion_rows_.push_back(std::exchange(opinion.rows, {}));
}

TargetResult Description::part(std::size_t first, std::size_t count) const {
  TargetResult r = beside_;
  if (first == 0) r.refined = refined_;
  r.theory = some_of(theory_, first, count);
  const auto points = run_of(points_, first, count);
  r.rows.reserve(points.size());
  r.sensitivity.reserve(points.size());
  const auto& scenario = question_.deployments[target_.deployment].scenario;
  if (target_.law == 0) r.intensity.emplace().reserve(points.size());
  evaluate_points(question_, target_, points, [&](const auto& a, const auto& e, const Row& row) {
    r.rows.push_back(row);
    r.sensitivity.push_back(sensitivity_at(question_, target_, a));
    if (r.intensity) r.intensity->push_back(intensity(a, scenario, e));
  });
  if (r.in_range) r.in_range->rows = rows_of(question_, target_, run_of(in_range_, first, count));
  if (band_ != nullptr) r.resamples = resamples_of(*band_, r.rows, first, scenario.precision);
  for (std::size_t law = 0; law < opinion_rows_.size(); ++law)
    r.opinions->by_law[law].rows =
        some_of(std::span(std::as_const(opinion_rows_[law])), first, count);
  return r;
}

}  // namespace rooflaw::search
