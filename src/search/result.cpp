#include "rooflaw/search/result.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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

std::optional<InRange> in_range_of(const Findings& findings, const Question& question,
                                   std::size_t number) {
  const auto* found = in_range_points(findings, question, number);
  if (found == nullptr) return std::nullopt;
  const auto& points = *found;
  InRange r{.rows = rows_of(question, question.targets[number], points),
            .reference = default_reference(points)};
  if (!points.empty()) r.hypervolume = hypervolume(points, r.reference.latency_s, r.reference.loss);
  return r;
}

/// The uncertainty of the precision's penalty, which the resamples know nothing of, is added in
/// squares.
Resamples resamples_of(const ResampleBand& band, const std::vector<Row>& rows,
                       const model::Precision& precision) {
  const double uncertainty = precision.loss_delta_uncertainty.value_or(0.0);
  const auto together = [&](double x) { return std::sqrt(x * x + uncertainty * uncertainty); };
  Resamples r{.rows = {}, .count = static_cast<std::int64_t>(band.resamples)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double loss = rows[i].loss;
    // A resample may agree on one side of the loss only.
    const double below = std::max(loss - band.low[i], 0.0),
                 above = std::max(band.high[i] - loss, 0.0);
    const bool known = !std::isnan(band.low[i]);
    r.rows.push_back({.objective = rows[i].objective,
                      .loss_low = known ? loss - together(below) : band.low[i],
                      .loss_high = known ? loss + together(above) : band.high[i],
                      .occurrence = band.stays[i]});
  }
  return r;
}

}  // namespace

TargetResult describe(const Findings& findings, const Question& question, const Question& fine,
                      const Method& method, std::size_t number,
                      const std::vector<model::Law>& others) {
  const auto& target = question.targets[number];
  const auto& points = findings.search->frontiers[number];
  TargetResult r;
  r.target = info_of(question, target);
  r.rows.reserve(points.size());
  r.sensitivity.reserve(points.size());
  const auto& scenario = question.deployments[target.deployment].scenario;
  if (target.law == 0) r.intensity.emplace();
  evaluate_points(question, target, points, [&](const auto& a, const auto& e, const Row& row) {
    r.rows.push_back(row);
    r.sensitivity.push_back(sensitivity_at(question, target, a));
    if (r.intensity) r.intensity->push_back(intensity(a, scenario, e));
  });
  r.theory = (*findings.theory)[number];
  r.reference = default_reference(points);
  if (!points.empty()) r.hypervolume = hypervolume(points, r.reference.latency_s, r.reference.loss);
  if (findings.refined) {
    const auto& found = findings.refined->improvements[number];
    r.refined = {rows_of(fine, target, found), hypervolume_gain(points, found)};
  }
  r.in_range = in_range_of(findings, question, number);
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
    r.resamples = resamples_of((*findings.resamples)[number], r.rows, scenario.precision);
  if (target.law == 0 && !points.empty() && question.laws.size() + others.size() > 1)
    r.opinions = opinions_on(question, findings.search->frontiers, number, others);
  return r;
}

}  // namespace rooflaw::search
