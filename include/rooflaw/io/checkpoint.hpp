#pragma once
// A study on its way, as a file beside its result: FILE.h5.checkpoint, and the one before it as
// FILE.h5.checkpoint.previous. Both are written whole (atomic_file.hpp) and sealed with a checksum,
// so that a damaged one is known before a byte of it is used.
//
// The file is a line of text, "rooflaw-checkpoint VERSION SHA-256 BYTES", and a CBOR map of what
// the study was made of and its state. It is read by the program that wrote it, nothing else.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/job_file.hpp"

namespace rooflaw::io {

/// What a checkpoint must share with the run that continues it.
struct StudyIdentity {
  std::string program;                        // version and commit
  format::KeyValues job;                      // overrides applied
  std::map<std::string, std::string> inputs;  // SHA-256 of each table's text, by kind and id
};
StudyIdentity identity_of(const Job& job);

/// What differs, a line each, in the user's words; empty if nothing does.
std::vector<std::string> differences(const StudyIdentity& checkpoint, const StudyIdentity& now);

/// The checkpoint belongs to another study.
class CheckpointMismatch : public Error {
 public:
  explicit CheckpointMismatch(const std::string& text)
      : Error(text, ExitCode::checkpoint_mismatch) {}
};

std::string checkpoint_path(const std::string& result);
std::string previous_path(const std::string& result);
/// The file beside a result whose being there stops its run.
std::string stop_path(const std::string& result);

/// Writes a checkpoint of the result that is to be at `result`; the one there was becomes the
/// previous one. @throws FileError; what was there before is then as it was
void write_checkpoint(const std::string& result, const StudyIdentity& identity,
                      std::span<const std::byte> state);

struct Checkpoint {
  std::string file;
  std::vector<std::byte> state;
  std::string warning;  // why it is the one before the last; empty if it is the last
};

/// The last checkpoint that is whole; nullopt if there is none at all.
/// @param check  throws if a state is not of this study; then the one before is tried
/// @throws CheckpointMismatch if it is of another study, or no state is of this one; FileError if
///         there are some and none is whole
std::optional<Checkpoint> read_checkpoint(
    const std::string& result, const StudyIdentity& identity,
    const std::function<void(const std::vector<std::byte>&)>& check);

bool has_checkpoint(const std::string& result);
/// @throws FileError if another's file has the name of one
void require_own_checkpoints(const std::string& result);
/// Removes what killed runs left half-written of the result and its checkpoints.
void remove_leftovers_of(const std::string& result);
/// After the result is written. @throws FileError
void remove_checkpoints(const std::string& result);

}  // namespace rooflaw::io
