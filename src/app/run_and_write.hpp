#pragma once
// Commands on several ranks that leave nothing behind but what they write at their end.

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/ranked_command.hpp"

namespace rooflaw::app {

/// `work` has the parts of a RankedCommand as members: prepare, work, finish.
template <class Work>
ExitCode run_and_write(cluster::Communicator& ranks, const cluster::WatchOptions& watch,
                       Work& work) {
  const cluster::RankedCommand command{
      .watch = watch,
      .sink =
          [](const cluster::Event& event) {
            if (!event.text.empty()) fmt::print(stderr, "rooflaw: {}\n", event.text);
          },
      .prepare = [&](cluster::WatchOptions& options) { return work.prepare(options); },
      .work = [&](const Bytes& prepared, cluster::Watch& w) { work.work(prepared, w); },
      .finish = [&](cluster::Watch& w) { work.finish(w); },
      .stopped =
          [](const std::string& reason) {
            fmt::print(stderr, "rooflaw: {}; nothing was written\n", reason);
            return ExitCode::stopped_early;
          },
      .failed = [](const std::exception& error) { return report_error(error); },
      .ends = [](ExitCode, const std::string&) {}};
  return cluster::run_on_ranks(ranks, command);
}

}  // namespace rooflaw::app
