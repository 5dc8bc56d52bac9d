// The relaxed optimum: against the one case with a formula, against whole architectures below and
// above it, and against where it started.

#include <gtest/gtest.h>

#include "rooflaw/search/analysis.hpp"
#include "rooflaw/search/plas/relaxation.hpp"
#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using model::AttentionKind;
using model::Objective;
using search::Question;
using search::RelaxedSolution;
using search::RelaxedStart;

constexpr double slack = 1 + 1e-3;  // of what is called feasible

template <class List>
std::pair<double, double> ends(const List& list) {
  const auto [lo, hi] = std::minmax_element(list.begin(), list.end());
  return {static_cast<double>(*lo), static_cast<double>(*hi)};
}

double expert_ratio(const model::Architecture& a) {
  return static_cast<double>(a.expert_ffn) / static_cast<double>(a.width);
}

/// Does an architecture lie within the ends of the ratio axis? Rounding can move it out.
bool ratio_within(const search::Space& space, const model::Architecture& a) {
  const auto [lo, hi] = ends(space.expert_ffn_ratio);
  return lo <= expert_ratio(a) && expert_ratio(a) <= hi;
}

void expect_within_axes(const search::Space& space, const model::Architecture& start,
                        const search::RelaxedSizes& sizes) {
  const auto check = [](const auto& list, double x, const char* axis) {
    const auto [lo, hi] = ends(list);
    EXPECT_GE(x, lo * (1 - 1e-9)) << axis;
    EXPECT_LE(x, hi * (1 + 1e-9)) << axis;
  };
  check(space.layers, sizes.layers, "layers");
  check(space.widths, sizes.width, "width");
  check(space.expert_ffn_ratio, sizes.ffn_ratio, "ratio");
  check(space.experts, sizes.experts, "experts");
  if (start.attention == AttentionKind::gqa) {
    EXPECT_GE(sizes.kv_heads, 1 - 1e-9);
    EXPECT_LE(sizes.kv_heads, sizes.width / static_cast<double>(space.head_dim) * (1 + 1e-6));
  }
}

/// What can be built with no size above the relaxed ones, or none below. Nullopt: no such.
std::optional<model::Architecture> whole(const search::Space& space, model::Architecture a,
                                         const search::RelaxedSizes& sizes, bool above) {
  const double nudge = above ? 1 - 1e-7 : 1 + 1e-7;
  const auto round = [&](double x) {
    return static_cast<std::int64_t>(above ? std::ceil(x * nudge) : std::floor(x * nudge));
  };
  a.layers = round(sizes.layers);
  a.heads = round(sizes.width / static_cast<double>(space.head_dim));
  a.width = a.heads * space.head_dim;
  a.expert_ffn = round(sizes.ffn_ratio * static_cast<double>(a.width));
  a.experts = round(sizes.experts);
  if (a.attention == AttentionKind::gqa) {
    a.kv_heads = std::min(round(sizes.kv_heads), a.heads);
    while (a.kv_heads > 0 && a.heads % a.kv_heads != 0) a.kv_heads += above ? 1 : -1;
  }
  if (model::find_fault(a)) return std::nullopt;
  return a;
}

/// A question in which depth alone is free.
Question depth_problem() {
  Question question = benchmark_question();
  question.space.layers = {2, 48};
  question.space.widths = {1024};
  question.space.attention = search::gqa_choices({4});
  question.space.expert_ffn_ratio = {1};
  question.space.experts = {8};
  question.space.top_k = {2};
  return question;
}

model::Architecture depth_architecture(const Question& question, std::int64_t layers) {
  auto a = all_points(question.space).at(0).second;
  a.layers = layers;
  return a;
}

TEST(Relaxation, StartTakesTheSizesOfAnArchitecture) {
  const auto a = depth_architecture(depth_problem(), 7);
  const RelaxedStart start = search::relaxed_start(a);
  EXPECT_EQ(a, start.architecture);
  EXPECT_EQ(7, start.sizes.layers);
  EXPECT_EQ(1024, start.sizes.width);
  EXPECT_DOUBLE_EQ(1.0, start.sizes.ffn_ratio);
  EXPECT_EQ(4, start.sizes.kv_heads);
  EXPECT_EQ(8, start.sizes.experts);
}

