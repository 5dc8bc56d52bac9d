#pragma once
// A command on ranks, from its start to its exit code: rank 0 prepares, all work together, rank 0
// finishes. Whatever happens on whichever rank, all end, and the user hears of it once.

#include <functional>
#include <string>

#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::cluster {

struct RankedCommand {
  WatchOptions watch{};
  EventSink sink{};

  /// Rank 0, before the others begin: reads and checks, and gives what they must know. It may
  /// complete the options of the watch. What it throws ends all ranks in order.
  std::function<Bytes(WatchOptions&)> prepare;
  /// All ranks; see Watch::together.
  std::function<void(const Bytes& prepared, Watch&)> work;
  /// Rank 0, when the others are through and wait for nothing.
  std::function<void(Watch&)> finish;
  /// Rank 0: the run ends early, for this reason, with all that it has kept. Returns its code.
  std::function<ExitCode(const std::string& reason)> stopped;
  /// Tells the user of an error. Returns its code.
  std::function<ExitCode(const std::exception&)> failed;
  /// Any rank, last of all: with this code, and words if it is not well.
  std::function<void(ExitCode, const std::string& message)> ends;
};

/// Returns this process's exit code: that of the run on rank 0. Where other ranks would wait for
/// ever it does not return, but ends them.
ExitCode run_on_ranks(Communicator& ranks, const RankedCommand& command);

}  // namespace rooflaw::cluster
