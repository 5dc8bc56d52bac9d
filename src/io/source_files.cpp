#include "rooflaw/io/source_files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/file_kind.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

class OpenFile {
 public:
  /// Without waiting for whoever is to write to a pipe.
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {
    struct stat status {};
    if (descriptor_ < 0 && errno == ENOENT) throw FileError(path, "no such file");
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0)
      throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
    mode_ = status.st_mode;
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  mode_t mode() const { return mode_; }
  bool is_pipe() const { return S_ISFIFO(mode_); }
  /// @returns what read(2) does, after `look` was called as often as there was nothing yet
  ssize_t read(std::span<char> block, const std::function<void()>& look) const {
    constexpr int pause_ms = 100;
    for (;;) {
      pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
      if (is_pipe() && ::poll(&ready, 1, pause_ms) <= 0) {
        if (look) look();
        continue;
      }
      const ssize_t size = ::read(descriptor_, block.data(), block.size());
      if (size >= 0 || (errno != EINTR && errno != EAGAIN)) return size;
    }
  }

 private:
  int descriptor_;
  mode_t mode_ = 0;
};

std::string text_of(const OpenFile& file, const std::string& path,
                    const std::function<void()>& look) {
  std::string text;
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t size = file.read(block, look);
    if (size < 0) throw FileError(path, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (size == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(size));
    if (text.size() > longest_source) {
      const std::string kind = format::other_kind(text);
      throw FileError(path, fmt::format("must not be larger than {} MiB{}", longest_source >> 20,
                                        kind.empty() ? "" : "; it is " + kind));
    }
  }
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

const std::string& SourceFiles::read(const std::string& path) { return read(path, Kind::plain); }

const std::string& SourceFiles::read_given(const std::string& path) {
  return read(path, Kind::may_be_pipe);
}

const std::string& SourceFiles::read(const std::string& path, Kind kind) {
  if (const auto known = texts_.find(path); known != texts_.end()) return known->second;
  if (!on_disk_) throw FileError(path, "was not read by rank 0");
  const OpenFile file(path);
  if (S_ISDIR(file.mode())) throw FileError(path, "is a folder, not a file");
  if (file.is_pipe() && kind == Kind::plain)
    throw FileError(path, "is a pipe; it must be a plain file");
  // /dev/zero has no end, a terminal none that a user would think of.
  if (!S_ISREG(file.mode()) && !file.is_pipe())
    throw FileError(path, "is a device, neither a file nor a pipe");
  if (file.is_pipe()) pipes_.insert(path);
  return texts_[path] = text_of(file, path, look_);
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

namespace {

/// Where `cmake --install` puts what comes with the program, seen from it; and what the build tree
/// has beside it. So no path of the machine that built it is in the program.
std::pair<fs::path, fs::path> places_of(const std::string& name) {
  std::error_code ignored;
  const fs::path beside = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path inputs = (beside / ROOFLAW_INPUTS_FROM_PROGRAM).lexically_normal();
  return {inputs.parent_path() / name, beside / name};
}

}  // namespace

std::string inputs_folder() {
  const char* folder = std::getenv("ROOFLAW_INPUTS");
  if (folder != nullptr && *folder != '\0') {
    if (!fs::is_directory(folder)) throw FileError(folder, "ROOFLAW_INPUTS names no folder");
    return folder;
  }
  std::error_code ignored;
  const auto [installed, built] = places_of("inputs");
  for (const fs::path& found : {installed, built})
    if (fs::is_directory(found, ignored)) return fs::canonical(found, ignored).string();
  throw FileError(installed.string(), "no such folder; set ROOFLAW_INPUTS to that of the tables");
}

std::string shipped_file(const std::string& name) {
  std::error_code ignored;
  const auto [installed, built] = places_of(name);
  for (const fs::path& found : {installed, built})
    if (fs::is_regular_file(found, ignored)) return fs::canonical(found, ignored).string();
  throw FileError(installed.string(), "no such file: it is installed with the program");
}

}  // namespace rooflaw::io
