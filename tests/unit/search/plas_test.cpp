// PLAS against brute force, the grid, and what it promises.

#include <gtest/gtest.h>

#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoint;
using search::Index;
using search::Plas;
using search::Question;

/// Frontiers hold points of the space as evaluate sees them, none dominated, none infeasible.
void expect_sound(const Question& question, const std::vector<search::Frontier>& frontiers) {
  ASSERT_EQ(question.targets.size(), frontiers.size());
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const auto& target = question.targets[t];
    const auto& deployment = search::deployment_of(question, target);
    const auto points = frontiers[t].points();
    for (const auto& point : points) {
      const auto a =
          search::architecture_at(question.space, search::digits_of(question.space, point.index));
      ASSERT_TRUE(a.has_value()) << point.index;
      const auto e = model::evaluate(search::law_of(question, target), *a, deployment.scenario);
      EXPECT_EQ(value_of(target.objective, e, deployment.scenario), point.latency_s);
      EXPECT_EQ(e.loss, point.loss);
      EXPECT_TRUE(is_feasible(question, deployment, e));
    }
    EXPECT_EQ(plain_frontier(points), points);
  }
}

void expect_counts(const search::PlasOptions& options, const PlasRun& run) {
  EXPECT_EQ(run.counts.requested, run.counts.scored + run.counts.repeated);
  EXPECT_EQ(static_cast<Index>(run.scored.size()), run.counts.scored);
  EXPECT_EQ(run.counts.evaluations(), run.counts.scored + run.counts.relaxations.calls);
  EXPECT_LE(run.counts.evaluations(), options.max_evaluations);
  for (std::size_t i = 0; i < run.scored.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      ASSERT_FALSE(run.scored[i] == run.scored[j]) << "scored twice: " << j << " and " << i;
}

/// A random question for PLAS, its axes in any order.
RandomQuestion random_plas_problem(Random& random, Index least, Index most) {
  RandomQuestion r = random_question(random, least, most, 300);
  shuffle_axes(random, r.question.space);
  return r;
}

TEST(Plas, RandomProblems) {
  search::PlasOptions options;
  Random random(601);
  std::size_t points = 0;
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_plas_problem(random, 1, 3000);
    if (random.chance(0.6)) limit_exactly(random, r);
    Question& question = r.question;
    if (random.chance(0.2)) question.space.within = question.laws[0].range;
    options.initial_samples = random.integer(1, 80);
    options.gaps_per_round = random.integer(0, 3);
    options.moves_per_stretch = random.integer(1, 6);
    options.max_evaluations = random.integer(options.initial_samples, 900);
    const PlasRun run = run_plas(question, options);
    SCOPED_TRACE(r.space.dump());
    expect_sound(question, run.frontiers);
    expect_counts(options, run);
    if (options.gaps_per_round == 0) {
      EXPECT_EQ(0, run.counts.relaxations.calls);
    }
    for (const auto& f : run.frontiers) points += f.size();
  }
  EXPECT_GT(points, 1000u);
}

TEST(Plas, SameSeedSameResult) {
  search::PlasOptions options;
  Random random(602);
  int differing = 0;
  for (int i = 0; i < 10; ++i) {
    Question question = random_plas_problem(random, 1000, 20000).question;
    options.initial_samples = 30;
    options.max_evaluations = 400;
    const PlasRun first = run_plas(question, options), second = run_plas(question, options);
    EXPECT_EQ(first.scored, second.scored);
    EXPECT_EQ(first.counts.rounds, second.counts.rounds);
    EXPECT_EQ(first.counts.relaxations.calls, second.counts.relaxations.calls);
    EXPECT_EQ(first.counts.repeated, second.counts.repeated);
    for (std::size_t t = 0; t < first.frontiers.size(); ++t)
      EXPECT_EQ(first.frontiers[t].points(), second.frontiers[t].points());
    question.seed += 1;
    differing += run_plas(question, options).scored != first.scored ? 1 : 0;
  }
  EXPECT_EQ(10, differing);
}

