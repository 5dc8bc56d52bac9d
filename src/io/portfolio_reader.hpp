#pragma once
// The [portfolio] table of a JOB.

#include "rooflaw/io/job_file.hpp"

namespace rooflaw::io {

/// What it asks for, of the targets that the job has by now. Notes every fault: an unknown target,
/// a target without a budget, one too many.
search::Portfolio read_portfolio(format::TableReader& reader, const search::Question& question);

}  // namespace rooflaw::io
