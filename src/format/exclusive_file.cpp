#include "exclusive_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/here_and_now.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

void fail_with_errno(const std::string& path, const char* what) {
  throw FileError(path, fmt::format("{}: {}", what, std::strerror(errno)));
}

namespace {

constexpr std::string_view mark = ".tmp.";
constexpr std::size_t digits = 16;

bool is_of_host_names(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// Short, so that names of files stay within what file systems allow; random bits tell hosts apart.
std::string short_host() {
  std::string host = host_name().substr(0, 16);
  std::replace_if(
      host.begin(), host.end(), [](char c) { return !is_of_host_names(c); }, '_');
  return host;
}

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits)
    fail_with_errno("random bits", "cannot be had");
  return bits;
}

}  // namespace

bool is_same_file(const std::string& path, int descriptor) {
  struct stat there {};
  struct stat mine {};
  return ::lstat(path.c_str(), &there) == 0 && ::fstat(descriptor, &mine) == 0 &&
         there.st_ino == mine.st_ino && there.st_dev == mine.st_dev;
}

ExclusiveFile open_exclusively(const std::string& what) {
  // Some file systems refuse every lock as if it were held.
  constexpr int attempts = 5;
  for (int attempt = 1;; ++attempt) {
    ExclusiveFile file{.name =
                           fmt::format("{}{}{}-{:016x}", what, mark, short_host(), random_bits())};
    file.descriptor = ::open(file.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor < 0 && errno == EEXIST) continue;
    if (file.descriptor < 0) fail_with_errno(what, "cannot create a file in its folder");
    file.locked = ::flock(file.descriptor, LOCK_EX | LOCK_NB) == 0;
    const bool being_removed = !file.locked && errno == EWOULDBLOCK && attempt < attempts;
    // Whoever removes leftovers may have taken the file before it was locked.
    if (!being_removed && is_same_file(file.name, file.descriptor)) return file;
    ::close(file.descriptor);
    ::unlink(file.name.c_str());
  }
}

bool is_exclusive_name(const std::string& name, const std::string& what) {
  if (name.size() < digits + 1) return false;
  const std::size_t hex = name.size() - digits;
  const std::size_t at = name.rfind(mark);
  if (at == std::string::npos || at == 0 || name[hex - 1] != '-') return false;
  const std::size_t host = at + mark.size();
  return (what.empty() || name.compare(0, at, what) == 0) && host < hex - 1 &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(host),
                     name.begin() + static_cast<std::ptrdiff_t>(hex) - 1,
                     [](char c) { return is_of_host_names(c) || c == '_'; }) &&
         name.find_first_not_of("0123456789abcdef", hex) == std::string::npos;
}

std::string behind_links(const std::string& path) {
  // What the last link names need not be there yet.
  constexpr int most = 40;  // as the kernel
  std::error_code unreadable;
  fs::path place = path;
  for (int i = 0; i < most && fs::is_symlink(fs::symlink_status(place, unreadable)); ++i) {
    const fs::path named = fs::read_symlink(place, unreadable);
    if (unreadable) return path;
    place = place.parent_path() / named;  // `named` alone, if it begins at the root
  }
  if (fs::is_symlink(fs::symlink_status(place, unreadable)))
    throw FileError(path, "is a link that leads back to itself");
  if (place == path) return path;
  const fs::path real = fs::weakly_canonical(place, unreadable);
  return unreadable ? path : real.string();
}

}  // namespace rooflaw::format
