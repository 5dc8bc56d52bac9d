// Strategy exact: how much is proven a second, on spaces from 10^6 to 10^12 points.
//
//   bench_search [--largest 1e10] [--targets 1,6,36] [--json]       one rank
//
// A run: tables, all levels, from empty frontiers. `decided` are architectures x targets proven to
// be on a frontier or not, `scored` those whose latency and loss were computed. Grid is run beside
// it up to 10^8 pairs' worth of points. --json prints one object a line. Results: README.md.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "read_job.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/grid/grid.hpp"

namespace {

using namespace rooflaw;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct SpaceSize {
  const char* name;  // of jobs/exact_<name>.toml
  double points;     // about
};

// The same ranges, ever finer.
constexpr SpaceSize sizes[] = {{"1e6", 1e6}, {"1e8", 1e8}, {"1e10", 1.3e10}, {"1e12", 9.8e11}};

search::Question read_question(const SpaceSize& size, int targets, bool budgets) {
  const io::Job job =
      bench::read_job(fmt::format("exact_{}", size.name),
                      {budgets ? "targets.memory_budget=capacity" : "targets.memory_budget=none"});
  if (targets == 1) return bench::only_targets(job.question, "jetson-agx-orin-64gb.fp16.vla.total");
  return targets == 6 ? bench::only_targets(job.question, "jetson-agx-orin-64gb.") : job.question;
}

std::size_t frontier_points(const search::Scanner& scanner) {
  std::size_t points = 0;
  for (const auto& frontier : scanner.frontiers()) points += frontier.size();
  return points;
}

nlohmann::json run(const SpaceSize& size, int targets, bool budgets) {
  const auto question = read_question(size, targets, budgets);
  const auto start = Clock::now();
  const auto tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (const auto& subspace : search::exact_levels(question.space)) {
    search::ExactLevel level(question, tables, subspace, {});
    for (search::Index piece = 0; piece < level.pieces(); ++piece) level.score(piece, scanner, {});
    level.settle(scanner);
  }
  const double seconds = seconds_since(start);
  const double points = static_cast<double>(search::valid_count(question.space));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  nlohmann::json result = {{"space", size.name},
                           {"points", points},
                           {"targets", question.targets.size()},
                           {"memory_budgets", budgets},
                           {"seconds", seconds},
                           {"decided_per_second", points * targets / seconds},
                           {"scored", scanner.pairs_scored()},
                           {"frontier_points", frontier_points(scanner)},
                           {"peak_memory_MiB", usage.ru_maxrss / 1024}};
  constexpr double most_for_grid = 5e9;
  if (points * targets <= most_for_grid) {
    const auto grid_start = Clock::now();
    search::Scanner every(question, tables);
    const search::GridPlan plan(question);
    plan.look_around(every);
    for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, every);
    result["grid_seconds"] = seconds_since(grid_start);
    bool same = true;
    for (std::size_t t = 0; t < question.targets.size(); ++t)
      same = same && every.frontiers()[t].points() == scanner.frontiers()[t].points();
    result["same_as_grid"] = same;
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  double largest = 2e10;
  std::vector<int> targets{1, 6, 36};
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--largest" && i + 1 < argc) {
      largest = std::atof(argv[++i]) * 1.5;
    } else if (argument == "--targets" && i + 1 < argc) {
      targets = {std::atoi(argv[++i])};
    } else {
      std::fputs("usage: bench_search [--largest POINTS] [--targets 1|6|36] [--json]\n", stderr);
      return 2;
    }
  }
  bool right = true;
  if (!json)
    fmt::print("{:<6} {:>7} {:>7} {:>9} {:>16} {:>12} {:>9} {:>10} {:>9}\n", "space", "targets",
               "budgets", "seconds", "decided/s", "scored", "frontier", "grid [s]", "peak MiB");
  for (const auto& size : sizes)
    for (const int n : targets)
      for (const bool budgets : {false, true}) {
        if (size.points > largest) continue;
        const auto r = run(size, n, budgets);
        right = right && r.value("same_as_grid", true);
        if (json)
          fmt::print("{}\n", r.dump());
        else
          fmt::print("{:<6} {:>7} {:>7} {:>9.3f} {:>16.3g} {:>12} {:>9} {:>10} {:>9}\n", size.name,
                     n, budgets ? "yes" : "no", r["seconds"].get<double>(),
                     r["decided_per_second"].get<double>(), r["scored"].get<std::int64_t>(),
                     r["frontier_points"].get<std::int64_t>(),
                     r.contains("grid_seconds")
                         ? fmt::format("{:.3f}", r["grid_seconds"].get<double>())
                         : "-",
                     r["peak_memory_MiB"].get<long>());
        std::fflush(stdout);
      }
  if (!right) std::fputs("exact and grid differ\n", stderr);
  return right ? 0 : 1;
}
