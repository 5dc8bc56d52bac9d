#pragma once
// The only place that knows MPI. A process started by mpirun or srun is one rank of many; started
// by hand it is alone and MPI is never touched.

#include <memory>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"

namespace rooflaw::cluster {

class MpiCommunicator : public Communicator {
 public:
  /// Joins the others if the process was started as one rank of several.
  /// @throws MpiError if several processes were started without a way to talk to each other, or if
  ///         MPI cannot start
  MpiCommunicator();
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int to, Tag tag, std::span<const std::byte> bytes) override;
  bool all_sent() override;
  std::optional<Message> poll_control() override;
  [[noreturn]] void abort(int exit_code) override;

 protected:
  std::optional<Message> poll_work() override;

 private:
  struct Pending;
  struct Channels;
  bool started_ = false;
  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<Channels> channels_;
  std::vector<std::unique_ptr<Pending>> sending_;
};

}  // namespace rooflaw::cluster
