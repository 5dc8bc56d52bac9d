#pragma once
// How far a run is: a bar on a terminal, a plain line every few seconds in a log.

#include <chrono>
#include <string>

#include "rooflaw/cluster/run.hpp"

namespace rooflaw::app {

class ProgressReport {
 public:
  ProgressReport();
  void operator()(const cluster::Progress& progress);
  void operator()(const cluster::PlasProgress& progress);
  /// Ends the bar, if there is one.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool due();
  void show(double share, const std::string& text);
  bool terminal_;
  bool bar_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace rooflaw::app
