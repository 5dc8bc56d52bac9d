#pragma once
// A new file with a name that no other process takes, wherever it runs: of the host and random
// bits.

#include <string>

namespace rooflaw::format {

/// `what`.tmp.<host>-<16 hex digits>, opened for writing, made by this call and by no other.
struct ExclusiveFile {
  std::string name;
  int descriptor = -1;
  bool locked = false;  // for as long as it is open: the file system knows locks
};

/// @throws FileError, naming `what`
ExclusiveFile open_exclusively(const std::string& what);

/// Is this the name of such a file for `what`, a file name without a folder? Empty: for any.
bool is_exclusive_name(const std::string& name, const std::string& what);

/// Where a path leads if it is a link: what is renamed onto a link replaces the link. @throws
/// FileError if it leads back to itself
std::string behind_links(const std::string& path);

/// "what: the reason in errno"
[[noreturn]] void fail_with_errno(const std::string& path, const char* what);

/// Do path and descriptor name one file?
bool is_same_file(const std::string& path, int descriptor);

}  // namespace rooflaw::format