// Stretches may be proposed in any order, and more than once: ranks share them.
TEST(Plas, ProposingChangesNothing) {
  Random random(603);
  for (int i = 0; i < 5; ++i) {
    const Question question = random_plas_problem(random, 1000, 20000).question;
    search::PlasOptions options;
    options.max_evaluations = 500;
    Plas forwards(question, options), backwards(question, options);
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
  search::PlasOptions options;
  Random random(604);
  int whole = 0, frontiers = 0;
  double worst = 1;
  for (int i = 0; i < 12; ++i) {
    RandomQuestion r = random_plas_problem(random, 1500, 6000);
    if (i % 2 == 1) limit_exactly(random, r);
    Question& question = r.question;
    question.seed = static_cast<std::uint64_t>(i);
    const PlasRun run = run_plas(question, options);
    expect_sound(question, run.frontiers);
    const auto truth = grid(question);
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
      EXPECT_GE(share, 0.999) << "question " << i << " target " << t << ": " << found.size()
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
  search::PlasOptions options;
  Question question = benchmark_question();
  ASSERT_EQ(468120, search::valid_count(question.space));
  const auto truth = grid(question).at(0).points();
  ASSERT_EQ(556u, truth.size());
  const double area = hypervolume_in_box(truth, truth);
  for (const std::uint64_t seed : {1, 2, 3}) {
    question.seed = seed;
    Plas plas(question, options);
    double share_by_1500 = 0;
    const PlasRun run = run_plas(plas, [&](const Plas& p) {
      if (p.counts().evaluations() > 1500) return;
      share_by_1500 = hypervolume_in_box(p.frontiers()[0].points(), truth) / area;
    });
    EXPECT_GE(share_by_1500, 0.999) << "seed " << seed;
    EXPECT_EQ(truth, run.frontiers[0].points()) << "seed " << seed;
    EXPECT_LE(run.counts.evaluations(), 20000);
    expect_counts(options, run);
  }
}

TEST(Plas, HypervolumeNeverFalls) {
  search::PlasOptions options;
  Question question = benchmark_question();
  options.max_evaluations = 1000;
  Plas plas(question, options);
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
  search::PlasOptions options;
  Question question = benchmark_question();
  const PlasRun patient = run_plas(question, options);
  options.hypervolume_gain = 0.01;
  const PlasRun hasty = run_plas(question, options);
  EXPECT_LT(hasty.counts.evaluations(), patient.counts.evaluations());
  options.hypervolume_gain = 0.999;
  EXPECT_LE(run_plas(question, options).counts.rounds, 5);
}

TEST(Plas, NothingFits) {
  search::PlasOptions options;
  for (const int what : {0, 1, 2, 3}) {
    Question question = benchmark_question();
    options.max_evaluations = 600;
    auto& limits = question.deployments[0].limits;
    if (what == 0) limits.set(model::Objective::memory, 1e3);
    if (what == 1) limits.set(model::Objective::total, 1e-9);
    if (what == 2) limits.set(model::Objective::tpot, 1e-12);
    if (what == 3) {
      question.laws[0].range.layers = {{100, 200}};
      question.space.within = question.laws[0].range;
    }
    const PlasRun run = run_plas(question, options);
    EXPECT_EQ(0u, run.frontiers.at(0).size());
    expect_counts(options, run);
  }
}

// A sample of a hundred rarely meets one of the few points that fit: the search must get there.
TEST(Plas, LittleFits) {
  search::PlasOptions options;
  Question question = benchmark_question();
  const auto all = grid(question).at(0).points();
  question.deployments[0].limits.set(model::Objective::total, all.at(3).latency_s);
  const auto truth = grid(question).at(0).points();
  ASSERT_EQ(4u, truth.size());
  const PlasRun run = run_plas(question, options);
  expect_sound(question, run.frontiers);
  EXPECT_EQ(truth, run.frontiers[0].points());
}

TEST(Plas, OnePoint) {
  search::PlasOptions options;
  Question question = benchmark_question();
  auto& s = question.space;
  s.layers = {8}, s.widths = {1024}, s.attention = search::gqa_choices({2}),
  s.expert_ffn_ratio = {1}, s.experts = {8}, s.top_k = {1};
  const PlasRun run = run_plas(question, options);
  EXPECT_EQ(grid(question).at(0).points(), run.frontiers.at(0).points());
  EXPECT_EQ(1, run.counts.scored);
  expect_counts(options, run);
}

TEST(Plas, MlaAlone) {
  search::PlasOptions options;
  Question question = benchmark_question();
  std::vector<model::MlaRanks> ranks;
  for (const std::int64_t rank : {512, 64, 128})
    ranks.push_back(
        {.kv_lora_rank = rank, .qk_nope_head_dim = 64, .qk_rope_head_dim = 32, .v_head_dim = 64});
  question.space.attention = search::mla_choices(ranks);
  const auto truth = grid(question).at(0).points();
  const PlasRun run = run_plas(question, options);
  expect_sound(question, run.frontiers);
  expect_counts(options, run);
  EXPECT_GE(hypervolume_in_box(run.frontiers[0].points(), truth),
            0.999 * hypervolume_in_box(truth, truth));
}

TEST(Plas, WorkloadsOfOnePhase) {
  search::PlasOptions options;
  for (const auto kind : {model::Objective::prefill, model::Objective::tpot}) {
    Question question = benchmark_question();
    auto& work = question.deployments[0].scenario.workload;
    (kind == model::Objective::prefill ? work.output_tokens : work.input_tokens) = 0;
    question.targets = {{"target", 0, kind}, {"target", 0, model::Objective::total}};
    const auto truth = grid(question);
    const PlasRun run = run_plas(question, options);
    expect_sound(question, run.frontiers);
    expect_counts(options, run);
    for (std::size_t t = 0; t < truth.size(); ++t)
      EXPECT_GE(hypervolume_in_box(run.frontiers[t].points(), truth[t].points()),
                0.999 * hypervolume_in_box(truth[t].points(), truth[t].points()));
  }
}

// A known frontier is taken as it is; the search goes on from it.
TEST(Plas, FromAKnownFrontier) {
  search::PlasOptions options;
  Question question = benchmark_question();
  options.max_evaluations = 800;
  const auto truth = grid(question).at(0).points();
  const search::Lattice lattice(question.space);
  std::vector<search::KnownFrontier> known(1);
  for (std::size_t i = 0; i < truth.size(); i += 10)
    known[0].push_back({lattice.at(truth[i].index), truth[i].latency_s, truth[i].loss});
  Plas plas(question, options, known);
  const PlasRun run = run_plas(plas, [](const Plas&) {});
  expect_sound(question, run.frontiers);
  expect_counts(options, run);
  const auto found = run.frontiers[0].points();
  for (std::size_t i = 0; i < truth.size(); i += 10)
    EXPECT_NE(found.end(), std::find(found.begin(), found.end(), truth[i])) << i;
  EXPECT_GT(found.size(), known[0].size() + 50);
}

}  // namespace
}  // namespace rooflaw::testing
