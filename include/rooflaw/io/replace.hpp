#pragma once
// What a command may put its result in the place of.

#include <functional>
#include <string>

namespace rooflaw::io {

/// @throws FileError if there is a file at `path` that is no result of rooflaw
void require_result_or_nothing(const std::string& path);

/// @throws FileError if there is a finished result of another job at `path`, with what differs, or
/// one that cannot be read; the name of the output is no difference. Cost: a pass over the file
/// @param job_of  reads the job of a result
void require_same_job(const std::string& path, const std::string& job_toml,
                      const std::function<std::string(const std::string&)>& job_of);

}  // namespace rooflaw::io
