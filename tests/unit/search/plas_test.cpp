// PLAS against brute force, the grid, and what it promises.

#include <gtest/gtest.h>

#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoint;
using search::Index;
using search::Plas;
using search::Problem;

/// Frontiers hold points of the space as evaluate sees them, none dominated, none infeasible.
void expect_sound(const Problem& problem, const std::vector<search::Frontier>& frontiers) {
  ASSERT_EQ(problem.targets.size(), frontiers.size());
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const auto& setting = problem.settings[problem.targets[t].setting];
    const auto points = frontiers[t].points();
    for (const auto& point : points) {
      const auto a =
          search::architecture_at(problem.space, search::digits_of(problem.space, point.index));
      ASSERT_TRUE(a.has_value()) << point.index;
      const auto e = model::evaluate(problem.law, *a, setting.scenario);
      EXPECT_EQ(e.latency(problem.targets[t].latency), point.latency_s);
      EXPECT_EQ(e.loss, point.loss);
      EXPECT_TRUE(is_feasible(problem, setting, e));
    }
    EXPECT_EQ(plain_frontier(points), points);
  }
}

void expect_counts(const Problem& problem, const PlasRun& run) {
  EXPECT_EQ(run.counts.requested, run.counts.scored + run.counts.repeated);
  EXPECT_EQ(static_cast<Index>(run.scored.size()), run.counts.scored);
  EXPECT_EQ(run.counts.evaluations(), run.counts.scored + run.counts.relaxations.calls);
  EXPECT_LE(run.counts.evaluations(), problem.plas.max_evaluations);
  for (std::size_t i = 0; i < run.scored.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      ASSERT_FALSE(run.scored[i] == run.scored[j]) << "scored twice: " << j << " and " << i;
}

/// A random problem for PLAS, its axes in any order.
RandomProblem random_plas_problem(Random& random, Index least, Index most) {
  RandomProblem r = random_problem(random, least, most, 300);
  shuffle_axes(random, r.problem.space);
  r.problem.strategy = search::Strategy::plas;
  return r;
}

TEST(Plas, RandomProblems) {
  Random random(601);
  std::size_t points = 0;
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    RandomProblem r = random_plas_problem(random, 1, 3000);
    if (random.chance(0.6)) limit_exactly(random, r);
    Problem& problem = r.problem;
    problem.enforce_range = random.chance(0.2);
    problem.plas.initial_samples = random.integer(1, 80);
    problem.plas.gaps_per_round = random.integer(0, 3);
    problem.plas.moves_per_stretch = random.integer(1, 6);
    problem.plas.max_evaluations = random.integer(problem.plas.initial_samples, 900);
    const PlasRun run = run_plas(problem);
    SCOPED_TRACE(r.space.dump());
    expect_sound(problem, run.frontiers);
    expect_counts(problem, run);
    if (problem.plas.gaps_per_round == 0) {
      EXPECT_EQ(0, run.counts.relaxations.calls);
    }
    for (const auto& f : run.frontiers) points += f.size();
  }
  EXPECT_GT(points, 1000u);
}

TEST(Plas, SameSeedSameResult) {
  Random random(602);
  int differing = 0;
  for (int i = 0; i < 10; ++i) {
    Problem problem = random_plas_problem(random, 1000, 20000).problem;
    problem.plas.initial_samples = 30;
    problem.plas.max_evaluations = 400;
    const PlasRun first = run_plas(problem), second = run_plas(problem);
    EXPECT_EQ(first.scored, second.scored);
    EXPECT_EQ(first.counts.rounds, second.counts.rounds);
    EXPECT_EQ(first.counts.relaxations.calls, second.counts.relaxations.calls);
    EXPECT_EQ(first.counts.repeated, second.counts.repeated);
    for (std::size_t t = 0; t < first.frontiers.size(); ++t)
      EXPECT_EQ(first.frontiers[t].points(), second.frontiers[t].points());
    problem.seed += 1;
    differing += run_plas(problem).scored != first.scored ? 1 : 0;
  }
  EXPECT_EQ(10, differing);
}

