#pragma once
// The input texts of a run. One rank reads them from disk; the others get them as a message and
// parse the same bytes, so that a file that changes or is missing on one node cannot split a run.

#include <map>
#include <string>
#include <vector>

namespace rooflaw::io {

class SourceFiles {
 public:
  SourceFiles() = default;  // reads from disk

  /// Only what `packed` holds; any other path is a FileError.
  static SourceFiles unpack(const std::string& packed);
  std::string pack() const;

  /// Text of a file; read once. @throws FileError
  const std::string& read(const std::string& path);

  /// Is there such a file, read already or on disk?
  bool exists(const std::string& path) const;

 private:
  std::map<std::string, std::string> texts_;
  bool on_disk_ = true;
};

/// Folder of the tables that come with the program: $ROOFLAW_INPUTS, else the source tree's, else
/// share/rooflaw/inputs beside the executable. @throws FileError if none exists
std::string inputs_folder();

std::string sha256_hex(const std::string& text);

}  // namespace rooflaw::io
