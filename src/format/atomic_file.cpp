#include "rooflaw/format/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "exclusive_file.hpp"
#include "rooflaw/core/error.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

void rename_into_place(const std::string& name, const std::string& path) {
  if (::rename(name.c_str(), path.c_str()) != 0)
    fail_with_errno(path, "cannot be renamed into place");
}

/// A rename lasts through a power failure only once the folder is on disk too.
void sync_folder_of(const std::string& path) {
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail_with_errno(path, "its folder cannot be opened");
  const int synced = ::fsync(folder);
  const int error = errno;
  ::close(folder);
  // Some file systems do not sync folders; they say so.
  if (synced == 0 || error == EINVAL) return;
  errno = error;
  fail_with_errno(path, "its folder cannot be synced to disk");
}

template <class IsOne>
void remove_unlocked(const fs::path& folder, IsOne is_one) {
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    if (!is_one(entry.path().filename().string()) || !entry.is_regular_file(unreadable)) continue;
    const int file = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) continue;
    std::error_code stays;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) fs::remove(entry.path(), stays);
    ::close(file);
  }
}

}  // namespace

void require_folder_of(const std::string& path) {
  std::error_code unreadable;
  if (!fs::is_directory(folder_of(path), unreadable))
    throw FileError(path, fmt::format("the folder {} does not exist; make it with mkdir -p",
                                      folder_of(path).string()));
}

AtomicFile::AtomicFile(const std::string& path) : path_(behind_links(path)) {
  std::error_code unreadable;  // then the file is not there, or opening says why
  const fs::file_status there = fs::status(path, unreadable);
  if (fs::is_directory(there)) throw FileError(path, "is a folder, not a file");
  // A rename would put a file in the place of a device, pipe or socket.
  if (fs::exists(there) && !fs::is_regular_file(there)) throw FileError(path, "is no regular file");
  require_folder_of(path);
  const ExclusiveFile file = open_exclusively(path_);
  name_ = file.name;
  descriptor_ = file.descriptor;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!kept_) ::unlink(name_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with_errno(path_, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::keep(const std::string& keep_as, const std::function<void()>& last_look) {
  if (::fsync(descriptor_) != 0) fail_with_errno(path_, "cannot be synced to disk");
  close();
  if (last_look) last_look();
  if (!keep_as.empty() && ::rename(path_.c_str(), keep_as.c_str()) != 0 && errno != ENOENT)
    fail_with_errno(keep_as, "cannot be written");
  rename_into_place(name_, path_);
  kept_ = true;
  sync_folder_of(path_);
}

void AtomicFile::close() {
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail_with_errno(path_, "cannot be closed");
}

void write_atomically(const std::string& path, std::span<const std::byte> bytes,
                      const std::string& keep_as) {
  AtomicFile file(path);
  file.write(bytes);
  file.keep(keep_as);
}

void require_writable(const std::string& path) { const AtomicFile probe(path); }

void remove_leftovers(const std::string& path) {
  const std::string target = behind_links(path);
  const std::string file = fs::path(target).filename().string();
  remove_unlocked(folder_of(target),
                  [&](const std::string& name) { return is_exclusive_name(name, file); });
}

void remove_leftovers_in(const std::string& folder, const std::string& ending) {
  remove_unlocked(folder, [&](const std::string& name) {
    return is_exclusive_name(name, "") && name.find(ending + ".tmp.") != std::string::npos;
  });
}

AtomicFiles::~AtomicFiles() {
  for (const auto& file : written_) ::unlink(file.name.c_str());
}

void AtomicFiles::add(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.close();
  written_.push_back({file.path_, file.name_});
  file.kept_ = true;
}

void AtomicFiles::keep() {
  // One sync of each file system in the place of one for each file.
  std::map<dev_t, std::string> file_systems;
  std::set<fs::path> folders;
  for (const auto& file : written_)
    if (const auto [folder, is_new] = folders.insert(folder_of(file.path)); is_new) {
      struct stat status {};
      if (::stat(folder->c_str(), &status) != 0) fail_with_errno(file.path, "has lost its folder");
      file_systems.emplace(status.st_dev, file.name);
    }
  for (const auto& [device, name] : file_systems) {
    const int any = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (any < 0) fail_with_errno(name, "cannot be opened");
    const int synced = ::syncfs(any);
    ::close(any);
    if (synced != 0) fail_with_errno(name, "cannot be synced to disk");
  }
  for (const auto& file : written_) rename_into_place(file.name, file.path);
  written_.clear();
  for (const auto& folder : folders) sync_folder_of((folder / "x").string());
}

}  // namespace rooflaw::format
