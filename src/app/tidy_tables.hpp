#pragma once
// A result as two tables for whoever draws or models with data frames: what says where a row is
// from stands in columns, not in the names of files.

#include <string>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::app {

/// All frontiers: law, target, device, precision, workload, latency, budget (the memory's, in the
/// job's words), then the columns of /frontiers. @throws as io::read_target
std::string tidy_frontiers(const format::Hdf5Reader& file);

/// As `rooflaw best --csv`.
std::string tidy_best(const format::Hdf5Reader& file);

}  // namespace rooflaw::app
