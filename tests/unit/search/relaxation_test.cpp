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
using search::Deployment;
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

Deployment vla_on_orin() { return benchmark_question().deployments.at(0); }

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
    return model::evaluate(question.law, depth_architecture(question, layers),
                           question.deployments[0].scenario);
  };
  const auto one = evaluate(1), two = evaluate(2);
  const auto depth_at = [&](auto value, double limit) {
    const double slope = value(two) - value(one);
    return 1 + (limit - value(one)) / slope;
  };
  const auto total = [](const model::Evaluation& e) { return e.total_s; };
  const auto memory = [](const model::Evaluation& e) { return e.memory.total(); };
  const double ample = 2 * evaluate(48).total_s;
  const auto solve = [&](const Deployment& deployment, double latency_s, std::int64_t start) {
    return search::relax(question, deployment, Objective::total, latency_s,
                         search::relaxed_start(depth_architecture(question, start)), 100);
  };
  for (const std::int64_t start : {2, 9, 30, 48}) {
    Deployment deployment = vla_on_orin();
    const double target = 1.3 * evaluate(11).total_s;
    auto solution = solve(deployment, target, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(depth_at(total, target), solution.sizes.layers, 1e-3);
    EXPECT_NEAR(target, solution.latency_s, 1e-5 * target);

    deployment.memory_budget_bytes = 1.1 * evaluate(20).memory.total();
    solution = solve(deployment, ample, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(depth_at(memory, deployment.memory_budget_bytes), solution.sizes.layers, 1e-3);

    deployment = vla_on_orin();
    deployment.limits.prefill_s = 1.1 * evaluate(6).prefill.seconds;
    solution = solve(deployment, ample, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(
        depth_at([](const auto& e) { return e.prefill.seconds; }, deployment.limits.prefill_s),
        solution.sizes.layers, 1e-3);

    deployment = vla_on_orin();
    deployment.limits.tpot_s = 1.05 * evaluate(16).tpot_s;
    solution = solve(deployment, ample, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(depth_at([](const auto& e) { return e.tpot_s; }, deployment.limits.tpot_s),
                solution.sizes.layers, 1e-3);

    solution = solve(vla_on_orin(), ample, start);
    ASSERT_TRUE(solution.feasible);
    EXPECT_NEAR(48, solution.sizes.layers, 1e-6);
    EXPECT_NEAR(evaluate(48).loss, solution.loss, 1e-9);
    EXPECT_NEAR(evaluate(48).total_s, solution.latency_s, 1e-9 * evaluate(48).total_s);
  }
}

TEST(Relaxation, SaysWhenNothingFits) {
  const Question question = benchmark_question();
  const auto a = all_points(depth_problem().space).at(0).second;
  EXPECT_FALSE(search::relax(question, question.deployments[0], Objective::total, 1e-6,
                             search::relaxed_start(a), 60)
                   .feasible);
  Deployment tiny = question.deployments[0];
  tiny.memory_budget_bytes = 1e6;
  EXPECT_FALSE(
      search::relax(question, tiny, Objective::total, 10, search::relaxed_start(a), 60).feasible);
}

TEST(Relaxation, TradesWidthForDepth) {
  const Question question = benchmark_question();
  model::Architecture a = all_points(depth_problem().space).at(0).second;
  a.layers = 2, a.width = 4096, a.heads = 32, a.expert_ffn = 4096;
  const auto& deployment = question.deployments[0];
  const auto e = model::evaluate(question.law, a, deployment.scenario);
  const auto solution = search::relax(question, deployment, Objective::total, e.total_s,
                                      search::relaxed_start(a), 200);
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
    const Deployment& deployment = r.question.deployments[target.deployment];
    const auto points = all_points(r.question.space);
    const auto a = random.pick(points).second;
    const auto e = model::evaluate(r.question.law, a, deployment.scenario);
    const double latency_s = e.latency(target.latency) * random.real(1.01, 2);
    const int most = static_cast<int>(random.integer(1, 150));
    const RelaxedStart start = search::relaxed_start(a);
    const RelaxedSolution s =
        search::relax(r.question, deployment, target.latency, latency_s, start, most);
    const RelaxedSolution again =
        search::relax(r.question, deployment, target.latency, latency_s, start, most);
    EXPECT_EQ(s.loss, again.loss);
    EXPECT_EQ(s.latency_s, again.latency_s);
    EXPECT_EQ(s.sizes.layers, again.sizes.layers);
    EXPECT_EQ(s.sizes.width, again.sizes.width);
    EXPECT_EQ(s.sizes.ffn_ratio, again.sizes.ffn_ratio);
    EXPECT_EQ(s.sizes.kv_heads, again.sizes.kv_heads);
    EXPECT_EQ(s.sizes.experts, again.sizes.experts);
    EXPECT_EQ(s.feasible, again.feasible);
    EXPECT_EQ(s.evaluations, again.evaluations);
    EXPECT_GE(s.evaluations, 1);
    EXPECT_LE(s.evaluations, most + 1);  // the answer is looked at once more

    if (ratio_within(r.question.space, a) && is_feasible(r.question, deployment, e)) {
      EXPECT_TRUE(s.feasible) << r.space.dump();
      EXPECT_LE(s.loss, e.loss + 1e-7) << r.space.dump();
      improved += s.loss < e.loss - 1e-3 ? 1 : 0;
    }
    if (!s.feasible) continue;
    ++solved;
    expect_within_axes(r.question.space, a, s.sizes);
    EXPECT_LE(s.latency_s, latency_s * slack);
    // Latency and memory rise with every size.
    if (const auto below = whole(r.question.space, a, s.sizes, false)) {
      const auto b = model::evaluate(r.question.law, *below, deployment.scenario);
      EXPECT_LE(b.latency(target.latency), s.latency_s * (1 + 1e-6)) << r.space.dump();
      EXPECT_LE(b.memory.total(), deployment.memory_budget_bytes * slack);
      EXPECT_LE(b.prefill.seconds, deployment.limits.prefill_s * slack);
      EXPECT_LE(b.total_s, deployment.limits.total_s * slack);
      EXPECT_FALSE(b.tpot_s > deployment.limits.tpot_s * slack);
      ++bracketed;
    }
    if (const auto above = whole(r.question.space, a, s.sizes, true)) {
      EXPECT_GE(
          model::evaluate(r.question.law, *above, deployment.scenario).latency(target.latency),
          s.latency_s * (1 - 1e-6))
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
    const auto e = model::evaluate(question.law, a, question.deployments[0].scenario);
    const auto s = search::relax(question, question.deployments[0], Objective::total,
                                 1.2 * e.total_s, search::relaxed_start(a), 100);
    ASSERT_TRUE(s.feasible);
    EXPECT_LE(s.loss, e.loss + 1e-7);
    expect_within_axes(question.space, a, s.sizes);
  }
}

TEST(ClosedFormStart, LiesInTheBoxAndHelps) {
  const Question question = benchmark_question();
  const auto box = search::bounding_box(question.space);
  const auto& deployment = question.deployments[0];
  for (const double latency_s : {0.05, 0.1, 0.3, 1.0}) {
    const auto start =
        search::closed_form_start(question, deployment, Objective::total, latency_s, box);
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
    const auto solution =
        search::relax(question, deployment, Objective::total, latency_s, *start, 200);
    EXPECT_TRUE(solution.feasible) << latency_s;
    EXPECT_LT(solution.loss, latency_s < 0.1 ? 4.0 : 3.5) << latency_s;
  }
}

TEST(ClosedFormStart, NoneWithoutGroupedQueriesOrRoom) {
  Question question = benchmark_question();
  const auto box = search::bounding_box(question.space);
  EXPECT_FALSE(
      search::closed_form_start(question, question.deployments[0], Objective::total, 1e-9, box));
  Deployment tiny = question.deployments[0];
  tiny.memory_budget_bytes = 1e3;
  EXPECT_FALSE(search::closed_form_start(question, tiny, Objective::total, 1.0, box));
  question.space.attention = search::mla_choices(
      {{.kv_lora_rank = 128, .qk_nope_head_dim = 64, .qk_rope_head_dim = 32, .v_head_dim = 64}});
  EXPECT_FALSE(search::closed_form_start(question, question.deployments[0], Objective::total, 1.0,
                                         search::bounding_box(question.space)));
}

}  // namespace
}  // namespace rooflaw::testing