// Where only the depth is free the answer is a formula: latency and memory are linear in it, and
// the loss falls with it.
TEST(Relaxation, DepthAloneIsAsDeepAsTheLimitsAllow) {
  const Question question = depth_problem();
  const auto evaluate = [&](std::int64_t layers) {
    return model::evaluate(question.laws[0], depth_architecture(question, layers),
                           question.deployments[0].scenario);
  };
  const auto one = evaluate(1), two = evaluate(2);
  const auto depth_at = [&](auto value, double limit) {
    const double slope = value(two) - value(one);
    return 1 + (limit - value(one)) / slope;
  };
  const auto total = [](const model::Evaluation& e) { return e.total_s; };
  const double ample = 2 * evaluate(48).total_s;
  const auto solve = [&](const model::Limits& limits, double bound, std::int64_t start) {
    Question limited = question;
    limited.deployments[0].limits = limits;
    return search::relax(limited, limited.targets[0], bound,
                         search::relaxed_start(depth_architecture(question, start)), 100);
  };
  for (const std::int64_t start : {2, 9, 30, 48}) {
    const double bound = 1.3 * evaluate(11).total_s;
    auto solution = solve({}, bound, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(depth_at(total, bound), solution.sizes.layers, 1e-3);
    EXPECT_NEAR(bound, solution.value, 1e-5 * bound);

    const auto expect_depth_under = [&](Objective objective, double share, std::int64_t layers) {
      const auto value = [&](const model::Evaluation& e) {
        return value_of(objective, e, question.deployments[0].scenario);
      };
      model::Limits limits;
      limits.set(objective, share * value(evaluate(layers)));
      solution = solve(limits, ample, start);
      ASSERT_TRUE(solution.feasible);
      EXPECT_NEAR(depth_at(value, limits.of(objective)), solution.sizes.layers, 1e-3)
          << to_string(objective);
    };
    expect_depth_under(Objective::memory, 1.1, 20);
    expect_depth_under(Objective::prefill, 1.1, 6);
    expect_depth_under(Objective::tpot, 1.05, 16);

    solution = solve({}, ample, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(48, solution.sizes.layers, 1e-6);
    EXPECT_NEAR(evaluate(48).loss, solution.loss, 1e-9);
    EXPECT_NEAR(evaluate(48).total_s, solution.value, 1e-9 * evaluate(48).total_s);
  }
}

TEST(Relaxation, SaysWhenNothingFits) {
  Question question = benchmark_question();
  const auto start = search::relaxed_start(all_points(depth_problem().space).at(0).second);
  EXPECT_FALSE(search::relax(question, question.targets[0], 1e-6, start, 60).feasible);
  question.deployments[0].limits.set(Objective::memory, 1e6);
  EXPECT_FALSE(search::relax(question, question.targets[0], 10, start, 60).feasible);
}

TEST(Relaxation, TradesWidthForDepth) {
  const Question question = benchmark_question();
  model::Architecture a = all_points(depth_problem().space).at(0).second;
  a.layers = 2, a.width = 4096, a.heads = 32, a.expert_ffn = 4096;
  const auto e = model::evaluate(question.laws[0], a, question.deployments[0].scenario);
  const auto solution =
      search::relax(question, question.targets[0], e.total_s, search::relaxed_start(a), 200);
  ASSERT_TRUE(solution.feasible);
  EXPECT_LT(solution.loss, e.loss - 1.0);  // 3.2 nats are missing layers
  EXPECT_GT(solution.sizes.layers, 5);
  EXPECT_LT(solution.sizes.width, 3500);
}

TEST(Relaxation, RandomProblems) {
  Random random(501);
  int solved = 0, improved = 0, bracketed = 0;
  for (int i = 0; i < 1500 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 20, 600, 300);
    if (random.chance(0.5)) limit_exactly(random, r);
    const search::Target target = random.pick(r.question.targets);
    const auto& [scenario, limits] = search::deployment_of(r.question, target);
    const auto points = all_points(r.question.space);
    const auto a = random.pick(points).second;
    const auto evaluate = [&](const model::Architecture& architecture) {
      return model::evaluate(r.question.laws[0], architecture, scenario);
    };
    const auto e = evaluate(a);
    const double bound = value_of(target.objective, e, scenario) * random.real(1.01, 2);
    const int most = static_cast<int>(random.integer(1, 150));
    const RelaxedStart start = search::relaxed_start(a);
    const RelaxedSolution s = search::relax(r.question, target, bound, start, most);
    const RelaxedSolution again = search::relax(r.question, target, bound, start, most);
    EXPECT_EQ(s.loss, again.loss);
    EXPECT_EQ(s.value, again.value);
    EXPECT_EQ(s.sizes.layers, again.sizes.layers);
    EXPECT_EQ(s.sizes.width, again.sizes.width);
    EXPECT_EQ(s.sizes.ffn_ratio, again.sizes.ffn_ratio);
    EXPECT_EQ(s.sizes.kv_heads, again.sizes.kv_heads);
    EXPECT_EQ(s.sizes.experts, again.sizes.experts);
    EXPECT_EQ(s.feasible, again.feasible);
    EXPECT_EQ(s.evaluations, again.evaluations);
    EXPECT_GE(s.evaluations, 1);
    EXPECT_LE(s.evaluations, most + 1);  // the answer is looked at once more

    if (ratio_within(r.question.space, a) &&
        is_feasible(r.question, search::deployment_of(r.question, target), e)) {
      EXPECT_TRUE(s.feasible) << r.space.dump();
      EXPECT_LE(s.loss, e.loss + 1e-7) << r.space.dump();
      improved += s.loss < e.loss - 1e-3 ? 1 : 0;
    }
    if (!s.feasible) continue;
    ++solved;
    expect_within_axes(r.question.space, a, s.sizes);
    EXPECT_LE(s.value, bound * slack);
    // Latency and memory rise with every size.
    if (const auto below = whole(r.question.space, a, s.sizes, false)) {
      const auto b = evaluate(*below);
      EXPECT_LE(value_of(target.objective, b, scenario), s.value * (1 + 1e-6)) << r.space.dump();
      EXPECT_LE(b.memory.total(), limits.of(Objective::memory) * slack);
      EXPECT_LE(b.prefill.seconds, limits.of(Objective::prefill) * slack);
      EXPECT_LE(b.total_s, limits.of(Objective::total) * slack);
      EXPECT_FALSE(b.tpot_s > limits.of(Objective::tpot) * slack);
      ++bracketed;
    }
    if (const auto above = whole(r.question.space, a, s.sizes, true)) {
      EXPECT_GE(value_of(target.objective, evaluate(*above), scenario), s.value * (1 - 1e-6))
          << r.space.dump();
    }
  }
  EXPECT_GT(solved, 700);
  EXPECT_GT(improved, 200);
  EXPECT_GT(bracketed, 300);
}

TEST(Relaxation, MlaKeepsItsRanks) {
  Question question = benchmark_question();
  question.space.attention = search::mla_choices(
      {{.kv_lora_rank = 128, .qk_nope_head_dim = 64, .qk_rope_head_dim = 32, .v_head_dim = 64}});
  Random random(502);
  const auto points = all_points(question.space);
  for (int i = 0; i < 20; ++i) {
    const auto a = random.pick(points).second;
    const auto e = model::evaluate(question.laws[0], a, question.deployments[0].scenario);
    const auto s = search::relax(question, question.targets[0], 1.2 * e.total_s,
                                 search::relaxed_start(a), 100);
    ASSERT_TRUE(s.feasible);
    EXPECT_LE(s.loss, e.loss + 1e-7);
    expect_within_axes(question.space, a, s.sizes);
  }
}

TEST(ClosedFormStart, LiesInTheBoxAndHelps) {
  const Question question = benchmark_question();
  const auto box = search::bounding_box(question.space);
  const search::Target& target = question.targets[0];
  for (const double latency_s : {0.05, 0.1, 0.3, 1.0}) {
    const auto start = search::closed_form_start(question, target, latency_s, box);
    ASSERT_TRUE(start.has_value()) << latency_s;
    EXPECT_EQ(AttentionKind::gqa, start->architecture.attention);
    EXPECT_FALSE(model::find_fault(start->architecture))
        << model::find_fault(start->architecture)->rule;
    const auto& s = start->sizes;
    EXPECT_GE(s.layers, box.layers.lo * 0.999);
    EXPECT_LE(s.layers, box.layers.hi * 1.001);
    EXPECT_GE(s.width, box.width.lo * 0.999);
    EXPECT_LE(s.width, box.width.hi * 1.001);
    EXPECT_GE(s.ffn_ratio, 0.25 * 0.999);
    EXPECT_LE(s.ffn_ratio, 4 * 1.001);
    EXPECT_GE(s.kv_heads, 1 * 0.999);
    EXPECT_LE(s.kv_heads, s.width / 128 * 1.001);
    EXPECT_GE(s.experts, 1 * 0.999);
    EXPECT_LE(s.experts, 64 * 1.001);
    const auto solution = search::relax(question, target, latency_s, *start, 200);
    EXPECT_TRUE(solution.feasible) << latency_s;
    EXPECT_LT(solution.loss, latency_s < 0.1 ? 4.0 : 3.5) << latency_s;
  }
}

TEST(ClosedFormStart, NoneWithoutGroupedQueriesOrRoom) {
  const Question question = benchmark_question();
  const auto none = [](const Question& q, double bound) {
    return !search::closed_form_start(q, q.targets[0], bound, search::bounding_box(q.space));
  };
  EXPECT_FALSE(none(question, 1.0));
  EXPECT_TRUE(none(question, 1e-9));
  Question tiny = question;
  tiny.deployments[0].limits.set(Objective::memory, 1e3);
  EXPECT_TRUE(none(tiny, 1.0));
  Question latent = question;
  latent.space.attention = search::mla_choices(
      {{.kv_lora_rank = 128, .qk_nope_head_dim = 64, .qk_rope_head_dim = 32, .v_head_dim = 64}});
  EXPECT_TRUE(none(latent, 1.0));
}

}  // namespace
}  // namespace rooflaw::testing
