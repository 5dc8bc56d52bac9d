// A queue of slow pieces that one rank cannot do: failing_rank RANK throw|memory|leave. What
// becomes of the others is for tests/mpi/test_failing_rank.py to see.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/queue.hpp"

namespace {

using namespace rooflaw;

class Pieces : public cluster::Work {
 public:
  Pieces(bool fails, std::string how) : fails_(fails), how_(std::move(how)) {}
  cluster::Index pieces() const override { return 1000; }
  std::string name(cluster::Index piece) const override { return "piece " + std::to_string(piece); }
  void score(cluster::Index, const cluster::Between& between) override {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      between();
    }
    if (!fails_) return;
    if (how_ == "throw") throw FileError("some.file", "cannot be read");
    if (how_ == "memory") std::vector<char> much(std::size_t{1} << 60);
    std::_Exit(7);
  }
  cluster::Bytes report() override { return {}; }
  void absorb(const cluster::Bytes&) override {}

 private:
  bool fails_;
  std::string how_;
};

}  // namespace

int main(int, char** arguments) {
  cluster::Communicator ranks;
  cluster::Watch watch(ranks, {}, [](const cluster::Event&) {});
  Pieces work(ranks.rank() == std::atoi(arguments[1]), arguments[2]);
  try {
    watch.together([&] {
      cluster::QueueState state;
      cluster::Serving serving;
      cluster::run_queue(work, state, ranks, watch, {}, serving);
    });
  } catch (const std::exception& e) {
    ranks.abort(static_cast<int>(app::report_error(e)));
  }
  return 0;
}
