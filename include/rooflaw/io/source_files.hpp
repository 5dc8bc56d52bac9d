#pragma once
// The input texts of a run. One rank reads them from disk; the others get them as a message and
// parse the same bytes, so that a file that changes or is missing on one node cannot split a run.

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace rooflaw::io {

inline constexpr std::size_t longest_source = std::size_t{16} << 20;  // bytes of an input file

class SourceFiles {
 public:
  SourceFiles() = default;  // reads from disk

  /// Only these texts, by path; any other path is a FileError.
  static SourceFiles in_memory(std::map<std::string, std::string> texts);
  /// The texts that another's `pack` returned.
  static SourceFiles unpack(const std::string& packed);
  std::string pack() const;

  /// Text of a plain file; read once. @throws FileError, also for one of more than
  /// `longest_source` bytes; what is no plain file is not waited for
  const std::string& read(const std::string& path);
  /// The same of a file that the user gives, which may be a pipe.
  const std::string& read_given(const std::string& path);
  /// Called ten times a second while a pipe is waited for; it may throw.
  void while_waiting(std::function<void()> look) { look_ = std::move(look); }

  /// Is there such a file, read already or on disk?
  bool exists(const std::string& path) const;

  /// The rule that forbids to read a file because another file names it; empty if none does. It
  /// must be a plain file and lie in `folder`, in the working directory or in the inputs folder, or
  /// below, wherever symbolic links lead. Without a disk every path is allowed: whoever had one
  /// asked before the texts were passed on.
  std::string forbidden(const std::string& path, const std::string& folder) const;

  /// The rule that forbids to write a file because another file names it: it must lie in `folder`
  /// or in the working directory, or below.
  std::string forbidden_output(const std::string& path, const std::string& folder) const;

  /// What paths in a file that was read are relative to: its folder; the working directory ("") for
  /// a pipe, which has none.
  std::string folder_of(const std::string& path) const;

 private:
  enum class Kind { plain, may_be_pipe };
  const std::string& read(const std::string& path, Kind kind);

  std::map<std::string, std::string> texts_;
  std::set<std::string> pipes_;
  std::function<void()> look_;
  bool on_disk_ = true;
};

/// Folder of the tables that come with the program: $ROOFLAW_INPUTS unless empty, else where they
/// are installed seen from the executable (../share/rooflaw/inputs, unless CMAKE_INSTALL_DATADIR
/// says otherwise), else `inputs` beside it, which the build tree has. @throws FileError if none
/// exists
std::string inputs_folder();

/// A file that comes with the program, "results/plot_figures.py": beside the installed inputs, or
/// where the build tree has it. @throws FileError if it is not there
std::string shipped_file(const std::string& name);

}  // namespace rooflaw::io
