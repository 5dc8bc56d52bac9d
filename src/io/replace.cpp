#include "rooflaw/io/replace.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/claim.hpp"
#include "rooflaw/format/seal.hpp"
#include "rooflaw/io/checkpoint.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

constexpr auto way_out = "--force replaces it, -o FILE.h5 writes elsewhere";

StudyIdentity settings_of(const std::string& job_toml) {
  StudyIdentity settings;
  settings.job = format::key_values_in(format::parse_toml(job_toml, "the job"));
  settings.job.erase("job.output");
  return settings;
}

bool is_there(const std::string& path) {
  std::error_code unreadable;
  return fs::exists(path, unreadable);
}

}  // namespace

Place::Place(const std::string& path) : path_(path), was_(now(path)) {}

std::array<std::uint64_t, 4> Place::now(const std::string& path) {
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0) return {};
  const auto nanoseconds =
      there.st_mtim.tv_sec * std::int64_t{1'000'000'000} + there.st_mtim.tv_nsec;
  return {there.st_dev, there.st_ino, static_cast<std::uint64_t>(there.st_size),
          static_cast<std::uint64_t>(nanoseconds)};
}

std::vector<std::string> own_names(const std::string& result) {
  const std::string checkpoint = checkpoint_path(result);
  return {checkpoint, previous_path(result), format::claim_path(result), stop_path(result)};
}

void require_result_or_nothing(const std::string& path) {
  if (path.empty() || path == "-")
    throw FileError(fmt::format("\"{}\"", path), "is no name of a file; a result is one");
  for (const auto& own : own_names("")) {
    if (own == stop_path("") ? fs::path(path).filename() == own : path.ends_with(own))
      throw FileError(path, fmt::format("is a name that runs use beside their results (\"{}\"); "
                                        "choose another",
                                        own));
  }
  if (is_there(path) && !format::has_seal(path))
    throw FileError(path,
                    "is there and is no result of rooflaw: such a file is never replaced; remove "
                    "it, or write elsewhere with -o FILE.h5");
}

void require_own_table(const std::string& path, std::string_view first_line,
                       std::string_view what) {
  format::require_writable(path);
  std::ifstream file(path);
  std::string line;
  if (std::getline(file, line) && line != first_line)
    throw FileError(path, fmt::format("would be replaced, and is no {}", what));
}

void require_same_job(const std::string& path, const std::string& job_toml,
                      const std::function<std::string(const std::string&)>& job_of) {
  if (!is_there(path)) return;
  std::vector<std::string> different;
  try {
    different = differences(settings_of(job_of(path)), settings_of(job_toml));
  } catch (const Error& e) {
    if (e.exit_code() == ExitCode::stopped_early) throw;
    throw FileError(
        path, fmt::format("a result is there that cannot be read ({}); {}", e.what(), way_out));
  }
  if (different.empty()) return;
  constexpr std::size_t most = 8;
  if (different.size() > most) {
    const std::size_t more = different.size() - most;
    different.resize(most);
    different.push_back(fmt::format("and {} more", more));
  }
  throw FileError(path, fmt::format("holds the finished result of another job:\n  {}\n{}",
                                    fmt::join(different, "\n  "), way_out));
}

}  // namespace rooflaw::io
