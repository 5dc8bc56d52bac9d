#pragma once
// Whether a run goes on. Every rank looks now and then while it works or waits; rank 0 decides.
//
// A run is ended early by a signal (signals.hpp; to whichever rank), by its wall time, or by a file
// named "stop". All ranks send signs of life every second, so that rank 0 can name a worker that
// stalls, and rank 1 rank 0. Where rank 0 itself is gone silent, a run that is to end is ended by a
// worker: nothing more is kept then, but nothing waits for ever.

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/core/error.hpp"

namespace rooflaw::cluster {

/// Something that happened while a study ran: a line for people, and what machines want of it.
struct Event {
  using Field = std::variant<double, std::int64_t, std::string>;
  std::string kind;  // "signal", "checkpoint", "stall", ...
  std::string text;
  std::map<std::string, Field> fields{};
};
using EventSink = std::function<void(const Event&)>;

struct WatchOptions {
  double max_wall_s = std::numeric_limits<double>::infinity();  // since the Watch was made
  double checkpoint_every_s = 60;
  double stall_after_s = 60;  // without a sign of life
  std::string stop_file{};    // its existence ends the run; empty: none
};

/// The run ends, through no fault of the piece at hand.
class RunEnds : public Error {
 public:
  using Error::Error;
};

/// It ends early, and all that it found is kept.
class Interrupted : public RunEnds {
 public:
  explicit Interrupted(const std::string& reason) : RunEnds(reason, ExitCode::stopped_early) {}
};

/// Another rank cannot go on: its text and exit code.
class RankFailed : public RunEnds {
 public:
  using RunEnds::RunEnds;
};

class Watch {
 public:
  /// For so long rank 0 waits for others that should stop.
  static constexpr std::chrono::seconds time_to_stop{10};

  /// Keeps a reference to `ranks`. `sink` is called on the rank where something happens.
  Watch(Communicator& ranks, WatchOptions options, EventSink sink);

  /// To be called often: a look at the clock, and every 20 ms at everything else.
  /// @throws Interrupted where the run is to end; RankFailed on rank 0 if another cannot go on
  void look();

  /// Something to tell that happened on this rank, if none of its kind was told so before.
  void tell_once(const Event& event) {
    if (told_once_.insert(event.kind).second) sink_(event);
  }

  /// Rank 0: is it time to write a checkpoint? Says yes once an interval.
  bool checkpoint_due();

  /// All ranks are at work from now on: their silence counts from here.
  void begin();
  /// A worker that waits for rank 0, often: since when. Rank 1 tells when it takes too long; time
  /// in which it was stopped itself does not count.
  void waiting(std::chrono::steady_clock::time_point since);
  /// Since when this rank waits for its messages to be taken. It tells when that takes too long.
  void sending(std::chrono::steady_clock::time_point since);

  /// Does work that all ranks share, and ends it for all together: whatever happens, none waits for
  /// another that has left.
  /// @throws Interrupted on all ranks, after they have taken leave of each other; where one does
  ///         not answer within ten seconds, all_answer() is false on rank 0
  /// @throws RankFailed on rank 0 if another rank threw anything else; what rank 0 throws itself
  ///         goes on as it is. The others then wait to be ended by Communicator::abort
  void together(const std::function<void()>& work);

  /// Ends it, also where together() has not: workers wait here, looking, until rank 0 comes, and
  /// all know then that none needs another any more. Else as after an Interrupted.
  void part();

  /// Rank 0: do the others still answer? Once one does not, only Communicator::abort ends the run.
  bool all_answer() const { return all_answer_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Heard {
    Clock::time_point last;
    bool missed = false;
    bool gone = false;  // has said goodbye
    bool sent = true;   // with all its messages taken
    std::string host{};
  };
  void end_all(Tag end);
  void leave();
  void report_failure(const std::string& text, ExitCode code);
  void look_as_root(Clock::time_point now);
  void look_as_worker(Clock::time_point now);
  void look_at_root(Clock::time_point now);
  void check_silence(Clock::time_point now);
  std::chrono::duration<double> slow_pause() const;
  [[noreturn]] void stop(const std::string& reason);
  void tell_all(Tag end);
  void give_sign_of_life();
  void tell_not_taken(int sender, Clock::duration time);
  void tell_root_silent(Clock::duration silence);
  void end_without_root(Clock::duration silence);
  void take(const Message& message, Clock::time_point now);
  std::string name_of(int rank) const;

  Communicator& ranks_;
  WatchOptions options_;
  EventSink sink_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_look_ = start_;
  Clock::time_point last_slow_look_ = start_;
  Clock::time_point last_checkpoint_ = start_;
  bool first_look_ = true;
  std::set<std::string> told_once_;  // kinds of events
  bool at_work_ = false;             // all ranks are; one that is not need not give signs of life
  Clock::time_point waiting_since_{}, last_wait_{};
  Clock::duration waited_{};
  bool silence_told_ = false;
  bool sending_told_ = false;
  bool all_answer_ = true;
  bool end_told_ = false;  // rank 0: to the others; a worker: by rank 0
  bool parted_ = false;
  int signal_told_ = 0;
  Clock::time_point signal_told_at_{};
  Clock::time_point last_look_at_root_ = start_;
  std::vector<Heard> heard_;  // by rank; a worker hears rank 0 only
};

}  // namespace rooflaw::cluster
