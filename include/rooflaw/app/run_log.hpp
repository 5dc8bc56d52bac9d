#pragma once
// What a run tells while it goes on. To people on stderr: a bar on a terminal, a plain line every
// few seconds in a log, a line for each event. To machines, if asked: JSON, a line an event, each
// with "event" and "time" (UTC). A log that cannot be written does not end the run.

#include <chrono>
#include <string>

#include "rooflaw/cluster/study.hpp"

namespace rooflaw::app {

/// What is said of a phase that has taken so long; how much longer it takes, once that can be told.
std::string progress_text(const search::Progress& progress, double elapsed_s);

class RunLog {
 public:
  RunLog();
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// From now on events go to this file too, at its end; empty: no file.
  /// @throws FileError if it cannot be opened, holds anything but such events, or is a file of the
  /// run of this `output`
  void open_json(const std::string& path, const std::string& output);

  void progress(std::string_view phase, const search::Progress& progress);
  /// A line for people, if the event has a text, and one for machines.
  void tell(const cluster::Event& event);
  /// Ends the bar, if there is one.
  void end_bar();

 private:
  using Clock = std::chrono::steady_clock;
  void show(double share, const std::string& text);
  void write_json(const cluster::Event& event);
  std::string json_path_;
  int json_ = -1;
  bool terminal_;
  bool bar_shown_ = false;
  std::string phase_;
  Clock::time_point phase_start_ = Clock::now();
  Clock::time_point last_called_ = phase_start_;
  Clock::time_point last_shown_ = phase_start_;
  Clock::time_point last_recorded_ = phase_start_;
};

}  // namespace rooflaw::app
