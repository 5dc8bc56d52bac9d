#pragma once
// The only place that sees MPI. A process started by mpirun or srun is one rank of many; started by
// hand it is alone and MPI is never touched.
//
// Waits poll with a back-off instead of Open MPI's blocking calls, which spin: a rank that waits
// leaves its core to those that work.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rooflaw::cluster {

using Bytes = std::vector<std::byte>;

enum class Tag : int { request = 1, piece = 2, result = 3 };

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

  /// A message that is there already, if any.
  std::optional<Message> poll();
  /// Waits for one.
  Message receive();
  /// Waits for one of this rank; others wait their turn.
  Message receive_from(int rank);

  /// Ends all ranks at once. For errors after which the others would wait for ever.
  [[noreturn]] void abort(int exit_code);

 private:
  struct Pending;
  std::optional<Message> poll_from(int source);
  bool started_ = false;
  int rank_ = 0;
  int size_ = 1;
  std::vector<std::unique_ptr<Pending>> sending_;
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
