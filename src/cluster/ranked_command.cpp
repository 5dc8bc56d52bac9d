#include "rooflaw/cluster/ranked_command.hpp"

#include <fmt/format.h>

#include "rooflaw/cluster/share.hpp"

namespace rooflaw::cluster {

namespace {

/// What rank 0 tells the others before they begin: what it prepared, or that it gave up.
struct Start {
  bool gave_up = false;
  Bytes prepared;
};
template <class Archive>
void fields(Archive& a, Start& x) {
  a(x.gave_up, x.prepared);
}

struct Ending {
  ExitCode code = ExitCode::done;
  std::string message{};
};

class RankedRun {
 public:
  RankedRun(Communicator& ranks, const RankedCommand& command) : ranks_(ranks), command_(command) {}

  ExitCode run() {
    WatchOptions options = command_.watch;
    Start start;
    if (ranks_.is_root()) prepare(options, start);
    Watch watch(ranks_, options, command_.sink);
    const Ending ending = go_on(start, watch);
    if (!others_wait_) watch.part();
    command_.ends(ending.code, ending.message);
    // A rank that does not answer would never come to the end, and one that has not heard of an
    // error waits for ever.
    if (!watch.all_answer() || others_wait_) ranks_.abort(static_cast<int>(ending.code));
    ranks_.leave(static_cast<int>(ending.code));
    return ending.code;
  }

 private:
  void prepare(WatchOptions& options, Start& start) {
    try {
      start.prepared = command_.prepare(options);
    } catch (const Interrupted& e) {
      start.gave_up = true;
      gave_up_ = {command_.stopped(e.what()), e.what()};
    } catch (const std::exception& e) {
      start.gave_up = true;
      gave_up_ = {command_.failed(e), e.what()};
    }
  }

  Ending go_on(Start& start, Watch& watch) {
    bool together = true;
    try {
      watch.together([&] {
        share(start, ranks_, watch);
        if (!start.gave_up) command_.work(start.prepared, watch);
      });
      together = false;
      if (ranks_.is_root() && !start.gave_up) command_.finish(watch);
    } catch (const Interrupted& e) {
      // Rank 0 says so, and ends with the code. A code of another rank could reach mpirun first,
      // which then ends rank 0 at once and drops its message.
      if (ranks_.is_root() && !start.gave_up) return {command_.stopped(e.what()), e.what()};
    } catch (const std::exception& e) {
      others_wait_ = together && ranks_.size() > 1;
      if (others_wait_)
        command_.sink({"abort", fmt::format("rank {} ends all ranks", ranks_.rank())});
      return {command_.failed(e), e.what()};
    }
    return gave_up_;
  }

  Communicator& ranks_;
  const RankedCommand& command_;
  Ending gave_up_;  // well, unless it did
  bool others_wait_ = false;
};

}  // namespace

ExitCode run_on_ranks(Communicator& ranks, const RankedCommand& command) {
  return RankedRun(ranks, command).run();
}

}  // namespace rooflaw::cluster
