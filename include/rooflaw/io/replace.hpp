#pragma once
// What a command may put its result in the place of.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rooflaw::io {

/// What is at a path, so that it can be told later whether it still is.
class Place {
 public:
  explicit Place(const std::string& path);
  bool is_as_it_was() const { return now(path_) == was_; }

 private:
  static std::array<std::uint64_t, 4> now(const std::string& path);
  std::string path_;
  std::array<std::uint64_t, 4> was_;
};

/// The names that the run of a result uses beside it: checkpoints, claim, stop file.
std::vector<std::string> own_names(const std::string& result);

/// @throws FileError if there is a file at `path` that is no result of rooflaw, or if it has a name
/// that the runs of other results use beside them
void require_result_or_nothing(const std::string& path);

/// The same of a table that a command wrote, which begins with this line. @param what  for the
/// error: "law that fit wrote"
void require_own_table(const std::string& path, std::string_view first_line, std::string_view what);

/// @throws FileError if there is a finished result of another job at `path`, with what differs, or
/// one that cannot be read; the name of the output is no difference. Cost: a pass over the file
/// @param job_of  reads the job of a result
void require_same_job(const std::string& path, const std::string& job_toml,
                      const std::function<std::string(const std::string&)>& job_of);

}  // namespace rooflaw::io
