#pragma once
// [law] of a JOB: which laws search, which only give an opinion.

#include "rooflaw/io/job_file.hpp"

namespace rooflaw::io {

/// Reads it into `job`, whose space and method are read already. `reader` is that of table "law" of
/// `root`; what is the job's own in it is taken out.
void read_job_law(format::TableReader& reader, toml::table& root, Catalogue& catalogue, Job& job);

}  // namespace rooflaw::io
