#include "checkpoints.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace rooflaw::app {

Bytes earlier_run(const io::StudyIdentity& identity, const std::function<void(const Bytes&)>& check,
                  const std::string& result, RunLog& log) {
  const auto checkpoint = io::read_checkpoint(result, identity, check);
  if (!checkpoint) {
    log.tell({"no_checkpoint",
              fmt::format("there is no {}: the run begins anew", io::checkpoint_path(result))});
    return {};
  }
  if (!checkpoint->warning.empty())
    log.tell({"checkpoint_damaged", checkpoint->warning + "; the one before it is used"});
  log.tell(
      {"resume", fmt::format("goes on from {}", checkpoint->file), {{"file", checkpoint->file}}});
  return checkpoint->state;
}

Bytes begin_anew(const std::string& result, RunLog& log) {
  io::require_own_checkpoints(result);
  if (io::has_checkpoint(result))
    log.tell({"checkpoint_ignored",
              fmt::format("{} is there, but without --resume the run begins anew and replaces it",
                          io::checkpoint_path(result))});
  return {};
}

Keeper::Keeper(std::string result, io::StudyIdentity identity, format::Claim& claim, RunLog& log)
    : result_(std::move(result)), identity_(std::move(identity)), claim_(claim), log_(log) {}

void Keeper::write(const Bytes& state) {
  const auto start = std::chrono::steady_clock::now();
  const std::string file = io::checkpoint_path(result_);
  try {
    claim_.confirm();
    io::write_checkpoint(result_, identity_, state);
    failure_.clear();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    log_.tell({"checkpoint",
               "",
               {{"file", file},
                {"bytes", static_cast<std::int64_t>(state.size())},
                {"seconds", took.count()}}});
  } catch (const FileError& e) {
    // A person wants to hear of it once.
    const std::string before = std::exchange(failure_, e.what());
    const std::string text =
        fmt::format("no checkpoint could be written, earlier ones are as they were: {}", failure_);
    log_.tell({"checkpoint_failed",
               failure_ == before ? "" : text,
               {{"file", file}, {"message", failure_}}});
  }
}

ExitCode Keeper::report_stop(const std::string& reason) {
  if (failure_.empty() && !io::has_checkpoint(result_)) {
    log_.tell({"stop", fmt::format("stopped ({}) before there was anything to keep", reason)});
    return ExitCode::stopped_early;
  }
  if (failure_.empty()) {
    log_.tell({"stop", fmt::format("stopped ({}); {} is kept: --resume goes on from there", reason,
                                   io::checkpoint_path(result_))});
    return ExitCode::stopped_early;
  }
  const char* left = io::has_checkpoint(result_) ? "; --resume goes on from an earlier one" : "";
  log_.tell({"stop", fmt::format("stopped ({}) without a checkpoint{}", reason, left)});
  return ExitCode::file_error;
}

void Keeper::remove_all() {
  try {
    io::remove_checkpoints(result_);
  } catch (const FileError& e) {
    // The result is there; what is left beside it is not worth an error.
    log_.tell({"checkpoint_left", e.what()});
  }
}

}  // namespace rooflaw::app
