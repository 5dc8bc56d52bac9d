#include "rooflaw/app/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "comparison_targets.hpp"
#include "rooflaw/core/numbers.hpp"
#include "rooflaw/format/words.hpp"

namespace rooflaw::app {

using model::Objective;
using search::FrontierPoints;
using search::Row;

namespace {

constexpr std::size_t rungs_of_ladder = 5;

/// Of a device in a group: its targets, one a precision, and their frontiers as one, whose points
/// count the rows of the targets one after the other.
struct Contender {
  std::string device;
  std::vector<const ComparedTarget*> targets;
  FrontierPoints frontier;

  std::pair<const ComparedTarget*, std::size_t> origin(std::int64_t index) const {
    auto row = static_cast<std::size_t>(index);
    for (const auto* target : targets) {
      if (row < target->rows.size()) return {target, row};
      row -= target->rows.size();
    }
    throw Error("a frontier point of no row");
  }
  const ComparedTarget* of_precision(const std::string& id) const {
    const auto found = std::find_if(targets.begin(), targets.end(),
                                    [&](const auto* t) { return t->info.precision == id; });
    return found == targets.end() ? nullptr : *found;
  }
};

FrontierPoints joined(const std::vector<const ComparedTarget*>& targets) {
  if (targets.size() == 1) return search::points_of(targets.front()->rows);
  search::Frontier all;
  std::int64_t before = 0;
  for (const auto* target : targets) {
    for (auto point : search::points_of(target->rows)) {
      point.index += before;
      all.insert(point);
    }
    before += static_cast<std::int64_t>(target->rows.size());
  }
  return all.points();
}

/// What must be alike in targets that are compared, but for the precision.
using Kind = std::tuple<std::string, std::string, Objective, std::string>;
Kind kind_of(const ComparedTarget& t) {
  return {t.info.law, t.info.workload, t.info.objective, t.budget};
}

template <class T, class Of>
std::vector<T> in_order(const std::vector<ComparedTarget>& targets, Of of) {
  std::vector<T> all;
  for (const auto& target : targets)
    if (const T one = of(target); std::find(all.begin(), all.end(), one) == all.end())
      all.push_back(one);
  return all;
}

Choice choice_at(const Contender& contender, const search::FrontierPoint& point) {
  const auto [target, row] = contender.origin(point.index);
  return {target->info.precision, target->rows[row], target->worths[row], {}};
}

/// Half-widths add up: the truth of each may lie on the side of the other.
std::vector<std::string> as_good_as(const Choice& choice, const Contender& contender,
                                    double objective) {
  std::vector<std::string> ids;
  const auto chosen = contender.of_precision(choice.precision)->loss_uncertainty;
  for (const auto* target : contender.targets) {
    if (target->info.precision == choice.precision || !chosen || !target->loss_uncertainty)
      continue;
    const auto points = search::points_of(target->rows);
    const auto* best = search::best_within(points, objective);
    if (best != nullptr && best->loss - choice.row.loss <= *chosen + *target->loss_uncertainty)
      ids.push_back(target->info.precision);
  }
  return ids;
}

class Comparer {
 public:
  Comparer(const format::Hdf5Reader& file, const ComparisonQuestion& question)
      : file_(file), question_(question), study_(read_study(file)), targets_(study_.targets) {
    devices_ = in_order<std::string>(targets_, [](const auto& t) { return t.info.device; });
    require_baseline();
    require_objectives();
    std::stable_partition(devices_.begin(), devices_.end(),
                          [&](const auto& id) { return id == question_.baseline; });
  }

  DeviceComparison run() {
    comparison_.result = file_.file();
    comparison_.baseline = question_.baseline;
    comparison_.has_worths = study_.has_worths;
    const auto precisions =
        in_order<std::string>(targets_, [](const auto& t) { return t.info.precision; });
    for (const auto& kind : in_order<Kind>(targets_, kind_of)) {
      if (precisions.size() > 1) add_group(kind, all_precisions);
      for (const auto& precision : precisions) add_group(kind, precision);
    }
    for (const auto& target : targets_)
      if (target.rows.empty())
        comparison_.faults.push_back(
            fmt::format("target {} has an empty frontier: no architecture of the space meets its "
                        "limits",
                        target.info.id));
    return std::move(comparison_);
  }

 private:
  void require_baseline() const {
    if (std::find(devices_.begin(), devices_.end(), question_.baseline) == devices_.end()) {
      const std::string hint = format::did_you_mean(question_.baseline, devices_);
      throw InputError({{.file = "command line",
                         .key = "--baseline",
                         .value = question_.baseline,
                         .rule = fmt::format("is no device of {}, which has {}", file_.file(),
                                             fmt::join(devices_, ", ")),
                         .hint = hint}});
    }
    if (devices_.size() < 2)
      throw Error(fmt::format("{}: has one device only, {}: there is nothing to compare it with; "
                              "name others in targets.devices, or join results by rooflaw merge",
                              file_.file(), question_.baseline),
                  ExitCode::bad_input);
  }

  void require_objectives() const {
    for (const auto& budget : question_.budgets)
      if (std::none_of(targets_.begin(), targets_.end(), [&](const auto& target) {
            return target.info.objective == budget.objective;
          }))
        throw InputError({{.file = "command line",
                           .key = "--budget",
                           .value = std::string(to_string(budget.objective)),
                           .rule = fmt::format("is no latency of {}", file_.file())}});
  }

