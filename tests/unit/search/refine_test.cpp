// The refine stage: the finest space, and what is found on it between the points of the first.

#include "rooflaw/search/refine/refine.hpp"

#include <gtest/gtest.h>

#include "rooflaw/search/state.hpp"
#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using search::Frontier;
using search::FrontierPoint;
using search::Index;
using search::Question;
using search::Space;

/// A coarse corner of the benchmark space whose finest space a grid can still score.
Question tiny_problem() {
  Question question = benchmark_question();
  question.space.layers = {12, 4};
  question.space.widths = {1024, 512, 768};
  question.space.attention = search::gqa_choices({2, 1});
  question.space.expert_ffn_ratio = {1, 0.5};
  question.space.ffn_multiple_of = 64;
  question.space.experts = {8, 1, 4};
  question.space.top_k = {1};
  return question;
}

struct Refined {
  Question fine;
  std::vector<Frontier> frontiers;  // of the first space
  std::vector<Frontier> found;      // on the finest
  std::vector<Frontier> improvements;
  search::PlasCounts counts;
};

Refined refine(const Question& question, Index max_evaluations, double hypervolume_gain) {
  Refined r;
  r.frontiers = grid(question);
  r.fine = search::refined_question(question);
  const auto known = search::known_frontiers(question, r.fine, search::points_of(r.frontiers));
  search::PlasOptions options;
  options.max_evaluations = max_evaluations;
  options.hypervolume_gain = hypervolume_gain;
  search::Plas plas(r.fine, options, known);
  const PlasRun run = run_plas(plas, [](const search::Plas&) {});
  r.found = run.frontiers;
  r.counts = run.counts;
  r.improvements = search::improvements(run.frontiers, known);
  return r;
}

template <class T>
void expect_between(const std::vector<T>& fine, const std::vector<T>& coarse) {
  const auto [lo, hi] = std::minmax_element(coarse.begin(), coarse.end());
  EXPECT_EQ(*lo, *std::min_element(fine.begin(), fine.end()));
  EXPECT_EQ(*hi, *std::max_element(fine.begin(), fine.end()));
  EXPECT_GE(fine.size(), std::set<T>(coarse.begin(), coarse.end()).size());
}

/// The KV heads of a space, "heads" as all_heads.
std::vector<std::int64_t> kv_heads_of(const Space& space) {
  std::vector<std::int64_t> list;
  for (const auto& choice : space.attention)
    if (choice.kind == model::AttentionKind::gqa) list.push_back(choice.kv_heads);
  return list;
}

/// Without "heads".
std::vector<std::int64_t> numbers(std::vector<std::int64_t> kv_heads) {
  std::erase(kv_heads, model::all_heads);
  return kv_heads;
}

std::vector<search::AttentionChoice> latent(const Space& space) {
  auto choices = space.attention;
  std::erase_if(choices, [](const auto& c) { return c.kind == model::AttentionKind::gqa; });
  return choices;
}

/// The kv axis with "heads" as the heads of every width, sorted.
std::vector<std::int64_t> kv_heads_that_stand(const Space& space) {
  auto list = numbers(kv_heads_of(space));
  if (list.size() < kv_heads_of(space).size())
    for (const auto width : space.widths)
      if (width % space.head_dim == 0) list.push_back(width / space.head_dim);
  std::sort(list.begin(), list.end());
  return list;
}

