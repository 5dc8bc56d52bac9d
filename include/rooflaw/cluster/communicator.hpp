#pragma once
// How ranks talk to each other: messages, and looks at what has come. MPI's is in
// mpi_communicator.hpp; the tests have one whose ranks are threads.
//
// Nothing here waits. Whoever does looks again and again, with a BackOff in between, which leaves
// the core to those that work, and so can look at the watch meanwhile.

#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "rooflaw/cluster/tree.hpp"
#include "rooflaw/core/archive.hpp"

namespace rooflaw::cluster {

/// Longer messages travel in parts of so many bytes.
inline constexpr std::size_t largest_part = std::size_t{1} << 20;

/// What a message is. Those from `alive` on travel on a channel of their own, so that work never
/// waits behind them nor takes one for its own.
enum class Tag : int {
  request = 1,  // a worker asks for pieces
  pieces,       // rank 0 gives them
  news,         // along the tree: what saves others work
  gather,       // down the tree: report
  report,       // up the tree
  done,         // down the tree: all have reported; the queue is over
  shared,       // down the tree: a part of what rank 0 shares with all
  common,       // within a node: where the memory is that its ranks have in common
  alive,        // a rank is at work or waits for it
  signal,       // a worker was sent a signal
  failed,       // a worker cannot go on
  stop,         // rank 0 ends the run
  through,      // it has come to its end, and rank 0 needs nobody any more
  goodbye,      // a worker has stopped; were its messages taken?
  over,         // all have stopped; messages still on their way are void
};

struct Message {
  int from = 0;
  Tag tag{};
  Bytes bytes;
};

class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool is_root() const { return rank() == 0; }
  /// Of this rank.
  virtual const TreePlace& tree() const = 0;

  /// Messages of one rank to another arrive in their order.
  virtual void send(int to, Tag tag, std::span<const std::byte> bytes) = 0;
  /// Have all messages sent from here left?
  virtual bool all_sent() = 0;

  /// A message about work that is there already; or the first with this tag, others stay.
  std::optional<Message> poll();
  std::optional<Message> poll(Tag tag);
  /// One about the run.
  virtual std::optional<Message> poll_control() = 0;

  /// Ends all ranks at once. For errors after which the others would wait for ever.
  [[noreturn]] virtual void abort(int exit_code) = 0;
  /// Takes leave of the others: nothing is sent or looked for any more, and this process ends with
  /// that code.
  virtual void leave(int /*exit_code*/) {}

 protected:
  virtual std::optional<Message> poll_work() = 0;

 private:
  std::deque<Message> waiting_;  // came while another tag was looked for
};

/// Pauses between looks: 20 us at first, up to 5 ms.
class BackOff {
 public:
  void pause();

 private:
  std::chrono::microseconds next_{20};
};

}  // namespace rooflaw::cluster