// Stretches may be proposed in any order, and more than once: ranks share them.
TEST(Plas, ProposingChangesNothing) {
  Random random(603);
  for (int i = 0; i < 5; ++i) {
    const Problem problem = random_plas_problem(random, 1000, 20000).problem;
    search::PlasSettings settings = problem.plas;
    settings.max_evaluations = 500;
    Plas forwards(problem, settings), backwards(problem, settings);
    for (;;) {
      ASSERT_EQ(forwards.wanted().size(), backwards.wanted().size());
      forwards.absorb(forwards.score());
      backwards.absorb(backwards.score());
      ASSERT_EQ(forwards.finished(), backwards.finished());
      if (forwards.finished()) break;
      ASSERT_EQ(forwards.stretches(), backwards.stretches());
      std::vector<search::Proposal> one(forwards.stretches()), other(forwards.stretches());
      for (std::size_t s = 0; s < one.size(); ++s) one[s] = forwards.propose(s);
      for (std::size_t s = one.size(); s-- > 0;) other[s] = backwards.propose(s);
      for (std::size_t s = 0; s < one.size(); ++s) {
        EXPECT_EQ(one[s].points, other[s].points);
        EXPECT_EQ(one[s].points, backwards.propose(s).points);
        EXPECT_EQ(one[s].relaxations.calls, other[s].relaxations.calls);
      }
      forwards.accept(one);
      backwards.accept(other);
    }
    for (std::size_t t = 0; t < forwards.frontiers().size(); ++t)
      EXPECT_EQ(forwards.frontiers()[t].points(), backwards.frontiers()[t].points());
  }
}

TEST(Plas, FindsTheGridsFrontier) {
  Random random(604);
  int whole = 0, frontiers = 0;
  double worst = 1;
  for (int i = 0; i < 12; ++i) {
    RandomProblem r = random_plas_problem(random, 1500, 6000);
    if (i % 2 == 1) limit_exactly(random, r);
    Problem& problem = r.problem;
    problem.seed = static_cast<std::uint64_t>(i);
    const PlasRun run = run_plas(problem);
    expect_sound(problem, run.frontiers);
    const auto truth = grid(problem);
    for (std::size_t t = 0; t < truth.size(); ++t) {
      const auto expected = truth[t].points(), found = run.frontiers[t].points();
      if (expected.empty()) {
        EXPECT_TRUE(found.empty());
        continue;
      }
      EXPECT_TRUE(covers(expected, found, 0.0));
      const auto reference = search::default_reference(expected);
      const double share = search::hypervolume(found, reference.latency_s, reference.loss) /
                           search::hypervolume(expected, reference.latency_s, reference.loss);
      EXPECT_GE(share, 0.999) << "problem " << i << " target " << t << ": " << found.size()
                              << " of " << expected.size() << " points, "
                              << run.counts.evaluations() << " evaluations\n"
                              << r.space.dump();
      worst = std::min(worst, share);
      ++frontiers;
      whole += found == expected ? 1 : 0;
    }
  }
  RecordProperty("worst_share", std::to_string(worst));
  RecordProperty("whole", whole);
  EXPECT_GE(whole, frontiers * 8 / 10) << "of " << frontiers;
}

// The promise of strategy plas: 99.9 % of the hypervolume within 1,500 calls of the model, the
// whole frontier within 20,000.
TEST(Plas, BenchmarkSpace) {
  Problem problem = benchmark_problem();
  ASSERT_EQ(468120, search::valid_count(problem.space));
  const auto truth = grid(problem).at(0).points();
  ASSERT_EQ(550u, truth.size());
  const double area = hypervolume_in_box(truth, truth);
  for (const std::uint64_t seed : {1, 2, 3}) {
    problem.seed = seed;
    Plas plas(problem, problem.plas);
    double share_by_1500 = 0;
    const PlasRun run = run_plas(plas, [&](const Plas& p) {
      if (p.counts().evaluations() > 1500) return;
      share_by_1500 = hypervolume_in_box(p.frontiers()[0].points(), truth) / area;
    });
    EXPECT_GE(share_by_1500, 0.999) << "seed " << seed;
    EXPECT_EQ(truth, run.frontiers[0].points()) << "seed " << seed;
    EXPECT_LE(run.counts.evaluations(), 20000);
    expect_counts(problem, run);
  }
}

TEST(Plas, HypervolumeNeverFalls) {
  Problem problem = benchmark_problem();
  problem.plas.max_evaluations = 1000;
  Plas plas(problem, problem.plas);
  double before = 0;
  Index rounds = 0;
  std::size_t scored = 0;
  run_plas(plas, [&](const Plas& p) {
    const auto points = p.frontiers()[0].points();
    const double area = hypervolume_in_box(points, points);
    EXPECT_GT(area, 0);
    const double fixed = search::hypervolume(points, 100.0, 100.0);
    EXPECT_GE(fixed, before);
    before = fixed;
    EXPECT_GE(p.counts().rounds, rounds);
    rounds = p.counts().rounds;
    EXPECT_GE(static_cast<std::size_t>(p.counts().scored), scored);
    scored = static_cast<std::size_t>(p.counts().scored);
    EXPECT_GT(p.hypervolume(), 0);
    EXPECT_GE(p.largest_gap(), 0);
    EXPECT_LE(p.largest_gap(), 1);
  });
  EXPECT_GT(rounds, 3);
}

