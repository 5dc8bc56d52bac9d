// Scored pairs of architecture and target per second of strategy grid, one rank.
//
// Each iteration scores a whole space from empty frontiers, tables included. `pairs` is a rate:
// pairs per second. See README.md for results and how to read them.

#include <string>

#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include "read_job.hpp"
#include "rooflaw/search/grid/grid.hpp"

namespace {

using namespace rooflaw;

/// A job over `targets` = 6 or 18 targets; `edge` widens the space to about 10^6 architectures.
std::string job_text(int devices, bool budgets) {
  const std::string chips =
      devices == 1
          ? "\"jetson-agx-orin-64gb\""
          : "\"jetson-agx-orin-64gb\", \"jetson-orin-nano-super-8gb\", \"jetson-thor-t5000\"";
  return fmt::format(R"(
[job]
name = "bench"
[space]
layers = {{from = 2, to = 48, step = 2}}
widths = {{from = 512, to = 4096, step = 128}}
head_dim = 128
kv_heads = [1, 2, 4, 8, "heads"]
expert_ffn_ratio = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4]
experts = [1, 4, 8, 16, 32, 64]
top_k = [1, 2, 4]
vocab = 128256
[law]
id = "codesign-2026"
[targets]
devices = [{}]
precisions = ["fp16", "int8"]
workloads = ["vla"]
latency = ["prefill", "tpot", "total"]
memory_budget = "{}"
)",
                     chips, budgets ? "capacity" : "none");
}

void grid(benchmark::State& state) {
  const io::Job job =
      bench::read_job_text(job_text(static_cast<int>(state.range(0)), state.range(1) != 0));
  const search::GridPlan plan(job.question);
  std::int64_t pairs = 0;
  std::size_t points = 0;
  for (auto _ : state) {
    const auto tables = search::fill_tables(job.question);
    search::Scanner scanner(job.question, tables);
    plan.look_around(scanner);
    for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
    pairs += scanner.pairs_scored();
    points = 0;
    for (const auto& frontier : scanner.frontiers()) points += frontier.size();
  }
  state.counters["pairs"] =
      benchmark::Counter(static_cast<double>(pairs), benchmark::Counter::kIsRate);
  state.counters["architectures"] = static_cast<double>(plan.architectures());
  state.counters["targets"] = static_cast<double>(job.question.targets.size());
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
