#pragma once
// Devices side by side, from one result: what `rooflaw compare` prints, as values.
//
// A group is what may be compared: the targets of one law, precision, workload, objective and
// memory budget, one of each device. Where there are several precisions, a further group takes the
// best of them at every point: its frontiers are those of all precisions joined.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "rooflaw/io/result_setting.hpp"
#include "rooflaw/search/comparison.hpp"

namespace rooflaw::app {

/// The precision of a group of the best of all; no id looks like it.
inline constexpr const char* all_precisions = "*";

/// What 10 % more is worth at a frontier point, nats, to first order; NaN where the result does not
/// say.
struct Worth {
  double compute = 0, bandwidth = 0, memory = 0;
};

/// A point of a device's frontier in a group.
struct Choice {
  std::string precision;
  search::Row row;
  Worth worth;
  // In a group of all: precisions whose best here differs by less than both penalties are
  // uncertain.
  std::vector<std::string> as_good;
};

/// An architecture on a device, against the device's own frontier.
struct Placed {
  std::string why_not;  // why it cannot be there; then the rest means nothing
  double objective = 0, loss = 0;
  double energy_j = 0;                   // NaN: unknown
  bool extrapolated = false;             // the law, there as everywhere
  std::vector<model::Objective> missed;  // limits of the target
  double best_loss = 0;                  // of the frontier within `objective`; NaN: none as fast
  search::Regret regret;
};

/// What holds at one objective of the ladder.
struct Rung {
  double objective = 0;                     // of the rung
  double loss = 0;                          // the baseline's there; NaN if it is not as fast
  std::vector<std::optional<Choice>> best;  // by device, within `objective`
  std::vector<std::optional<Choice>> pick;  // by device, its fastest that reaches `loss`
  std::vector<std::vector<Placed>> placed;  // the pick of [device] on [device]; empty: no pick
};

struct ComparedDevice {
  std::string device;
  std::string engine;       // that its efficiencies were measured with; empty: unknown or none
  std::string calibration;  // measured, prior, ideal; mixed among the precisions of a group of all
  std::string confidence;   // of the device's numbers
  std::vector<std::string> precisions;  // its targets'; empty: it has none in this group
  double memory_budget_bytes = 0;
  std::size_t points = 0;
  double fastest = 0, slowest = 0, least_loss = 0, largest_loss = 0;  // of `points` > 0
  search::Band band;                                                  // of one precision
  std::optional<search::RatioAtEqualLoss> ratio;                      // to the baseline
  search::Tie tie = search::Tie::unknown;                             // with the baseline
};

struct ComparedModel {
  std::string model;
  std::vector<Placed> on;  // by device; nothing of it in a group of all
};

struct ComparedGroup {
  std::string law, precision, workload;
  model::Objective objective{};
  std::string budget;
  std::vector<ComparedDevice> devices;  // the baseline first, then as in the result
  std::vector<Rung> rungs;
  std::vector<ComparedModel> models;
};

struct DeviceComparison {
  std::string result, baseline;
  bool has_worths = false;  // in the result
  std::vector<ComparedGroup> groups;
  std::vector<std::string> faults;  // what could not be compared
};

/// What is asked of a result.
struct ComparisonQuestion {
  std::string baseline;
  std::vector<io::ModelEntry> models;
  /// Objectives to compare at, in the place of the ladder's five.
  std::vector<model::Limit> budgets;
};

/// @throws Error (exit 2) if the result has not the baseline, no other device, no target of a
///         budget's objective, or if its numbers are not those of this program's model; as
///         read_kept
DeviceComparison compare(const format::Hdf5Reader& file, const ComparisonQuestion& question);

nlohmann::json comparison_json(const DeviceComparison& c);
/// One table: a row a device, rung, placed pick and placed model, told apart by `kind`.
std::string comparison_csv(const DeviceComparison& c);
/// Tables of at most `width` columns where names allow it. Where there are several precisions, of
/// each alone only the models, unless `verbose`.
std::string comparison_text(const DeviceComparison& c, std::size_t width, bool verbose);

}  // namespace rooflaw::app
