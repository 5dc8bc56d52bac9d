#pragma once
// The [targets] table of a JOB.

#include "rooflaw/io/job_file.hpp"

namespace rooflaw::io {

/// Adds deployments, targets and the tables they came from to the job. Notes every fault: an entry
/// that does not exist or is named twice, a precision that a chip lacks, a chip of unknown memory,
/// a latency that a workload does not have.
void read_targets(format::TableReader& reader, Catalogue& catalogue, const model::Engine& engine,
                  Job& job);

}  // namespace rooflaw::io
