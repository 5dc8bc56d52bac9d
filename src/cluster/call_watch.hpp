#pragma once
// Calls of MPI that do not come back. MPI_Init and MPI_Finalize wait for other ranks inside the
// library, where no loop of ours can look at the watch; and any call may, if a rank was stopped
// while it held a lock in shared memory. So a thread, which calls no MPI, looks at how long the
// call at hand takes: it names one that stalls, and ends this process where the run should have
// ended (a signal, the wall time, MPI_Finalize). The launcher then ends the others, or they do so
// themselves.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::cluster {

class CallWatch {
 public:
  /// Looks until it is destroyed. `rank` as the launcher tells it.
  CallWatch(WatchOptions options, int rank);
  ~CallWatch();

  /// A call, from here to the end of the object.
  class Call {
   public:
    Call(CallWatch& watch, const char* name) : watch_(watch) {
      watch_.calls_.store(watch_.calls_.load(relaxed) + 1, relaxed);
      watch_.name_.store(name, relaxed);
    }
    ~Call() { watch_.name_.store(nullptr, relaxed); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CallWatch& watch_;
  };

  /// From now on the run is over, with this code: a call that stalls is not waited for.
  void over(int exit_code) { exit_code_ = exit_code; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto relaxed =
      std::memory_order_relaxed;  // there are many calls, a thread calls
  void run();
  void stalled(const char* name, double silent);

  const WatchOptions options_;
  const int rank_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<const char*> name_ = nullptr;  // of the call at hand
  std::atomic<std::uint64_t> calls_ = 0;
  std::atomic<int> exit_code_ = -1;
  bool told_ = false;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace rooflaw::cluster
