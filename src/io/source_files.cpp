#include "rooflaw/io/source_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/file_kind.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path, bool& is_pipe) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  struct stat status {};
  if (!file && errno == ENOENT) throw FileError(path, "no such file");
  if (!file || ::fstat(::fileno(file.get()), &status) != 0)
    throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  if (S_ISDIR(status.st_mode)) throw FileError(path, "is a folder, not a file");
  // /dev/zero has no end, a terminal none that a user would think of.
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
    throw FileError(path, "is a device, neither a file nor a pipe");
  is_pipe = S_ISFIFO(status.st_mode);
  std::string text;
  char block[1 << 16];
  while (const std::size_t size = std::fread(block, 1, sizeof block, file.get())) {
    text.append(block, size);
    if (text.size() > longest_source) {
      const std::string kind = format::other_kind(text);
      throw FileError(path, fmt::format("must not be larger than {} MiB{}", longest_source >> 20,
                                        kind.empty() ? "" : "; it is " + kind));
    }
  }
  if (std::ferror(file.get()) != 0)
    throw FileError(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  return text;
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

const std::string& SourceFiles::read(const std::string& path) {
  if (const auto known = texts_.find(path); known != texts_.end()) return known->second;
  if (!on_disk_) throw FileError(path, "was not read by rank 0");
  bool is_pipe = false;
  std::string text = text_of(path, is_pipe);
  if (is_pipe) pipes_.insert(path);
  return texts_[path] = std::move(text);
}

bool SourceFiles::exists(const std::string& path) const {
  std::error_code unreadable;
  return texts_.contains(path) || (on_disk_ && fs::exists(path, unreadable));
}

std::string SourceFiles::forbidden(const std::string& path, const std::string& folder) const {
  if (!on_disk_) return {};
  std::error_code unknown;
  const auto canonical = [&](const fs::path& p) { return fs::weakly_canonical(p, unknown); };
  const fs::path place = canonical(fs::absolute(path, unknown));
  const fs::path here = fs::current_path(unknown);
  const std::array<fs::path, 3> allowed{here / folder, here, inputs_folder()};
  if (unknown || std::none_of(allowed.begin(), allowed.end(),
                              [&](const fs::path& f) { return lies_below(place, canonical(f)); }))
    return "must lie in the folder of this file, the working directory or the inputs folder";
  const auto type = fs::status(place, unknown).type();
  if (type == fs::file_type::not_found || type == fs::file_type::regular) return {};
  return "must be a plain file, not a folder, device or pipe";
}

std::string SourceFiles::forbidden_output(const std::string& path,
                                          const std::string& folder) const {
  if (!on_disk_) return {};
  std::error_code unknown;
  const auto canonical = [&](const fs::path& p) { return fs::weakly_canonical(p, unknown); };
  const fs::path here = fs::current_path(unknown);
  const fs::path place = canonical(here / path);
  if (!unknown &&
      (lies_below(place, canonical(here)) || lies_below(place, canonical(here / folder))))
    return {};
  return "must lie in the folder of this file or the working directory; -o FILE.h5 may lie "
         "anywhere";
}

std::string SourceFiles::folder_of(const std::string& path) const {
  const bool has_no_folder =
      pipes_.contains(path) || path.starts_with("/dev/") || path.starts_with("/proc/");
  return has_no_folder ? "" : fs::path(path).parent_path().string();
}

std::string SourceFiles::pack() const {
  // CBOR, not text: input files need not be valid UTF-8 to be carried and refused alike everywhere.
  nlohmann::json files = nlohmann::json::object();
  for (const auto& [path, text] : texts_)
    files[path] = nlohmann::json::binary({text.begin(), text.end()});
  const auto bytes = nlohmann::json::to_cbor({{"files", files}, {"pipes", pipes_}});
  return {bytes.begin(), bytes.end()};
}

SourceFiles SourceFiles::in_memory(std::map<std::string, std::string> texts) {
  SourceFiles files;
  files.texts_ = std::move(texts);
  files.on_disk_ = false;
  return files;
}

SourceFiles SourceFiles::unpack(const std::string& packed) {
  std::map<std::string, std::string> texts;
  const auto parsed = nlohmann::json::from_cbor(packed);
  for (const auto& [path, text] : parsed.at("files").items()) {
    const auto& bytes = text.get_binary();
    texts[path] = std::string(bytes.begin(), bytes.end());
  }
  SourceFiles files = in_memory(std::move(texts));
  parsed.at("pipes").get_to(files.pipes_);
  return files;
}

std::string inputs_folder() {
  const char* folder = std::getenv("ROOFLAW_INPUTS");
  if (folder != nullptr && *folder != '\0') {
    if (!fs::is_directory(folder)) throw FileError(folder, "ROOFLAW_INPUTS names no folder");
    return folder;
  }
  std::error_code ignored;
  const fs::path beside = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  // Where `cmake --install` puts them; and what the build tree has beside the program, so that no
  // path of the machine that built it is in the program.
  const fs::path installed = (beside / ROOFLAW_INPUTS_FROM_PROGRAM).lexically_normal();
  for (const fs::path& found : {installed, beside / "inputs"})
    if (fs::is_directory(found, ignored)) return fs::canonical(found, ignored).string();
  throw FileError(installed.string(), "no such folder; set ROOFLAW_INPUTS to that of the tables");
}

}  // namespace rooflaw::io
