// The closed-form optimum beside every frontier point: microseconds a point, one rank.
//
//   bench_theory [JOB=exact_1e8] [RUNS=5]        JOB of jobs/
//
// The frontiers are those of strategy exact; they are found once. A run then does what the search
// does with them, block by block, and solves every tenth point by itself to compare. Processor
// time, medians. Results: README.md.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "read_job.hpp"
#include "rooflaw/search/analysis.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/state.hpp"

namespace {

using namespace rooflaw;

constexpr std::size_t block = 512;  // as in cluster/theory_phase.cpp
constexpr std::size_t every = 10;   // of which points are solved by themselves too

std::vector<search::FrontierPoints> frontiers_of(const search::Question& question) {
  const auto tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (const auto& subspace : search::exact_levels(question.space)) {
    search::ExactLevel level(question, tables, subspace, {});
    for (search::Index piece = 0; piece < level.pieces(); ++piece) level.score(piece, scanner, {});
  }
  return search::points_of(scanner.frontiers());
}

struct Answer {
  std::vector<search::TheoryRow> rows;
  std::vector<double> micros;  // of a point, a run each
};

/// Blocks of `size` points, one of them in every `step` points.
void solve(const search::Question& question, const std::vector<search::FrontierPoints>& frontiers,
           std::size_t size, std::size_t step, Answer& answer) {
  answer.rows.clear();
  const std::clock_t start = std::clock();  // of this process: others may use the processor too
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (std::size_t first = 0; first < frontiers[t].size(); first += step) {
      const std::span points = std::span(frontiers[t]).subspan(first);
      const auto some = search::theory_rows(question, question.targets[t],
                                            points.first(std::min(size, points.size())));
      answer.rows.insert(answer.rows.end(), some.begin(), some.end());
    }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  answer.micros.push_back(1e6 * seconds / static_cast<double>(answer.rows.size()));
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
  Answer together, alone;
  for (int run = 0; run < runs; ++run) {
    solve(question, frontiers, block, block, together);
    solve(question, frontiers, 1, every, alone);
  }
  double difference = 0;
  std::size_t first = 0, i = 0;
  for (const auto& points : frontiers) {
    for (std::size_t p = 0; p < points.size(); p += every, ++i) {
      const double loss = together.rows[first + p].loss;
      const double expected = alone.rows[i].loss;
      if (!std::isnan(loss) || !std::isnan(expected))
        difference = std::max(difference, std::abs(loss / expected - 1.0));
    }
    first += points.size();
  }
  fmt::print(
      "{}: {} targets, {} points, {:.2f} us a point in blocks of {}, {:.2f} us each by "
      "itself; losses differ by {:.1e} at most\n",
      name, frontiers.size(), together.rows.size(), median(together.micros), block,
      median(alone.micros), difference);
  return difference <= 1e-10 ? 0 : 1;
}
