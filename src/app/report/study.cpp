#include "report/study.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/svg.hpp"
#include "report/thin.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/statistics.hpp"
#include "rooflaw/model/intensity.hpp"
#include "rooflaw/model/latency.hpp"
#include "rooflaw/search/comparison.hpp"

namespace rooflaw::app::report {

namespace {

constexpr std::size_t rungs_of_ladder = 4;

template <class T>
int place_of(const std::vector<T>& all, const T& one) {
  return static_cast<int>(std::find(all.begin(), all.end(), one) - all.begin());
}

template <class T>
void add_new(std::vector<T>& all, const T& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

std::vector<std::size_t> places_for_screen(const std::vector<search::Row>& rows,
                                           std::size_t targets) {
  std::vector<std::pair<double, double>> curve;
  for (const auto& row : rows) curve.emplace_back(std::log(row.objective), row.loss);
  return thinned(curve, std::clamp(points_of_page / targets, least_points, most_points));
}

/// Appends what an architecture spends one pass on.
void add_shares(OperatorShares& shares, std::size_t place, const model::Architecture& a,
                const model::Scenario& s, const model::Pass& pass) {
  std::map<std::string, model::Duration<double>> spent;
  const auto add = [&](std::string_view name, const model::Duration<double>& d, double times) {
    spent[std::string(name)] += {d.seconds * times, d.compute_bound_s * times};
  };
  for_each_group(a, [&](const model::Layers& group) {
    for (const auto& op : layer_operators(group, a.width, s, pass))
      add(to_string(op.kind), operator_time(op, s.rates), static_cast<double>(group.layers));
  });
  if (const auto head = head_operator(a, s))
    add(to_string(head->kind), operator_time(*head, s.rates), 1);
  const auto layers = static_cast<double>(depth(a));
  add("overhead", {s.rates.layer_overhead_s * layers + s.rates.pass_overhead_s, 0.0}, 1);
  double all = 0;
  for (const auto& [name, d] : spent) all += d.seconds;
  for (const auto& [name, d] : spent) {
    auto& column = shares[name];
    column.resize(place + 1);
    const auto share = static_cast<int>(std::lround(all > 0 ? 1000 * d.seconds / all : 0));
    column[place] = 2 * d.compute_bound_s > d.seconds ? -share : share;
  }
  for (auto& [name, column] : shares) column.resize(place + 1);
}

class Reader {
 public:
  explicit Reader(const format::Hdf5Reader& file) : file_(file) {}

  PageStudy run() {
    study_.path = file_.file();
    study_.record = io::read_study(file_);
    study_.setting = io::read_setting(file_);
    const auto infos = io::read_targets(file_);
    for (const auto& info : infos) {
      add_new(study_.devices, info.device);
      add_new(study_.precisions, info.precision);
      if (!study_.laws.contains(info.law))
        study_.laws[info.law] = io::read_kept_law(file_, info.law);
    }
    public_ = io::read_public_models(file_);
    own_ = io::read_compared_models(file_);
    for (const auto& info : infos) add(info, infos.size());
    std::stable_partition(study_.groups.begin(), study_.groups.end(),
                          [](const auto& g) { return g.objective == main_objective; });
    return std::move(study_);
  }

 private:
  void add(const search::TargetInfo& info, std::size_t targets) {
    auto found = io::read_target(file_, info);
    io::require_frontiers(file_, found);
    PageTarget t{.info = info,
                 .budget = io::budget_name(study_.setting, info),
                 .deployment = io::read_deployment(file_, study_.setting, info),
                 .points = found.rows.size(),
                 .rows = {},
                 .sensitivity = {},
                 .intensity = {},
                 .prefill = {},
                 .decode = {},
                 .models = {},
                 .rungs = {},
                 .extrapolated = summarize(found.rows).extrapolated,
                 .certified = found.certified,
                 .loss_gap_bound = found.loss_gap_bound,
                 .in_range = {},
                 .hypervolume_gain = {},
                 .occurrence = {},
                 .opinions = std::move(found.opinions)};
    const auto points = search::points_of(found.rows);
    for (const auto place : places_for_screen(found.rows, targets)) {
      t.rows.push_back(found.rows[place]);
      t.sensitivity.push_back(found.sensitivity[place]);
      describe(t);
    }
    for (const double within : search::ladder(points, rungs_of_ladder)) {
      const auto place = static_cast<std::size_t>(search::best_within(points, within)->index);
      t.rungs.push_back({within, found.rows[place], found.sensitivity[place]});
    }
    if (found.in_range) t.in_range = found.in_range->rows.size();
    if (found.refined) t.hypervolume_gain = found.refined->hypervolume_gain;
    if (found.resamples) t.occurrence = median_occurrence(*found.resamples);
    if (t.opinions)
      for (auto& opinion : t.opinions->by_law) opinion.rows.clear();
    mark(t, points, public_, false);
    mark(t, points, own_, true);
    group_of(t).targets.push_back(study_.targets.size());
    study_.targets.push_back(std::move(t));
  }

  static std::optional<double> median_occurrence(const search::Resamples& resamples) {
    std::vector<double> occurrence;
    for (const auto& row : resamples.rows) occurrence.push_back(row.occurrence);
    if (occurrence.empty()) return std::nullopt;
    return quantile(std::move(occurrence), 0.5);
  }

  /// What the model says of the last row.
  void describe(PageTarget& t) const {
    const auto& s = t.deployment.scenario;
    const auto a = architecture_of(t.rows.back(), study_.setting.space);
    t.intensity.push_back(intensity(a, s, model::evaluate(study_.laws.at(t.info.law), a, s)));
    const std::size_t place = t.rows.size() - 1;
    using model::Phase;
    if (s.workload.input_tokens > 0)
      add_shares(t.prefill, place, a, s,
                 prefill_pass(s.workload, s.engine, model::passes(s, Phase::prefill)));
    if (s.workload.output_tokens > 0)
      add_shares(t.decode, place, a, s, model::decode_pass(s.workload, 1.0));
  }

  void mark(PageTarget& t, const search::FrontierPoints& points,
            const std::vector<io::ModelEntry>& models, bool own) {
    const auto& law = study_.laws.at(t.info.law);
    const auto& s = t.deployment.scenario;
    for (const auto& entry : models) {
      const std::string why = why_not_compared(entry, law);
      const bool shown = why.empty() || (own && entry.not_expressible.empty() &&
                                         model::law_has_opinion(entry.architecture));
      if (!shown) {
        add_new(study_.not_compared, fmt::format("{} ({})", entry.id, why));
        continue;
      }
      const auto e = model::evaluate(law, entry.architecture, s);
      ModelMark m{.id = entry.id,
                  .own = own,
                  .objective = value_of(t.info.objective, e, s),
                  .loss = e.loss,
                  .best_loss = nan,
                  .missed = {},
                  .extrapolated = e.extrapolated};
      for (const auto& limit : weighted_limits(t.deployment.limits, s))
        if (!(weighted(limit.weights, e.costs()) <= limit.bound))
          m.missed.push_back(limit.objective);
      if (const auto* best = search::best_within(points, m.objective)) m.best_loss = best->loss;
      t.models.push_back(std::move(m));
    }
  }

  PageGroup& group_of(const PageTarget& t) {
    for (auto& group : study_.groups)
      if (group.law == t.info.law && group.workload == t.info.workload &&
          group.objective == t.info.objective && group.budget == t.budget)
        return group;
    return study_.groups.emplace_back(PageGroup{.law = t.info.law,
                                                .workload = t.info.workload,
                                                .budget = t.budget,
                                                .objective = t.info.objective,
                                                .targets = {}});
  }

  const format::Hdf5Reader& file_;
  PageStudy study_;
  std::vector<io::ModelEntry> public_, own_;
};

}  // namespace

int PageStudy::colour_of(const search::TargetInfo& target) const {
  return devices.size() > 1 ? place_of(devices, target.device)
                            : place_of(precisions, target.precision);
}

int PageStudy::dash_of(const search::TargetInfo& target) const {
  // Devices whose colours come round differ in their dashes.
  const int round = place_of(devices, target.device) / palette_size;
  return devices.size() > 1 ? place_of(precisions, target.precision) + round : 0;
}

std::string group_name(const PageStudy& study, const PageGroup& group) {
  const std::string law = study.laws.size() > 1 ? fmt::format(", law {}", group.law) : "";
  return fmt::format("{}, workload {}, memory {}{}", to_string(group.objective), group.workload,
                     group.budget, law);
}

std::string curve_name(const search::TargetInfo& target) {
  return target.device + " " + target.precision;
}

PageStudy read_page_study(const format::Hdf5Reader& file) { return Reader(file).run(); }

}  // namespace rooflaw::app::report
