#pragma once
// Nothing is written to its final name before it is whole: temporary file beside it, fsync, rename,
// fsync of the folder. A full disk leaves what was there before. The temporary file has a name of
// its own, of the host and random bits, and is locked while it is written.

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace rooflaw::format {

/// A new file beside `path`, which gets its name in the end; gone again if it does not.
class AtomicFile {
 public:
  /// @throws FileError if none can be made, or `path` is no file
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  int descriptor() const { return descriptor_; }
  /// Writes where the last write ended. @throws FileError
  void write(std::span<const std::byte> bytes);
  /// Sync and rename. @param keep_as  as write_atomically
  /// @param last_look  called before the rename; what it throws prevents it @throws FileError
  void keep(const std::string& keep_as = "", const std::function<void()>& last_look = {});

 private:
  friend class AtomicFiles;
  void close();

  std::string path_;
  std::string name_;
  int descriptor_ = -1;
  bool kept_ = false;
};

/// @param keep_as  if not empty, what was at `path` gets this name just before it is replaced
/// @throws FileError; the temporary file is then gone and `path` is as it was
void write_atomically(const std::string& path, std::span<const std::byte> bytes,
                      const std::string& keep_as = "");

/// Many files that come to their names together. They are synced to disk by one call for all, where
/// one for each would take minutes for thousands.
class AtomicFiles {
 public:
  AtomicFiles() = default;
  /// Removes what was not kept.
  ~AtomicFiles();
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;

  /// Writes to a temporary file beside `path`. @throws FileError as write_atomically
  void add(const std::string& path, std::span<const std::byte> bytes);
  /// @throws FileError; each file is then the old one or the new one, whole
  void keep();

 private:
  struct Written {
    std::string path;
    std::string name;
  };
  std::vector<Written> written_;
};

/// @throws FileError, with what makes it, if the folder that `path` names is not there
void require_folder_of(const std::string& path);

/// Can a file be created beside `path`, and is `path` itself not a folder? To be asked before a
/// long run, not after it. @throws FileError if not
void require_writable(const std::string& path);

/// Removes temporary files of `path` that nobody writes any more, as their locks say. What cannot
/// be removed stays, and so does all where the file system has no locks. Only whoever holds the
/// claim (claim.hpp) may ask: locks may not be seen from another machine.
void remove_leftovers(const std::string& path);
/// Those of all files in a folder whose names end in `ending`.
void remove_leftovers_in(const std::string& folder, const std::string& ending);

}  // namespace rooflaw::format
