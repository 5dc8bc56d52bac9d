#include "rooflaw/cluster/mpi_communicator.hpp"

#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "call_watch.hpp"
#include "rooflaw/cluster/launcher.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/core/patient_write.hpp"

namespace rooflaw::cluster {

namespace {

/// Beside a tag: the message goes on in the next one from there.
constexpr int more_follows = 1 << 8;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError(
      fmt::format("{}: {}", call, std::string_view(text, static_cast<std::size_t>(length))));
}

int launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (const char* text = std::getenv(name)) return std::atoi(text);
  return 0;
}

/// Copies from one process's memory into another's need one user namespace. Where ranks have
/// several, as in rootless containers, Open MPI 4 notices and then loses messages of megabytes.
/// Ours are small: it need not try. An empty value leaves the choice to Open MPI.
void choose_copies() {
  constexpr auto mechanism = "OMPI_MCA_btl_vader_single_copy_mechanism";
  if (const char* given = std::getenv(mechanism); given != nullptr && *given == '\0')
    ::unsetenv(mechanism);
  else
    ::setenv(mechanism, "none", 0);
}

/// Process 1 among several: each has a PID namespace of its own, as a container gives it. Open
/// MPI's shared memory tells processes by their numbers, and crashes.
void choose_transport() {
  constexpr auto transport = "OMPI_MCA_btl";
  if (::getpid() != 1 || !said_to_be_several() || std::getenv(transport) != nullptr) return;
  ::setenv(transport, "^vader", 1);
  if (launched_rank() == 0)
    say("rooflaw: each rank is process 1 of a PID namespace of its own, where Open MPI's shared "
        "memory does not work: messages go another way (OMPI_MCA_btl=^vader; slurm/README.md, "
        "Containers)\n");
}

std::string library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string_view all(text, static_cast<std::size_t>(length));
  return std::string(all.substr(0, all.find_first_of(",\n")));
}

}  // namespace

struct MpiCommunicator::Channel {
  /// Of a message on its way; its bytes must stay until it is there.
  struct Part {
    int rank = 0;  // the other one
    int tag = 0;
    Bytes bytes{};
    MPI_Request request = MPI_REQUEST_NULL;
  };
  MPI_Comm communicator = MPI_COMM_NULL;
  std::map<int, std::list<Part>> sending;  // by rank, in order; those that have begun first
  std::list<Part> receiving;
  bool may_hold_more = false;  // of those that are there: the last look at them found one
  std::map<int, Bytes> begun;  // by rank: what there is of a message of several parts
};

MpiCommunicator::MpiCommunicator(const WatchOptions& options)
    : work_(std::make_unique<Channel>()), control_(std::make_unique<Channel>()) {
  if (!launched_as_rank()) {
    if (const auto said = said_to_be_several())
      throw MpiError(
          fmt::format("several processes were started ({}) that cannot talk to each other; use "
                      "srun --mpi=pmix (srun --mpi=list shows what there is) or the mpirun of the "
                      "MPI that rooflaw is built with, {}",
                      *said, library()));
    return;
  }
  calls_ = std::make_unique<CallWatch>(options, launched_rank());
  join();
  const auto said = said_to_be_several();
  if (size_ > 1 || !said) return;
  const std::string mpi = library();
  leave(static_cast<int>(ExitCode::mpi_error));
  throw MpiError(
      fmt::format("several processes were started ({}), but each is alone: rooflaw is built with "
                  "{}, which does not know this launcher; use the mpirun of that MPI, or srun "
                  "--mpi=pmix (srun --mpi=list shows what there is)",
                  *said, mpi));
}

void MpiCommunicator::join() {
  choose_copies();
  choose_transport();
  const auto call = [this](const char* name, auto function) {
    const CallWatch::Call here(*calls_, name);
    check(function(), name);
  };
  call("MPI_Init", [] { return MPI_Init(nullptr, nullptr); });
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  for (Channel* channel : {work_.get(), control_.get()})
    call("MPI_Comm_dup", [&] { return MPI_Comm_dup(MPI_COMM_WORLD, &channel->communicator); });
  find_nodes();
}

/// Ranks of a node have the same lowest rank. ROOFLAW_RANKS_PER_NODE takes so many in a row for a
/// node, for tests of many nodes on one.
void MpiCommunicator::find_nodes() {
  const auto call = [this](const char* name, auto function) {
    const CallWatch::Call here(*calls_, name);
    check(function(), name);
  };
  int first = rank_;
  if (const char* per_node = std::getenv("ROOFLAW_RANKS_PER_NODE")) {
    first -= rank_ % std::max(1, std::atoi(per_node));
  } else {
    MPI_Comm node = MPI_COMM_NULL;
    call("MPI_Comm_split_type", [&] {
      return MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node);
    });
    call("MPI_Bcast", [&] { return MPI_Bcast(&first, 1, MPI_INT, 0, node); });
    call("MPI_Comm_free", [&] { return MPI_Comm_free(&node); });
  }
  std::vector<int> node_of(static_cast<std::size_t>(size_));
  call("MPI_Allgather", [&] {
    return MPI_Allgather(&first, 1, MPI_INT, node_of.data(), 1, MPI_INT, MPI_COMM_WORLD);
  });
  tree_ = place_in_tree(rank_, node_of);
}

