// Long messages between all ranks at once, and whether they arrive whole: long_messages BYTES
// MAX_WALL STALL_AFTER. For tests/mpi/test_containers.py.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/ranked_command.hpp"
#include "rooflaw/cluster/share.hpp"

namespace {

using namespace rooflaw;

Bytes pattern(std::size_t size, int of) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>((i * 31 + i / 4099 + static_cast<std::size_t>(of)) & 0xff);
  return bytes;
}

void require(bool good, const char* what) {
  if (!good) throw Error(std::string("not as it was sent: ") + what);
}

/// Each sends to rank 0 a long message between two short ones, and rank 0 to each.
void exchange(std::size_t size, cluster::Communicator& ranks, cluster::Watch& watch) {
  const auto send = [&](int to) {
    ranks.send(to, cluster::Tag::request, pattern(1, 1));
    ranks.send(to, cluster::Tag::pieces, pattern(size, ranks.rank()));
    ranks.send(to, cluster::Tag::request, pattern(0, 2));
  };
  const auto take = [&] {
    for (cluster::BackOff back_off;; back_off.pause()) {
      if (auto message = ranks.poll()) return std::move(*message);
      watch.look();
    }
  };
  const int others = ranks.size() - 1;
  if (ranks.is_root())
    for (int rank = 1; rank <= others; ++rank) send(rank);
  else
    send(0);
  std::vector<int> seen(static_cast<std::size_t>(ranks.size()));
  for (int left = 3 * (ranks.is_root() ? others : 1); left > 0; --left) {
    const auto message = take();
    int& count = seen[static_cast<std::size_t>(message.from)];
    if (count == 0) require(message.bytes == pattern(1, 1), "the first");
    if (count == 1) {
      require(message.tag == cluster::Tag::pieces, "the order");
      require(message.bytes == pattern(size, message.from), "the long one");
    }
    if (count == 2) require(message.bytes.empty(), "the last");
    ++count;
  }
  // Who has all may still have something for others; nobody sends it for who does not ask.
  for (cluster::BackOff back_off; !ranks.all_sent(); back_off.pause()) watch.look();
}

}  // namespace

int main(int, char** arguments) {
  const auto size = static_cast<std::size_t>(std::atoll(arguments[1]));
  cluster::WatchOptions options;
  options.max_wall_s = std::atof(arguments[2]);
  options.stall_after_s = std::atof(arguments[3]);
  cluster::MpiCommunicator ranks(options);
  const cluster::RankedCommand command{
      .watch = options,
      .sink =
          [](const cluster::Event& event) {
            if (!event.text.empty()) std::fprintf(stderr, "%s\n", event.text.c_str());
          },
      .prepare = [&](cluster::WatchOptions&) { return pattern(size, 7); },
      .work =
          [&](const Bytes& prepared, cluster::Watch& watch) {
            require(prepared == pattern(size, 7), "what was shared");
            exchange(size, ranks, watch);
          },
      .finish = [](cluster::Watch&) { std::puts("all arrived"); },
      .stopped =
          [](const std::string& reason) {
            std::fprintf(stderr, "stopped (%s)\n", reason.c_str());
            return ExitCode::stopped_early;
          },
      .failed = [](const std::exception& e) { return app::report_error(e); },
      .ends = [](ExitCode, const std::string&) {}};
  return static_cast<int>(cluster::run_on_ranks(ranks, command));
}
