#pragma once
// Tables of finished training runs: CSV with a header and comment lines that begin with #.
//
// Columns: loss (nats per token, at the end of training); l, d, dm, r, rho, tokens, params_total
// (fit/runs.hpp), of which those that are constant may be absent; weight and group, if wanted.
// Others are ignored, and their names kept.

#include <string>

#include "rooflaw/fit/runs.hpp"
#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/source_files.hpp"

namespace rooflaw::io {

/// Notes everything that is wrong; the runs are then incomplete. Wrong are numbers that are none or
/// outside their bounds, rows that stand twice, and values far from all others (a slip of the unit
/// or of the pen): more than so many times the median of their column, or less than a part of it.
/// @param doubtful  take rows that stand twice and values that are far off, too
/// @throws FileError for a file that cannot be read
/// Cost: linear in the text but for sorting.
fit::Runs read_runs(const std::string& path, SourceFiles& files, bool doubtful,
                    format::Faults& faults);

}  // namespace rooflaw::io
