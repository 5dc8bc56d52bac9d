#pragma once
// The only place that knows MPI. A process started by mpirun or srun is one rank of many; started
// by hand it is alone and MPI is never touched.
//
// A long message goes in parts, one after the other: where ranks share memory but not a user
// namespace, as in rootless containers, Open MPI 4 loses count of more than two megabytes at once.

#include <array>
#include <map>
#include <memory>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::cluster {

class CallWatch;

class MpiCommunicator : public Communicator {
 public:
  /// Joins the others if the process was started as one rank of several. The stall and wall times
  /// of the options hold for MPI's own calls, from MPI_Init on.
  /// @throws MpiError if several processes were started without a way to talk to each other, or if
  ///         MPI cannot start
  explicit MpiCommunicator(const WatchOptions& options = {});
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const TreePlace& tree() const override { return tree_; }
  void send(int to, Tag tag, std::span<const std::byte> bytes) override;
  bool all_sent() override;
  std::optional<Message> poll_control() override;
  [[noreturn]] void abort(int exit_code) override;
  void leave(int exit_code) override;

 protected:
  std::optional<Message> poll_work() override;

 private:
  struct Channel;
  void join();
  void find_nodes();
  Channel& channel_of(Tag tag);
  std::optional<Message> poll_on(Channel& channel);
  void begin_receiving(Channel& channel);
  std::optional<Message> received(Channel& channel);
  bool send_on(Channel& channel);

  std::unique_ptr<CallWatch> calls_;  // while MPI is started
  int rank_ = 0;
  int size_ = 1;
  TreePlace tree_;
  std::unique_ptr<Channel> work_, control_;
};

}  // namespace rooflaw::cluster
