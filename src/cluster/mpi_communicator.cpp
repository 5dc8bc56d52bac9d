#include "rooflaw/cluster/mpi_communicator.hpp"

#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>

#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::cluster {

namespace {

bool set(const char* variable) { return std::getenv(variable) != nullptr; }

int number(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

/// Was this process started by mpirun or by srun with a PMI?
bool launched_as_rank() {
  return set("OMPI_COMM_WORLD_SIZE") || set("PMIX_RANK") || set("PMI_RANK");
}

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError(
      fmt::format("{}: {}", call, std::string_view(text, static_cast<std::size_t>(length))));
}

int count(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw MpiError(fmt::format("a message of {} bytes is larger than MPI can send", bytes));
  return static_cast<int>(bytes);
}

bool finished(MPI_Request& request) {
  int done = 0;
  check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

void wait_for(MPI_Request& request) {
  for (BackOff back_off; !finished(request);) back_off.pause();
}

std::optional<Message> poll_on(MPI_Comm channel) {
  int there = 0;
  MPI_Message handle{};
  MPI_Status status{};
  check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, channel, &there, &handle, &status), "MPI_Improbe");
  if (there == 0) return std::nullopt;
  int length = 0;
  MPI_Get_count(&status, MPI_BYTE, &length);
  Message message{status.MPI_SOURCE, static_cast<Tag>(status.MPI_TAG),
                  Bytes(static_cast<std::size_t>(length))};
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Imrecv(message.bytes.data(), length, MPI_BYTE, &handle, &request), "MPI_Imrecv");
  wait_for(request);
  return message;
}

}  // namespace

/// A message on its way; its bytes must stay until it is gone.
struct MpiCommunicator::Pending {
  Bytes bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

struct MpiCommunicator::Channels {
  MPI_Comm work = MPI_COMM_NULL;
  MPI_Comm control = MPI_COMM_NULL;
};

MpiCommunicator::MpiCommunicator() : channels_(std::make_unique<Channels>()) {
  if (!launched_as_rank()) {
    if (set("SLURM_STEP_ID") && number("SLURM_STEP_NUM_TASKS") > 1)
      throw MpiError(
          "srun started several processes that cannot talk to each other; use srun --mpi=pmix "
          "(srun --mpi=list shows what there is) or mpirun");
    return;
  }
  check(MPI_Init(nullptr, nullptr), "MPI_Init");
  started_ = true;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  if (size_ == 1 && number("SLURM_STEP_NUM_TASKS") > 1)
    throw MpiError(
        "each process that srun started is alone: this MPI does not know srun's PMI; use srun "
        "--mpi=pmix or mpirun");
  check(MPI_Comm_dup(MPI_COMM_WORLD, &channels_->work), "MPI_Comm_dup");
  check(MPI_Comm_dup(MPI_COMM_WORLD, &channels_->control), "MPI_Comm_dup");
}

MpiCommunicator::~MpiCommunicator() {
  if (!started_) return;
  try {
    for (auto& pending : sending_) wait_for(pending->request);
  } catch (const MpiError&) {
    // The receiver is gone; nothing is left to tell it.
  }
  MPI_Finalize();
}

void MpiCommunicator::send(int to, Tag tag, std::span<const std::byte> bytes) {
  all_sent();  // frees those that have left
  auto pending = std::make_unique<Pending>();
  pending->bytes.assign(bytes.begin(), bytes.end());
  check(MPI_Isend(pending->bytes.data(), count(bytes.size()), MPI_BYTE, to, static_cast<int>(tag),
                  tag < Tag::alive ? channels_->work : channels_->control, &pending->request),
        "MPI_Isend");
  sending_.push_back(std::move(pending));
}

std::optional<Message> MpiCommunicator::poll_work() {
  return size_ == 1 ? std::nullopt : poll_on(channels_->work);
}

std::optional<Message> MpiCommunicator::poll_control() {
  return size_ == 1 ? std::nullopt : poll_on(channels_->control);
}

bool MpiCommunicator::all_sent() {
  std::erase_if(sending_, [](const std::unique_ptr<Pending>& p) { return finished(p->request); });
  return sending_.empty();
}

void MpiCommunicator::abort(int exit_code) {
  if (started_) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace rooflaw::cluster