TEST(FinestSpace, HoldsTheSpaceAndStaysWithinItsEnds) {
  Random random(701);
  std::size_t seen = 0, more = 0;
  for (int i = 0; i < 80 && !::testing::Test::HasFailure(); ++i) {
    Question question;
    question.laws = {published_law()};
    do {
      question.space = space_from(random_space(random));
    } while (search::index_count(question.space).value() > 20000 ||
             search::valid_count(question.space) == 0);
    shuffle_axes(random, question.space);
    const Space& coarse = question.space;
    const Question fine = search::refined_question(question);
    ASSERT_TRUE(search::index_count(fine.space).has_value());
    const search::Lattice lattice(fine.space);
    for (const auto& [index, a] : all_points(coarse)) {
      const auto found = lattice.find(a);
      ASSERT_TRUE(found.has_value()) << index;
      EXPECT_EQ(a, found->architecture);
      ++seen;
    }
    expect_between(fine.space.layers, coarse.layers);
    expect_between(fine.space.experts, coarse.experts);
    expect_between(fine.space.top_k, coarse.top_k);
    expect_between(fine.space.expert_ffn_ratio, coarse.expert_ffn_ratio);
    for (const auto width : fine.space.widths) {
      EXPECT_GE(width, *std::min_element(coarse.widths.begin(), coarse.widths.end()));
      EXPECT_LE(width, *std::max_element(coarse.widths.begin(), coarse.widths.end()));
    }
    EXPECT_EQ(kv_heads_of(coarse).empty(), kv_heads_of(fine.space).empty());
    for (const auto kv : numbers(kv_heads_of(fine.space))) {
      const auto all = kv_heads_that_stand(coarse);
      EXPECT_GE(kv, all.front());
      EXPECT_LE(kv, all.back());
    }
    EXPECT_EQ(coarse.ffn, fine.space.ffn);
    EXPECT_EQ(latent(coarse), latent(fine.space));
    EXPECT_EQ(coarse.shared_ffn, fine.space.shared_ffn);
    EXPECT_EQ(coarse.head_dim, fine.space.head_dim);
    EXPECT_EQ(coarse.ffn_multiple_of, fine.space.ffn_multiple_of);
    EXPECT_EQ(coarse.vocab, fine.space.vocab);
    EXPECT_EQ(coarse.tied, fine.space.tied);
    EXPECT_EQ(coarse.ffn_sparsity, fine.space.ffn_sparsity);
    more += search::index_count(fine.space) > search::index_count(coarse) ? 1 : 0;
  }
  EXPECT_GT(seen, 10000u);
  EXPECT_GT(more, 60u);
}

TEST(FinestSpace, HasEverythingInBetweenThatCanBeBuilt) {
  Question question = tiny_problem();
  const Question fine = search::refined_question(question);
  const search::Lattice lattice(fine.space);
  model::Architecture a = all_points(question.space).at(0).second;
  Index count = 0;
  for (std::int64_t layers = 4; layers <= 12; ++layers)
    for (std::int64_t heads = 4; heads <= 8; ++heads)
      for (std::int64_t kv_heads = 1; kv_heads <= 2; ++kv_heads)
        for (std::int64_t ffn = 0; ffn <= 1024; ffn += 64)
          for (std::int64_t experts = 1; experts <= 8; ++experts) {
            a.layers = layers, a.heads = heads, a.width = 128 * heads, a.kv_heads = kv_heads;
            a.expert_ffn = ffn, a.experts = experts;
            const bool can_be_built = heads % kv_heads == 0 && 2 * ffn >= a.width && ffn <= a.width;
            EXPECT_EQ(can_be_built, lattice.find(a).has_value())
                << layers << ' ' << heads << ' ' << kv_heads << ' ' << ffn << ' ' << experts;
            count += can_be_built ? 1 : 0;
          }
  EXPECT_GT(count, 1000);
}

TEST(FinestSpace, HeadsAloneStay) {
  Space space = tiny_problem().space;
  space.attention = search::gqa_choices({model::all_heads});
  EXPECT_EQ(space.attention, search::finest(space).attention);
}

TEST(FinestSpace, SingleValuesStay) {
  Space space = tiny_problem().space;
  space.layers = {8}, space.widths = {1024}, space.attention = search::gqa_choices({2}),
  space.experts = {8};
  space.expert_ffn_ratio = {1};
  EXPECT_EQ(1, search::valid_count(search::finest(space)));
}

