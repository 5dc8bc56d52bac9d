#pragma once
// How a run went: group /runtime of a result, and what its root says of the run itself. Kept apart
// from what was found, because it differs between runs of the same job.

#include <cstdint>
#include <map>
#include <string>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/search/findings.hpp"

namespace rooflaw::io {

struct RunRecord {
  std::string command_line;
  std::int64_t ranks = 1;
  std::int64_t points_scored = 0;
  std::map<std::string, std::int64_t> counts;  // more of them, by name
  bool complete = false;
  std::map<std::string, double> seconds;  // by phase
  std::string messages;
};

/// What was found took these counts and seconds.
void note_findings(const search::Findings& findings, RunRecord& run);
/// Adds to what is noted.
void note_serving(const search::Serving& serving, RunRecord& run);

/// Host and time are those of this call.
void write_run_record(format::Hdf5Writer& file, const RunRecord& run);

/// @throws FileError if an attribute is missing or of another type
RunRecord read_run_record(const format::Hdf5Reader& file);

}  // namespace rooflaw::io
