#pragma once
// What the files of the command `calibrate` share.

#include <map>
#include <string>
#include <vector>

#include "rooflaw/fit/leave_out.hpp"
#include "rooflaw/io/measurements.hpp"

namespace rooflaw::app {

/// Measured speeds as groups to fit, in the order of their ids.
struct Grouping {
  std::vector<fit::Group> groups;
  std::size_t rows = 0, doubtful = 0;
  std::map<std::string, std::size_t> left_out;  // rows by reason
};
/// Rows with a doubt are left out. Builds of one engine that are years apart are engines of their
/// own, and so are numbers of threads that differ.
Grouping groups_of(const io::Measurements& measurements);

/// Of a group that was examined, and what it is for.
struct Calibrated {
  const fit::Group* group = nullptr;
  fit::GroupResult result;
};

/// Bands by class, of errors on what was left out.
struct Bands {
  /// Of a calibrated device, and of one that only its class tells of.
  model::Band of(const fit::Group& group, const fit::GroupResult& result, model::Phase phase) const;
  model::Band unseen(const fit::Family& family, model::Phase phase) const;

  struct Pool {
    fit::Errors all;
    std::map<std::string, fit::Errors> by_class;
  };
  std::map<model::Phase, Pool> left_out, prior;
};
Bands bands_of(const std::vector<Calibrated>& all);

/// The first line of such a file.
inline constexpr std::string_view tables_begin =
    "# Chips with the efficiencies that `rooflaw calibrate` fitted to measured speeds.";

/// The [[device]] tables as TOML. With `all_chips` also an entry under the id of each chip: its
/// best measured engine, or what its class tells.
std::string device_tables(const std::vector<Calibrated>& written, const Bands& bands,
                          const std::vector<model::Precision>& precisions,
                          const std::vector<model::Device>& all_chips,
                          const std::vector<fit::Evidence>& evidence);

std::string calibration_report(const Grouping& grouping, const std::vector<Calibrated>& written,
                               const std::vector<Calibrated>& all, const Bands& bands);
std::string calibration_json(const Grouping& grouping, const std::vector<Calibrated>& written,
                             const std::vector<Calibrated>& all, const Bands& bands);

}  // namespace rooflaw::app
