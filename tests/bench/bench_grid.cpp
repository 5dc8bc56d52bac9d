// Scored pairs of architecture and target per second of strategy grid, one rank.
//
// Each iteration scores a whole space from empty frontiers, tables included. `pairs` is a rate:
// pairs per second. See README.md for results and how to read them.

#include <benchmark/benchmark.h>

#include "read_job.hpp"
#include "rooflaw/search/grid/grid.hpp"

namespace {

using namespace rooflaw;

void grid(benchmark::State& state) {
  const bool one_device = state.range(0) == 1;
  const bool budgets = state.range(1) != 0;
  const io::Job job = bench::read_job(
      "grid", {budgets ? "targets.memory_budget=capacity" : "targets.memory_budget=none"});
  const search::Question question =
      bench::only_targets(job.question, one_device ? "jetson-agx-orin-64gb." : "");
  const search::GridPlan plan(question);
  std::int64_t pairs = 0;
  std::size_t points = 0;
  for (auto _ : state) {
    const auto tables = search::fill_tables(question);
    search::Scanner scanner(question, tables);
    plan.look_around(scanner);
    for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
    pairs += scanner.pairs_scored();
    points = 0;
    for (const auto& frontier : scanner.frontiers()) points += frontier.size();
  }
  state.counters["pairs"] =
      benchmark::Counter(static_cast<double>(pairs), benchmark::Counter::kIsRate);
  state.counters["architectures"] = static_cast<double>(plan.architectures());
  state.counters["targets"] = static_cast<double>(question.targets.size());
  state.counters["frontier_points"] = static_cast<double>(points);
}

BENCHMARK(grid)
    ->ArgNames({"devices", "budgets"})
    ->Args({1, 0})
    ->Args({3, 0})
    ->Args({3, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
