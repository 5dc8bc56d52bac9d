#pragma once
// Errors as types that carry data. Each knows the exit code of the program it ends (see README).

#include <stdexcept>
#include <string>
#include <vector>

namespace rooflaw {

enum class ExitCode {
  done = 0,
  internal_error = 1,
  bad_input = 2,
  file_error = 3,
  checkpoint_mismatch = 4,
  mpi_error = 5,
  stopped_early = 10,
};

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::internal_error)
      : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const { return code_; }

 private:
  ExitCode code_;
};

/// A function of the model was called outside its domain (a negative width, K > E, ...).
class DomainError : public Error {
 public:
  explicit DomainError(const std::string& message) : Error(message, ExitCode::bad_input) {}
};

/// One fault in an input file. Line and column count from 1; 0 = the fault has no place in a file.
struct InputFault {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string key{};    // table.key
  std::string value{};  // as written; empty if there is none
  std::string rule{};   // the rule it broke
  std::string hint{};   // "did you mean ..."; may be empty

  /// `FILE:LINE:COL: table.key = value: the rule it broke`
  std::string text() const;
};

/// Everything that is wrong with an input, all at once.
class InputError : public Error {
 public:
  explicit InputError(std::vector<InputFault> faults);
  const std::vector<InputFault>& faults() const { return faults_; }

 private:
  std::vector<InputFault> faults_;
};

/// A file that cannot be opened, read, written, synced or renamed.
class FileError : public Error {
 public:
  FileError(const std::string& path, const std::string& what_failed)
      : Error(path + ": " + what_failed, ExitCode::file_error) {}
};

class MpiError : public Error {
 public:
  explicit MpiError(const std::string& message) : Error(message, ExitCode::mpi_error) {}
};

}  // namespace rooflaw
