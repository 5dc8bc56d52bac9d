// The closed-form optimum beside every frontier point: microseconds a point, one rank.
//
//   bench_theory [JOB=exact_1e8] [RUNS=5]        JOB of jobs/
//
// The frontiers are those of strategy exact; they are found once. A run then does what the search
// does with them, block by block, and beside it every point by itself. Results: README.md.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "read_job.hpp"
#include "rooflaw/search/analysis.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/state.hpp"

namespace {

using namespace rooflaw;
using Clock = std::chrono::steady_clock;

constexpr std::size_t block = 512;  // as in cluster/theory_phase.cpp

std::vector<search::FrontierPoints> frontiers_of(const search::Question& question) {
  const auto tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (const auto& subspace : search::exact_levels(question.space)) {
    search::ExactLevel level(question, tables, subspace, {});
    for (search::Index piece = 0; piece < level.pieces(); ++piece) level.score(piece, scanner, {});
  }
  return search::points_of(scanner.frontiers());
}

/// All rows, in blocks of so many points, and the seconds it took.
double solve(const search::Question& question, const std::vector<search::FrontierPoints>& frontiers,
             std::size_t size, std::vector<search::TheoryRow>& rows) {
  rows.clear();
  const auto start = Clock::now();
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (std::size_t first = 0; first < frontiers[t].size(); first += size) {
      const std::span points = std::span(frontiers[t]).subspan(first);
      const auto some = search::theory_rows(question, question.targets[t],
                                            points.first(std::min(size, points.size())));
      rows.insert(rows.end(), some.begin(), some.end());
    }
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "exact_1e8";
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  if (argc > 3 || runs < 1) {
    std::fputs("usage: bench_theory [JOB] [RUNS]\n", stderr);
    return 2;
  }
  const auto question = bench::read_job(name).question;
  const auto frontiers = frontiers_of(question);
  std::vector<search::TheoryRow> rows, alone;
  std::vector<double> seconds, seconds_alone;
  for (int run = 0; run < runs; ++run) {
    seconds.push_back(solve(question, frontiers, block, rows));
    seconds_alone.push_back(solve(question, frontiers, 1, alone));
  }
  double difference = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!std::isnan(rows[i].loss) || !std::isnan(alone[i].loss))
      difference = std::max(difference, std::abs(rows[i].loss / alone[i].loss - 1.0));
  const auto micros = [&](const std::vector<double>& x) {
    return 1e6 * median(x) / static_cast<double>(rows.size());
  };
  fmt::print(
      "{}: {} targets, {} points, {:.2f} us a point in blocks of {}, {:.2f} us each by "
      "itself; losses differ by {:.1e} at most\n",
      name, frontiers.size(), rows.size(), micros(seconds), block, micros(seconds_alone),
      difference);
  return difference <= 1e-10 ? 0 : 1;
}
