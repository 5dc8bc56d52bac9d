// A queue of slow pieces that one rank cannot do: failing_rank RANK throw|memory|leave. What
// becomes of the others is for tests/mpi/test_failing_rank.py to see.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/queue.hpp"
#include "rooflaw/cluster/ranked_command.hpp"

namespace {

using namespace rooflaw;

class Pieces : public Work {
 public:
  Pieces(bool fails, std::string how) : fails_(fails), how_(std::move(how)) {}
  std::int64_t pieces() const override { return 1000; }
  std::string name(std::int64_t piece) const override { return "piece " + std::to_string(piece); }
  void score(std::int64_t, const Between& between) override {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      between();
    }
    if (!fails_) return;
    if (how_ == "throw") throw FileError("some.file", "cannot be read");
    if (how_ == "memory") std::vector<char> much(std::size_t{1} << 60);
    std::_Exit(7);
  }
  Bytes report() override { return {}; }
  void absorb(const Bytes&) override {}

 private:
  bool fails_;
  std::string how_;
};

}  // namespace

int main(int, char** arguments) {
  cluster::MpiCommunicator ranks;
  Pieces work(ranks.rank() == std::atoi(arguments[1]), arguments[2]);
  const cluster::RankedCommand command{
      .sink = [](const cluster::Event&) {},
      .prepare = [](cluster::WatchOptions&) { return Bytes{}; },
      .work =
          [&](const Bytes&, cluster::Watch& watch) {
            cluster::QueueState state;
            search::Serving serving;
            cluster::run_queue(work, state, ranks, watch, {}, serving);
          },
      .finish = [](cluster::Watch&) {},
      .stopped = [](const std::string&) { return ExitCode::stopped_early; },
      .failed = [](const std::exception& e) { return app::report_error(e); },
      .ends = [](ExitCode, const std::string&) {}};
  return static_cast<int>(cluster::run_on_ranks(ranks, command));
}
