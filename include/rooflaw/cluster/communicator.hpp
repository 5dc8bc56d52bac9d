#pragma once
// The only place that sees MPI. A process started by mpirun or srun is one rank of many; started by
// hand it is alone and MPI is never touched.
//
// Waits poll with a back-off instead of Open MPI's blocking calls, which spin: a rank that waits
// leaves its core to those that work.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rooflaw::cluster {

using Bytes = std::vector<std::byte>;

/// What a message is. Those from `alive` on travel on a channel of their own, so that work never
/// waits behind them nor takes one for its own.
enum class Tag : int {
  request = 1,  // a worker reports and asks for a piece
  piece,        // rank 0 gives it
  last_report,  // a worker has no more pieces
  done,         // all have reported; the queue is over
  alive,        // a worker is at work or waits for it
  signal,       // a worker was sent a signal
  failed,       // a worker cannot go on
  stop,         // rank 0 ends the run
  goodbye,      // a worker has stopped
  over,         // all have stopped; messages still on their way are void
};

struct Message {
  int from = 0;
  Tag tag{};
  Bytes bytes;
};

class Communicator {
 public:
  /// Joins the others if the process was started as one rank of several.
  /// @throws MpiError if several processes were started without a way to talk to each other, or if
  ///         MPI cannot start
  Communicator();
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }

  /// Rank 0's bytes on all ranks.
  void broadcast(Bytes& bytes);

  void send(int to, Tag tag, std::span<const std::byte> bytes);

  /// A message about work, or about the run, that is there already.
  std::optional<Message> poll();
  std::optional<Message> poll_control();

  /// Have all messages sent from here left?
  bool all_sent();

  /// Do the others still answer? Once one does not, only abort() ends this process.
  bool all_answer() const { return all_answer_; }
  void note_silence() { all_answer_ = false; }

  /// Ends all ranks at once. For errors after which the others would wait for ever.
  [[noreturn]] void abort(int exit_code);

 private:
  struct Pending;
  struct Channels;
  bool started_ = false;
  bool all_answer_ = true;
  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<Channels> channels_;
  std::vector<std::unique_ptr<Pending>> sending_;
};

/// Pauses between looks: 20 us at first, up to 2 ms.
class BackOff {
 public:
  void pause();

 private:
  std::chrono::microseconds next_{20};
};

/// Plain values as bytes and back. @throws MpiError if the size does not fit
template <class T>
Bytes to_bytes(std::span<const T> values) {
  const auto raw = std::as_bytes(values);
  return {raw.begin(), raw.end()};
}
Bytes to_bytes(const std::string& text);
std::string to_text(const Bytes& bytes);

}  // namespace rooflaw::cluster
