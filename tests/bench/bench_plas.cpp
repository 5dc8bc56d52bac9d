// How many calls of the model PLAS needs for a frontier that is known, beside general-purpose
// optimisers (pagmo, where it is installed) and random search.
//
//   bench_plas [SEEDS [EVALUATIONS_OF_THE_OTHERS]]      default 11, 20000
//
// Space and target, of jobs/plas.toml: 468,120 architectures, AGX Orin, fp16, vla, total latency,
// no memory budget. Measure: share of the true frontier's hypervolume in its box (log10 latency,
// loss; reference at 1.1 times the box). A relaxed point with its gradient counts as two calls. The
// others search over places of the same lattice, repaired the same way; of them every evaluated
// point counts, not their population alone. Results: README.md.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>

#ifdef ROOFLAW_PAGMO
#include <pagmo/algorithms/moead.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/algorithms/nspso.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#endif

#include <fmt/format.h>

#include "read_job.hpp"
#include "rooflaw/core/random.hpp"
#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/plas/plas.hpp"

namespace {

using namespace rooflaw;

/// The frontier to find, and how much of it another has.
class Truth {
 public:
  explicit Truth(const search::Question& question) {
    const auto tables = search::fill_tables(question);
    search::Scanner scanner(question, tables);
    const search::GridPlan plan(question);
    for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
    points_ = scanner.frontiers().front().points();
    for (const auto& p : points_) indices_.insert(p.index);
    const double fastest = std::log10(points_.front().latency_s);
    const double slowest = std::log10(points_.back().latency_s);
    const double low = points_.back().loss, high = points_.front().loss;
    latency_s_ = std::pow(10.0, fastest + 1.1 * (slowest - fastest));
    loss_ = low + 1.1 * (high - low);
    volume_ = search::hypervolume(points_, latency_s_, loss_);
  }
  std::size_t size() const { return points_.size(); }
  double share(const search::Frontier& found) const {
    return search::hypervolume(found.points(), latency_s_, loss_) / volume_;
  }
  bool complete(const search::Frontier& found) const {
    std::size_t hits = 0;
    for (const auto& p : found.points()) hits += indices_.count(p.index);
    return hits == indices_.size();
  }

 private:
  std::vector<search::FrontierPoint> points_;
  std::set<search::Index> indices_;
  double latency_s_ = 0, loss_ = 0, volume_ = 0;
};

/// Calls until 99.9 % of the hypervolume and until the whole frontier; -1: not reached.
struct Calls {
  std::int64_t most_of_it = -1;
  std::int64_t all_of_it = -1;
  double share = 0;
  double seconds = 0;
};

void note(Calls& calls, const Truth& truth, const search::Frontier& frontier, std::int64_t n) {
  calls.share = truth.share(frontier);
  if (calls.most_of_it < 0 && calls.share >= 0.999) calls.most_of_it = n;
  if (calls.all_of_it < 0 && truth.complete(frontier)) calls.all_of_it = n;
}

Calls run_plas(search::Question question, const search::PlasOptions& options, const Truth& truth,
               std::uint64_t seed) {
  question.seed = seed;
  Calls calls;
  const auto start = std::chrono::steady_clock::now();
  search::Plas plas(question, options);
  for (;;) {
    plas.absorb(plas.score());
    note(calls, truth, plas.frontiers().front(), plas.counts().evaluations());
    if (plas.finished()) break;
    std::vector<search::Proposal> proposals;
    for (std::size_t s = 0; s < plas.stretches(); ++s) proposals.push_back(plas.propose(s));
    plas.accept(proposals);
  }
  calls.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return calls;
}

/// The model as a black box over places of the lattice; keeps the frontier of all it was asked.
class BlackBox {
 public:
  BlackBox(const search::Question& question, const Truth& truth, std::int64_t most)
      : question_(question), truth_(truth), lattice_(question.space), most_(most) {}

  /// (log10 latency, loss) of the lattice point nearest to `x`, in places.
  std::pair<double, double> operator()(const std::vector<double>& x) {
    search::Places places;
    for (const search::Axis axis : search::all_axes) {
      const auto last = static_cast<double>(lattice_.length(axis) - 1);
      const double nearest = std::round(x[static_cast<std::size_t>(axis)]);
      places[axis] = static_cast<std::size_t>(std::clamp(nearest, 0.0, last));
    }
    ++evaluations_;
    const auto point = lattice_.point(places);
    if (!point) return {3.0, 100.0};
    const auto e =
        model::evaluate(question_.laws[0], point->architecture, question_.deployments[0].scenario);
    if (evaluations_ <= most_) {
      frontier_.insert({e.total_s, e.loss, point->index});
      if (evaluations_ % 20 == 0) note(calls_, truth_, frontier_, evaluations_);
    }
    return {std::log10(e.total_s), e.loss};
  }
  std::vector<double> upper() const {
    std::vector<double> last;
    for (const search::Axis axis : search::all_axes)
      last.push_back(static_cast<double>(lattice_.length(axis) - 1));
    return last;
  }
  bool spent() const { return evaluations_ >= most_ || calls_.all_of_it >= 0; }
  const Calls& calls() const { return calls_; }

