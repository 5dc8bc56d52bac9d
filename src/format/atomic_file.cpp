#include "rooflaw/format/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw FileError(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// A new file beside `path`; gone again unless `keep` is called.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path)
      : path_(target(path)), name_(fmt::format("{}.tmp.{}", path_, ::getpid())) {
    std::error_code unreadable;  // then the file is not there, or open() below says why
    const fs::file_status there = fs::status(path, unreadable);
    if (fs::is_directory(there)) throw FileError(path, "is a folder, not a file");
    // A rename would put a file in the place of a device, pipe or socket.
    if (fs::exists(there) && !fs::is_regular_file(there))
      throw FileError(path, "is no regular file");
    if (!fs::is_directory(folder_of(path), unreadable))
      throw FileError(path, fmt::format("the folder {} does not exist", folder_of(path).string()));
    open_locked();
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!kept_) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(path_, "cannot be written");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void keep(const std::string& keep_as) {
    if (::fsync(descriptor_) != 0) fail(path_, "cannot be synced to disk");
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail(path_, "cannot be closed");
    if (!keep_as.empty() && ::rename(path_.c_str(), keep_as.c_str()) != 0 && errno != ENOENT)
      fail(keep_as, "cannot be written");
    if (::rename(name_.c_str(), path_.c_str()) != 0) fail(path_, "cannot be renamed into place");
    kept_ = true;
    // The rename lasts through a power failure only once the folder is on disk too.
    const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) fail(path_, "its folder cannot be opened");
    const int synced = ::fsync(folder);
    ::close(folder);
    if (synced != 0) fail(path_, "its folder cannot be synced to disk");
  }

 private:
  /// The lock says that the writer is alive; a file system without locks says nothing. Whoever
  /// removes leftovers may have taken the file between the two calls.
  void open_locked() {
    for (;;) {
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
      if (descriptor_ < 0) fail(path_, "cannot create a file in its folder");
      ::flock(descriptor_, LOCK_EX);
      struct stat status {};
      if (::fstat(descriptor_, &status) != 0) fail(path_, "cannot be looked at");
      if (status.st_nlink > 0) return;
      ::close(descriptor_);
    }
  }

  /// A rename onto a link would replace the link, not what it points to.
  static std::string target(const std::string& path) {
    std::error_code dangling;
    if (!fs::is_symlink(fs::symlink_status(path, dangling))) return path;
    const fs::path pointed = fs::canonical(path, dangling);
    return dangling ? path : pointed.string();
  }

  std::string path_;
  std::string name_;
  int descriptor_ = -1;
  bool kept_ = false;
};

}  // namespace

void write_atomically(const std::string& path, std::span<const std::byte> bytes,
                      const std::string& keep_as) {
  TemporaryFile file(path);
  file.write(bytes);
  file.keep(keep_as);
}

void require_writable(const std::string& path) { const TemporaryFile probe(path); }

void remove_leftovers(const std::string& path) {
  const std::string prefix = fs::path(path).filename().string() + ".tmp.";
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder_of(path), unreadable)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name.starts_with(prefix) && name.size() > prefix.size() &&
                      name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    if (!ours || !entry.is_regular_file(unreadable)) continue;
    const int file = ::open(entry.path().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) continue;
    std::error_code stays;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) fs::remove(entry.path(), stays);
    ::close(file);
  }
}

}  // namespace rooflaw::format
