#pragma once
// What the report page takes from a result: each target with as many points of its frontier as a
// screen needs, and what the model says of them.

#include <map>
#include <string>
#include <vector>

#include "rooflaw/io/result_file.hpp"
#include "rooflaw/io/result_setting.hpp"

namespace rooflaw::app::report {

/// Of the points of all targets together that a page shows; of one between `least` and `most`.
inline constexpr std::size_t points_of_page = 4000, least_points = 24, most_points = 240;

/// Shares of a pass by operator, in thousandths, an entry a point; negative where the operator is
/// bound by compute.
using OperatorShares = std::map<std::string, std::vector<int>>;

/// A model that is no point of the space, on a target.
struct ModelMark {
  std::string id;
  bool own = false;  // of the job's [compare]
  double objective = 0, loss = 0;
  double best_loss = 0;                  // of the frontier within its objective; NaN: none as fast
  std::vector<model::Objective> missed;  // limits of the target
  bool extrapolated = false;
};

/// What a column of the page says of a rung: a point that is the best within an objective.
struct Rung {
  double within = 0;
  search::Row row;
  theory::Sensitivity sensitivity;
};

struct PageTarget {
  search::TargetInfo info;
  std::string budget;  // of memory, by name
  search::Deployment deployment;
  std::size_t points = 0;                        // of its frontier
  std::vector<search::Row> rows;                 // of those shown
  std::vector<theory::Sensitivity> sensitivity;  // of them
  std::vector<model::Intensity> intensity;       // the same
  OperatorShares prefill, decode;  // of the last pass of the prompt, of the first token
  std::vector<ModelMark> models;
  std::vector<Rung> rungs;  // of a ladder over its frontier
  double extrapolated = 0;  // share of its points
  bool certified = false;
  double loss_gap_bound = 0;
  std::optional<std::size_t> in_range;       // points of the frontier within the law's range
  std::optional<double> hypervolume_gain;    // of refinement
  std::optional<double> occurrence;          // median, in the law's resamples
  std::optional<search::Opinions> opinions;  // without their rows
};

/// Of several, what a page opens with: the whole answer.
inline constexpr auto main_objective = model::Objective::total;

/// Targets that one chart may hold: they differ in device and precision only.
struct PageGroup {
  std::string law, workload, budget;
  model::Objective objective{};
  std::vector<std::size_t> targets;
};

struct PageStudy {
  std::string path;
  io::StudyRecord record;
  io::StudySetting setting;
  std::map<std::string, model::Law> laws;
  std::vector<PageTarget> targets;
  std::vector<PageGroup> groups;                 // those of main_objective first
  std::vector<std::string> devices, precisions;  // in the result's order
  std::vector<model::Limit> budgets;             // that were asked for
  std::vector<std::string> not_compared;         // public models, with the reason
  int colour_of(const search::TargetInfo& target) const;
  int dash_of(const search::TargetInfo& target) const;
};

/// Name of a group in words: "total, vla, memory capacity".
std::string group_name(const PageStudy& study, const PageGroup& group);
/// "jetson-agx-orin-64gb int8": what tells a target apart in its group.
std::string curve_name(const search::TargetInfo& target);

/// @throws as io::read_target and io::read_kept. Cost: that of reading the result once
PageStudy read_page_study(const format::Hdf5Reader& file);

}  // namespace rooflaw::app::report
