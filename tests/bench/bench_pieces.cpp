// What every piece of strategy exact costs: for a simulation of many ranks.
//
//   bench_pieces JOB [table.key=value ...]       one rank; JOB of jobs/, without .toml
//
// One JSON object a line: {"piece", "level", "frame", "seconds" (CPU), "boxes" looked at, "pairs"
// scored, "points" added to frontiers} in the order they are handed out, and before each level
// {"level", "pieces", "frames", "tables_seconds", "prepare_seconds"}, behind it {"level",
// "settle_seconds", "frontier_points", "peak_memory_MiB"}.

#include <sys/resource.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "read_job.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/state.hpp"

namespace {

using namespace rooflaw;
using nlohmann::json;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void print(const json& line) { fmt::print("{}\n", line.dump()); }

struct Count {
  std::uint64_t additions = 0, points = 0;
};
Count count(const search::Scanner& scanner) {
  Count c;
  for (const auto& frontier : scanner.frontiers()) {
    c.additions += frontier.additions();
    c.points += frontier.size();
  }
  return c;
}

/// The frontiers before the last level, with a tolerance.
std::vector<search::LossBound> lowered_seed(double tolerance, const search::Scanner& scanner) {
  std::vector<search::LossBound> seed;
  for (const auto& points : search::points_of(scanner.frontiers()))
    seed.emplace_back(points, tolerance);
  return seed;
}

void score_pieces(search::ExactLevel& level, std::size_t number, search::Scanner& scanner) {
  for (search::Index piece = 0; piece < level.pieces(); ++piece) {
    const auto boxes = level.boxes_looked_at();
    const auto pairs = scanner.pairs_scored();
    const auto points = count(scanner).additions;
    const double before = cpu_seconds();
    level.score(piece, scanner, {});
    print({{"piece", piece},
           {"level", number},
           {"frame", level.frame_of(piece)},
           {"seconds", cpu_seconds() - before},
           {"boxes", level.boxes_looked_at() - boxes},
           {"pairs", scanner.pairs_scored() - pairs},
           {"points", count(scanner).additions - points}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bench_pieces JOB [table.key=value ...]\n", stderr);
    return 2;
  }
  const io::Job job = bench::read_job(argv[1], std::vector<std::string>(argv + 2, argv + argc));
  const search::Question& question = job.question;
  const auto* exact = std::get_if<search::Exact>(&job.method);
  if (exact == nullptr) {
    std::fputs("search.strategy must be exact\n", stderr);
    return 2;
  }
  const double start = cpu_seconds();
  const auto tables = search::fill_tables(question);
  const double tables_seconds = cpu_seconds() - start;
  search::Scanner scanner(question, tables);
  const auto levels = search::exact_levels(question.space);
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const double before = cpu_seconds();
    std::vector<search::LossBound> seed;
    if (exact->tolerance > 0 && l > 0 && l + 1 == levels.size())
      seed = lowered_seed(exact->tolerance, scanner);
    search::ExactLevel level(question, tables, levels[l], std::move(seed));
    print({{"level", l},
           {"pieces", level.pieces()},
           {"frames", levels[l][search::Axis::ffn].size() * levels[l][search::Axis::width].size()},
           {"tables_seconds", l == 0 ? tables_seconds : 0.0},
           {"prepare_seconds", cpu_seconds() - before}});
    score_pieces(level, l, scanner);
    const double scored = cpu_seconds();
    level.settle(scanner);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    print({{"level", l},
           {"settle_seconds", cpu_seconds() - scored},
           {"frontier_points", count(scanner).points},
           {"peak_memory_MiB", usage.ru_maxrss / 1024}});
  }
  return 0;
}