TEST(FinestSpace, HugeAxesGetAWiderStep) {
  Question question = tiny_problem();
  question.space.layers = {1, 10'000'000};
  question.space.widths = {128, 1'280'000'000};
  question.space.expert_ffn_ratio = {0.5, 100};
  question.space.ffn_multiple_of = 1;
  question.space.experts = {1, 5'000'000};
  const Question fine = search::refined_question(question);
  EXPECT_TRUE(search::index_count(fine.space).has_value());
  EXPECT_LE(fine.space.layers.size(), 65536u);
  EXPECT_LE(fine.space.widths.size(), 65536u);
  EXPECT_LE(fine.space.expert_ffn_ratio.size(), 65536u);
  EXPECT_LE(fine.space.experts.size(), 65536u);
  const search::Lattice lattice(fine.space);
  for (const auto& [index, a] : all_points(question.space))
    EXPECT_TRUE(lattice.find(a).has_value()) << index;
}

TEST(Refine, KnownFrontiersAreTheFrontiers) {
  Random random(702);
  for (int i = 0; i < 60; ++i) {
    RandomQuestion r = random_question(random, 20, 2000, 100);
    shuffle_axes(random, r.question.space);
    const auto frontiers = grid(r.question);
    const Question fine = search::refined_question(r.question);
    const auto known = search::known_frontiers(r.question, fine, search::points_of(frontiers));
    ASSERT_EQ(frontiers.size(), known.size());
    for (std::size_t t = 0; t < known.size(); ++t) {
      const auto points = frontiers[t].points();
      ASSERT_EQ(points.size(), known[t].size());
      for (std::size_t k = 0; k < points.size(); ++k) {
        EXPECT_EQ(points[k].latency_s, known[t][k].latency_s);
        EXPECT_EQ(points[k].loss, known[t][k].loss);
        const auto a = search::architecture_at(
            r.question.space, search::digits_of(r.question.space, points[k].index));
        EXPECT_EQ(a, known[t][k].point.architecture);
      }
    }
  }
}

void expect_improvements(const Question& question, const Refined& r) {
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    const auto frontier = r.frontiers[t].points();
    const auto better = r.improvements[t].points();
    EXPECT_EQ(plain_frontier(better), better);
    for (const FrontierPoint& b : better)
      for (const FrontierPoint& f : frontier) {
        EXPECT_FALSE(dominates(f, b));
        EXPECT_FALSE(f.latency_s == b.latency_s && f.loss == b.loss);
      }
    const auto& target = question.targets[t];
    const auto& deployment = search::deployment_of(question, target);
    for (const FrontierPoint& point : better) {
      const auto a =
          search::architecture_at(r.fine.space, search::digits_of(r.fine.space, point.index));
      const auto e =
          model::evaluate(search::law_of(question, target), a.value(), deployment.scenario);
      EXPECT_TRUE(is_feasible(question, deployment, e));
      EXPECT_EQ(e.loss, point.loss);
      EXPECT_EQ(value_of(target.objective, e, deployment.scenario), point.latency_s);
    }
    EXPECT_EQ(0, search::hypervolume_gain(frontier, {}));
    const double gain = search::hypervolume_gain(frontier, better);
    EXPECT_GE(gain, 0);
    if (frontier.empty()) {
      EXPECT_EQ(0, gain);
      continue;
    }
    auto both = frontier;
    both.insert(both.end(), better.begin(), better.end());
    const auto reference = search::default_reference(frontier);
    const double area = search::hypervolume(frontier, reference.latency_s, reference.loss);
    EXPECT_NEAR(search::hypervolume(both, reference.latency_s, reference.loss) / area - 1, gain,
                1e-9 * (1 + gain));
  }
}

TEST(Refine, ImprovementsOfRandomProblems) {
  Random random(703);
  std::size_t improved = 0;
  for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 1, 2000, 100);
    shuffle_axes(random, r.question.space);
    if (random.chance(0.5)) limit_exactly(random, r);
    if (random.chance(0.2)) r.question.space.within = r.question.laws[0].range;
    SCOPED_TRACE(r.space.dump());
    const Refined refined = refine(r.question, 300, 1e-4);
    EXPECT_LE(refined.counts.evaluations(), 300);
    expect_improvements(r.question, refined);
    for (const auto& frontier : refined.improvements) improved += frontier.size();
  }
  EXPECT_GT(improved, 500u);
}

TEST(Refine, TinySpaceToTheTrueFrontier) {
  Question question = tiny_problem();
  question.targets.push_back({"target", 0, model::Objective::tpot});
  const Refined refined = refine(question, 20000, 0);
  expect_improvements(question, refined);
  const auto truth = grid(refined.fine);
  for (std::size_t t = 0; t < truth.size(); ++t) {
    const auto best = truth[t].points(), better = refined.improvements[t].points();
    EXPECT_GT(better.size(), 20u);
    for (const FrontierPoint& b : better)
      for (const FrontierPoint& x : best)
        EXPECT_FALSE(dominates(x, b)) << "target " << t << " index " << b.index;
    EXPECT_TRUE(covers(refined.found[t].points(), best, 0.0));
  }
}

TEST(Refine, NothingBetweenSingleValues) {
  Question question = tiny_problem();
  question.space.layers = {8}, question.space.widths = {1024},
  question.space.attention = search::gqa_choices({2});
  question.space.experts = {8}, question.space.expert_ffn_ratio = {1};
  const Refined refined = refine(question, 500, 1e-4);
  ASSERT_EQ(1u, refined.frontiers[0].size());
  EXPECT_EQ(0u, refined.improvements.at(0).size());
}

TEST(Refine, NoFrontierNoGain) {
  EXPECT_EQ(0, search::hypervolume_gain({}, {}));
  const FrontierPoint point{.latency_s = 1, .loss = 3};
  EXPECT_EQ(0, search::hypervolume_gain({}, std::span(&point, 1)));
}

}  // namespace
}  // namespace rooflaw::testing
