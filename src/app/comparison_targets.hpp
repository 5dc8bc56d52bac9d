#pragma once
// What a comparison reads from a result.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/app/comparison.hpp"

namespace rooflaw::app {

/// A target, all that is compared of it.
struct ComparedTarget {
  search::TargetInfo info;
  std::string budget;
  search::Deployment deployment;
  std::optional<double> loss_uncertainty;  // half-width, of the precision's penalty
  std::vector<search::Row> rows;
  std::vector<Worth> worths;  // an entry a row
  search::Band band;
};

struct ComparedStudy {
  io::StudySetting setting;
  std::map<std::string, model::Law> laws;
  std::vector<ComparedTarget> targets;
  bool has_worths = false;
};

/// @throws Error (exit 2) if its numbers are not those of this program's model; as io::read_kept
/// and
///         io::read_frontier
ComparedStudy read_study(const format::Hdf5Reader& file);

/// An architecture by a law on a target whose device competes with `frontier`.
Placed place(const model::Law& law, const model::Architecture& a, const ComparedTarget& target,
             const search::FrontierPoints& frontier);

}  // namespace rooflaw::app