 private:
  const search::Question& question_;
  const Truth& truth_;
  search::Lattice lattice_;
  std::int64_t most_;
  std::int64_t evaluations_ = 0;
  search::Frontier frontier_;
  Calls calls_;
};

void run_random(BlackBox& box, std::uint64_t seed) {
  const auto upper = box.upper();
  for (std::uint64_t n = 0; !box.spent(); ++n) {
    std::vector<double> x;
    for (std::size_t axis = 0; axis < upper.size(); ++axis)
      x.push_back(random_unit(seed, axis, n) * (upper[axis] + 1.0) - 0.5);
    box(x);
  }
}

#ifdef ROOFLAW_PAGMO
struct PagmoProblem {
  BlackBox* box = nullptr;
  pagmo::vector_double fitness(const pagmo::vector_double& x) const {
    const auto [latency, loss] = (*box)(x);
    return {latency, loss};
  }
  std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
    auto lower = box->upper(), upper = box->upper();
    for (auto& x : lower) x = -0.499;
    for (auto& x : upper) x += 0.499;
    return {lower, upper};
  }
  pagmo::vector_double::size_type get_nobj() const { return 2; }
};

template <class Algorithm>
void run_pagmo(BlackBox& box, std::uint64_t seed) {
  const auto small_seed = static_cast<unsigned>(seed);
  constexpr pagmo::population::size_type size = 100;
  pagmo::population population(pagmo::problem(PagmoProblem{&box}), size, small_seed);
  Algorithm algorithm(1);
  algorithm.set_seed(small_seed);
  while (!box.spent()) population = algorithm.evolve(population);
}
#endif

std::string median(std::vector<std::int64_t> calls) {
  // What was not reached sorts last.
  for (auto& n : calls) n = n < 0 ? std::numeric_limits<std::int64_t>::max() : n;
  std::sort(calls.begin(), calls.end());
  const auto text = [](std::int64_t n) {
    return n == std::numeric_limits<std::int64_t>::max() ? std::string("never") : std::to_string(n);
  };
  return fmt::format("{:>7} ({} .. {})", text(calls[calls.size() / 2]), text(calls.front()),
                     text(calls.back()));
}

void compare(const char* name, int seeds, const std::function<Calls(std::uint64_t)>& run) {
  std::vector<std::int64_t> most_of_it, all_of_it;
  double least = 1, largest = 0, seconds = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const Calls calls = run(static_cast<std::uint64_t>(seed));
    most_of_it.push_back(calls.most_of_it);
    all_of_it.push_back(calls.all_of_it);
    least = std::min(least, calls.share);
    largest = std::max(largest, calls.share);
    seconds += calls.seconds;
  }
  fmt::print("{:<10} {:<28} {:<28} {:.5f} .. {:.5f}", name, median(most_of_it), median(all_of_it),
             least, largest);
  if (seconds > 0) fmt::print("  {:.2f} s a run", seconds / seeds);
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 11;
  const std::int64_t most = argc > 2 ? std::atoll(argv[2]) : 20000;
  if (seeds < 1 || most < 1) {
    std::fputs("usage: bench_plas [SEEDS [EVALUATIONS_OF_THE_OTHERS]]\n", stderr);
    return 2;
  }
  const io::Job job = bench::read_job("plas");
  const search::Question& question = job.question;
  const auto& options = std::get<search::PlasOptions>(job.method);
  const Truth truth(question);
  fmt::print(
      "{} architectures, {} on the frontier; calls of the model, median (least .. most) of {} "
      "seeds\n{:<10} {:<28} {:<28} {}\n",
      search::valid_count(question.space), truth.size(), seeds, "", "99.9 % of hypervolume",
      "whole frontier", "share at the end");
  compare("plas", seeds,
          [&](std::uint64_t seed) { return run_plas(question, options, truth, seed); });
  const auto black_box = [&](void (*run)(BlackBox&, std::uint64_t)) {
    return [&, run](std::uint64_t seed) {
      BlackBox box(question, truth, most);
      run(box, seed);
      return box.calls();
    };
  };
#ifdef ROOFLAW_PAGMO
  compare("NSPSO", seeds, black_box(run_pagmo<pagmo::nspso>));
  compare("MOEA/D", seeds, black_box(run_pagmo<pagmo::moead>));
  compare("NSGA-II", seeds, black_box(run_pagmo<pagmo::nsga2>));
#endif
  compare("random", seeds, black_box(run_random));
  return 0;
}