  std::vector<Contender> contenders(const Kind& kind, const std::string& precision) const {
    std::vector<Contender> all;
    for (const auto& device : devices_) {
      Contender& c = all.emplace_back(Contender{device, {}, {}});
      for (const auto& t : targets_)
        if (t.info.device == device && kind_of(t) == kind &&
            (precision == all_precisions || t.info.precision == precision))
          c.targets.push_back(&t);
      if (!c.targets.empty()) c.frontier = joined(c.targets);
    }
    return all;
  }

  void add_group(const Kind& kind, const std::string& precision) {
    const auto all = contenders(kind, precision);
    const auto& [law, workload, objective, budget] = kind;
    ComparedGroup group{.law = law,
                        .precision = precision,
                        .workload = workload,
                        .objective = objective,
                        .budget = budget,
                        .devices = {},
                        .rungs = {},
                        .models = {}};
    const auto& baseline = all.front();
    if (baseline.targets.empty()) {
      const bool is_asked =
          std::any_of(all.begin(), all.end(), [](const auto& c) { return !c.targets.empty(); });
      if (is_asked && precision != all_precisions)
        comparison_.faults.push_back(fmt::format(
            "baseline {} has no target of precision {}, workload {}, {}, memory {}: the others' "
            "are not compared",
            question_.baseline, precision, workload, to_string(objective), budget));
      return;
    }
    for (const auto& c : all) group.devices.push_back(describe(c, baseline));
    for (const double rung : rungs_for(objective, baseline.frontier))
      group.rungs.push_back(rung_at(rung, law, all));
    if (precision != all_precisions)
      for (const auto& model : question_.models)
        group.models.push_back({model.id, place_on_all(law, model.architecture, precision, all)});
    comparison_.groups.push_back(std::move(group));
  }

  ComparedDevice describe(const Contender& c, const Contender& baseline) const {
    ComparedDevice d;
    d.device = c.device;
    if (c.targets.empty()) return d;
    std::set<model::Basis> bases;
    for (const auto* t : c.targets) {
      if (!t->rows.empty() || c.frontier.empty()) bases.insert(t->info.efficiency);
      d.precisions.push_back(t->info.precision);
    }
    const auto& first = *c.targets.front();
    d.calibration = bases.size() > 1 ? "mixed" : to_string(first.info.efficiency);
    d.engine = first.info.engine;
    d.confidence = first.info.device_confidence;
    d.memory_budget_bytes = first.info.memory_budget_bytes;
    d.band = band_of_all(c);
    d.points = c.frontier.size();
    if (c.frontier.empty()) return d;
    d.fastest = c.frontier.front().latency_s;
    d.slowest = c.frontier.back().latency_s;
    d.largest_loss = c.frontier.front().loss;
    d.least_loss = c.frontier.back().loss;
    d.ratio = search::ratio_at_equal_loss(c.frontier, baseline.frontier);
    if (d.ratio && &c != &baseline)
      d.tie = search::tie(d.ratio->mean, d.band, band_of_all(baseline));
    return d;
  }

  /// The widest of its precisions; unknown if one is.
  static search::Band band_of_all(const Contender& c) {
    if (c.frontier.empty()) return {nan, nan};
    search::Band widest{1, 1};
    for (const auto* t : c.targets) {
      if (t->rows.empty()) continue;  // nothing of it is compared
      if (!t->band.known()) return {nan, nan};
      widest = {std::min(widest.low, t->band.low), std::max(widest.high, t->band.high)};
    }
    return widest;
  }

  std::vector<double> rungs_for(Objective objective, const FrontierPoints& baseline) const {
    std::vector<double> asked;
    for (const auto& budget : question_.budgets)
      if (budget.objective == objective) asked.push_back(budget.bound);
    return asked.empty() ? search::ladder(baseline, rungs_of_ladder) : asked;
  }

  Rung rung_at(double objective, const std::string& law, const std::vector<Contender>& all) const {
    Rung rung{.objective = objective, .loss = nan, .best = {}, .pick = {}, .placed = {}};
    if (const auto* best = search::best_within(all.front().frontier, objective))
      rung.loss = best->loss;
    for (const auto& c : all) {
      auto& best = rung.best.emplace_back();
      if (const auto* point = search::best_within(c.frontier, objective)) {
        best = choice_at(c, *point);
        best->as_good = as_good_as(*best, c, objective);
      }
      auto& pick = rung.pick.emplace_back();
      const auto* point =
          std::isnan(rung.loss) ? nullptr : search::fastest_reaching(c.frontier, rung.loss);
      if (point != nullptr) pick = choice_at(c, *point);
      rung.placed.push_back(pick ? place_on_all(law,
                                                architecture_of(pick->row, study_.setting.space),
                                                pick->precision, all)
                                 : std::vector<Placed>{});
    }
    return rung;
  }

  std::vector<Placed> place_on_all(const std::string& law, const model::Architecture& a,
                                   const std::string& precision,
                                   const std::vector<Contender>& all) const {
    std::vector<Placed> placed;
    for (const auto& c : all) {
      const auto* target = c.of_precision(precision);
      placed.push_back(target == nullptr
                           ? Placed{.why_not = "no " + precision, .missed = {}, .regret = {}}
                           : place(study_.laws.at(law), a, *target, c.frontier));
    }
    return placed;
  }

  const format::Hdf5Reader& file_;
  const ComparisonQuestion& question_;
  const ComparedStudy study_;
  const std::vector<ComparedTarget>& targets_;
  std::vector<std::string> devices_;
  DeviceComparison comparison_;
};

}  // namespace

DeviceComparison compare(const format::Hdf5Reader& file, const ComparisonQuestion& question) {
  return Comparer(file, question).run();
}

}  // namespace rooflaw::app