MpiCommunicator::~MpiCommunicator() { leave(static_cast<int>(ExitCode::internal_error)); }

void MpiCommunicator::leave(int exit_code) {
  if (!calls_) return;
  calls_->over(exit_code);
  {
    const CallWatch::Call here(*calls_, "MPI_Finalize");
    MPI_Finalize();
  }
  calls_.reset();
}

MpiCommunicator::Channel& MpiCommunicator::channel_of(Tag tag) {
  return tag < Tag::alive ? *work_ : *control_;
}

void MpiCommunicator::send(int to, Tag tag, std::span<const std::byte> bytes) {
  Channel& channel = channel_of(tag);
  auto& parts = channel.sending[to];
  do {
    const auto part = bytes.first(std::min(bytes.size(), largest_part));
    bytes = bytes.subspan(part.size());
    parts.push_back({.rank = to,
                     .tag = static_cast<int>(tag) | (bytes.empty() ? 0 : more_follows),
                     .bytes = {part.begin(), part.end()}});
  } while (!bytes.empty());
  send_on(channel);
}

/// Begins what may be on its way now: to each rank a megabyte at once. Has all left?
bool MpiCommunicator::send_on(Channel& channel) {
  if (channel.sending.empty()) return true;
  const CallWatch::Call here(*calls_, "MPI_Isend");
  for (auto line = channel.sending.begin(); line != channel.sending.end();) {
    auto& parts = line->second;
    std::size_t under_way = 0;
    for (auto part = parts.begin(); part != parts.end();) {
      if (part->request == MPI_REQUEST_NULL) {
        if (under_way > 0 && under_way + part->bytes.size() > largest_part) break;
        check(MPI_Isend(part->bytes.data(), static_cast<int>(part->bytes.size()), MPI_BYTE,
                        part->rank, part->tag, channel.communicator, &part->request),
              "MPI_Isend");
      }
      int done = 0;
      check(MPI_Test(&part->request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      if (done == 0) under_way += part->bytes.size();
      part = done == 0 ? std::next(part) : parts.erase(part);
    }
    line = parts.empty() ? channel.sending.erase(line) : std::next(line);
  }
  return channel.sending.empty();
}

bool MpiCommunicator::all_sent() {
  const bool work = send_on(*work_);
  return send_on(*control_) && work;
}

/// What has come is dealt with before a look for more: at each that finds nothing Open MPI gives up
/// a core that several ranks share.
std::optional<Message> MpiCommunicator::poll_on(Channel& channel) {
  if (size_ == 1) return std::nullopt;
  send_on(channel);
  if (channel.may_hold_more)
    if (auto message = received(channel)) return message;
  begin_receiving(channel);
  return received(channel);
}

void MpiCommunicator::begin_receiving(Channel& channel) {
  const CallWatch::Call here(*calls_, "MPI_Improbe");
  for (;;) {
    int there = 0;
    MPI_Message handle{};
    MPI_Status status{};
    check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, channel.communicator, &there, &handle, &status),
          "MPI_Improbe");
    if (there == 0) return;
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    auto& part = channel.receiving.emplace_back(
        Channel::Part{.rank = status.MPI_SOURCE,
                      .tag = status.MPI_TAG,
                      .bytes = Bytes(static_cast<std::size_t>(length))});
    check(MPI_Imrecv(part.bytes.data(), length, MPI_BYTE, &handle, &part.request), "MPI_Imrecv");
  }
}

/// The next of those that are under way and have come.
std::optional<Message> MpiCommunicator::received(Channel& channel) {
  channel.may_hold_more = false;
  if (channel.receiving.empty()) return std::nullopt;
  const CallWatch::Call here(*calls_, "MPI_Test");
  std::vector<int> behind;  // ranks whose next part is not there yet
  for (auto part = channel.receiving.begin(); part != channel.receiving.end();) {
    const int from = part->rank;
    int done = 0;
    if (std::find(behind.begin(), behind.end(), from) == behind.end())
      check(MPI_Test(&part->request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0) {
      behind.push_back(from);
      ++part;
      continue;
    }
    Channel::Part arrived = std::move(*part);
    part = channel.receiving.erase(part);
    auto& begun = channel.begun[from];
    begun.insert(begun.end(), arrived.bytes.begin(), arrived.bytes.end());
    if ((arrived.tag & more_follows) != 0) continue;
    channel.may_hold_more = true;
    return Message{from, static_cast<Tag>(arrived.tag), std::exchange(begun, {})};
  }
  return std::nullopt;
}

std::optional<Message> MpiCommunicator::poll_work() { return poll_on(*work_); }

std::optional<Message> MpiCommunicator::poll_control() { return poll_on(*control_); }

void MpiCommunicator::abort(int exit_code) {
  if (calls_) {
    calls_->over(exit_code);
    const CallWatch::Call here(*calls_, "MPI_Abort");
    MPI_Abort(MPI_COMM_WORLD, exit_code);
  }
  std::_Exit(exit_code);
}

}  // namespace rooflaw::cluster
