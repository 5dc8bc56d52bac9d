#pragma once
// What ranks say along the tree (cluster/tree.hpp) while they do the pieces of a queue.
//
// News goes between neighbours, both ways, as soon as there is some and telling it costs little of
// a rank's time. Reports go up: asked for by rank 0 (a gathering), by themselves where they have
// grown long, and at the end, when each rank waits for those below it and sends one last report for
// all of them. Messages between two ranks keep their order, so that nothing of a queue is on its
// way along the tree once its last reports are up and its end is told down.

#include <chrono>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "rooflaw/cluster/queue.hpp"

namespace rooflaw::cluster {

class TreeTalk {
 public:
  TreeTalk(Work& work, Communicator& ranks);

  /// A message along the tree is dealt with; of others it says no.
  bool take(const Message& message);
  /// To be called often: tells what is due.
  void tell();

  /// These are done here.
  void settled(PieceRun run) { done_.push_back(run); }
  /// Rank 0: those that were reported done since the last time, here and elsewhere.
  std::vector<PieceRun> take_done() { return std::exchange(done_, {}); }

  /// Rank 0: asks all others to report.
  void gather();
  /// Have all below answered, or had time to? A second for each level of the tree.
  bool gathered() const;

  /// No more pieces are begun here. A worker's last report goes up when those from below are in.
  void finish();
  /// All below, and this rank, have sent their last reports.
  bool over() const { return finished_ && below_.empty(); }
  /// The run is interrupted: waits a little for the last reports from below, and sends one.
  void hand_over();
  /// Rank 0: waits a little for the answers to a gathering, whatever becomes of the run.
  void gather_now();

  double cpu_s_below() const { return cpu_s_; }
  /// Processor time that news took here.
  double news_cpu_s() const { return news_cpu_s_; }
  /// The same of reports.
  double merging_cpu_s() const { return merging_cpu_s_; }

 private:
  using Clock = std::chrono::steady_clock;
  void take_report(const Message& message);
  void answer(std::uint64_t gathering);
  void send_report(std::uint64_t answers, bool last);
  void send_last();
  std::chrono::seconds time_to_answer() const;
  void take_until(Clock::time_point end, const std::function<bool()>& enough);

  Work& work_;
  Communicator& ranks_;
  std::vector<int> listeners_;  // to news
  std::set<int> below_;         // those that have not sent their last report
  std::set<int> awaited_;       // those below that have not answered the gathering
  std::uint64_t gathering_ = 0;
  bool asked_ = false;  // a worker: has not answered it
  Clock::time_point gather_began_{};
  std::vector<PieceRun> done_;
  bool finished_ = false;
  double cpu_s_ = 0;  // of ranks below, in this queue
  double cpu_s_before_;
  double news_cpu_s_ = 0;
  double merging_cpu_s_ = 0;
  double telling_cpu_s_ = 0;  // of it
  std::chrono::duration<double> pace_;
  Clock::time_point told_ = Clock::now();
};

/// Processor time of this process so far.
double cpu_seconds();

}  // namespace rooflaw::cluster
