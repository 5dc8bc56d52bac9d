#pragma once
// Nothing is written to its final name before it is whole: temporary file beside it, fsync, rename,
// fsync of the folder. A full disk leaves what was there before.

#include <cstddef>
#include <span>
#include <string>

namespace rooflaw::format {

/// @param keep_as  if not empty, what was at `path` gets this name just before it is replaced
/// @throws FileError; the temporary file is then gone and `path` is as it was
void write_atomically(const std::string& path, std::span<const std::byte> bytes,
                      const std::string& keep_as = "");

/// Can a file be created beside `path`, and is `path` itself not a folder? To be asked before a
/// long run, not after it. @throws FileError if not
void require_writable(const std::string& path);

/// Removes temporary files of `path` that killed processes of this machine left. What cannot be
/// removed stays.
void remove_leftovers(const std::string& path);

}  // namespace rooflaw::format
