#pragma once
// Checkpoints as rank 0 of a search handles them: what is found, written and removed, and what the
// user hears of it.

#include <string>

#include "rooflaw/app/run_log.hpp"
#include "rooflaw/cluster/study.hpp"
#include "rooflaw/format/claim.hpp"
#include "rooflaw/io/checkpoint.hpp"

namespace rooflaw::app {

/// What an earlier run of the job kept; empty, with a word about it, if there is nothing.
/// @param check  as io::read_checkpoint. @throws CheckpointMismatch, FileError as that
Bytes earlier_run(const io::StudyIdentity& identity, const std::function<void(const Bytes&)>& check,
                  const std::string& result, RunLog& log);

/// Nothing: but whoever has forgotten --resume hears of it while the checkpoint is still there.
/// @throws FileError if what has the checkpoint's name is none
Bytes begin_anew(const std::string& result, RunLog& log);

/// Writes checkpoints. One that fails costs the run nothing but itself.
class Keeper {
 public:
  Keeper(std::string result, io::StudyIdentity identity, format::Claim& claim, RunLog& log);

  void write(const Bytes& state);
  /// What to say at the end of a run that was stopped, and with which code.
  ExitCode report_stop(const std::string& reason);
  /// When the result is written.
  void remove_all();

 private:
  std::string result_;
  io::StudyIdentity identity_;
  format::Claim& claim_;
  RunLog& log_;
  std::string failure_;  // of the last one
};

}  // namespace rooflaw::app
