#pragma once
// What a search found, as a result file and as text.

#include <functional>
#include <string>

#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

/// Writes the result. @returns what to build, and how far to trust it; `verbose` puts statistics of
/// each frontier, public models, laws and precisions above. `run` has how it was started; `between` is called
/// after each target, `last_look` before the result gets its name; both may throw: then nothing is
/// written. @throws FileError
std::string write_report(const io::Job& job, const search::Findings& findings, io::RunRecord run,
                         const std::string& path, bool verbose,
                         const std::function<void()>& between,
                         const std::function<void()>& last_look);

}  // namespace rooflaw::app