TEST(Plas, StopsByHypervolumeGain) {
  Problem problem = benchmark_problem();
  const PlasRun patient = run_plas(problem);
  problem.plas.hypervolume_gain = 0.01;
  const PlasRun hasty = run_plas(problem);
  EXPECT_LT(hasty.counts.evaluations(), patient.counts.evaluations());
  problem.plas.hypervolume_gain = 0.999;
  EXPECT_LE(run_plas(problem).counts.rounds, 5);
}

TEST(Plas, NothingFits) {
  for (const int what : {0, 1, 2, 3}) {
    Problem problem = benchmark_problem();
    problem.plas.max_evaluations = 600;
    auto& setting = problem.settings[0];
    if (what == 0) setting.memory_budget_bytes = 1e3;
    if (what == 1) setting.limits.total_s = 1e-9;
    if (what == 2) setting.limits.tpot_s = 1e-12;
    if (what == 3) {
      problem.enforce_range = true;
      problem.law.range.layers = {{100, 200}};
    }
    const PlasRun run = run_plas(problem);
    EXPECT_EQ(0u, run.frontiers.at(0).size());
    expect_counts(problem, run);
  }
}

// A sample of a hundred rarely meets one of the few points that fit: the search must get there.
TEST(Plas, LittleFits) {
  Problem problem = benchmark_problem();
  const auto all = grid(problem).at(0).points();
  problem.settings[0].limits.total_s = all.at(3).latency_s;
  const auto truth = grid(problem).at(0).points();
  ASSERT_EQ(4u, truth.size());
  const PlasRun run = run_plas(problem);
  expect_sound(problem, run.frontiers);
  EXPECT_EQ(truth, run.frontiers[0].points());
}

TEST(Plas, OnePoint) {
  Problem problem = benchmark_problem();
  auto& s = problem.space;
  s.layers = {8}, s.widths = {1024}, s.kv_heads = {2}, s.expert_ffn_ratio = {1}, s.experts = {8},
  s.top_k = {1};
  const PlasRun run = run_plas(problem);
  EXPECT_EQ(grid(problem).at(0).points(), run.frontiers.at(0).points());
  EXPECT_EQ(1, run.counts.scored);
  expect_counts(problem, run);
}

TEST(Plas, MlaAlone) {
  Problem problem = benchmark_problem();
  problem.space.attention = {model::AttentionKind::mla};
  problem.space.kv_heads.clear();
  for (const std::int64_t rank : {512, 64, 128})
    problem.space.mla.push_back(
        {.kv_lora_rank = rank, .qk_nope_head_dim = 64, .qk_rope_head_dim = 32, .v_head_dim = 64});
  const auto truth = grid(problem).at(0).points();
  const PlasRun run = run_plas(problem);
  expect_sound(problem, run.frontiers);
  expect_counts(problem, run);
  EXPECT_GE(hypervolume_in_box(run.frontiers[0].points(), truth),
            0.999 * hypervolume_in_box(truth, truth));
}

TEST(Plas, WorkloadsOfOnePhase) {
  for (const auto kind : {model::LatencyKind::prefill, model::LatencyKind::tpot}) {
    Problem problem = benchmark_problem();
    auto& work = problem.settings[0].scenario.workload;
    (kind == model::LatencyKind::prefill ? work.output_tokens : work.input_tokens) = 0;
    problem.targets = {{"target", 0, kind}, {"target", 0, model::LatencyKind::total}};
    const auto truth = grid(problem);
    const PlasRun run = run_plas(problem);
    expect_sound(problem, run.frontiers);
    expect_counts(problem, run);
    for (std::size_t t = 0; t < truth.size(); ++t)
      EXPECT_GE(hypervolume_in_box(run.frontiers[t].points(), truth[t].points()),
                0.999 * hypervolume_in_box(truth[t].points(), truth[t].points()));
  }
}

// A known frontier is taken as it is; the search goes on from it.
TEST(Plas, FromAKnownFrontier) {
  Problem problem = benchmark_problem();
  problem.plas.max_evaluations = 800;
  const auto truth = grid(problem).at(0).points();
  const search::Lattice lattice(problem);
  std::vector<search::KnownFrontier> known(1);
  for (std::size_t i = 0; i < truth.size(); i += 10)
    known[0].push_back({lattice.at(truth[i].index), truth[i].latency_s, truth[i].loss});
  Plas plas(problem, problem.plas, known);
  const PlasRun run = run_plas(plas, [](const Plas&) {});
  expect_sound(problem, run.frontiers);
  expect_counts(problem, run);
  const auto found = run.frontiers[0].points();
  for (std::size_t i = 0; i < truth.size(); i += 10)
    EXPECT_NE(found.end(), std::find(found.begin(), found.end(), truth[i])) << i;
  EXPECT_GT(found.size(), known[0].size() + 50);
}

}  // namespace
}  // namespace rooflaw::testing
