// Strategy exact against scoring every point: the same frontiers, bit for bit, index for index.

#include <numeric>

#include <gtest/gtest.h>

#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/space/axes.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Frontier;
using search::FrontierPoint;
using search::Index;
using search::Subspace;

struct Found {
  std::vector<Frontier> frontiers;
  std::int64_t pairs_scored = 0;
};

struct Interrupted {};

/// All pieces in any order and in runs of any length, some of them interrupted: what was not
/// settled is scored again.
void score_in_runs(search::ExactLevel& level, search::Scanner& scanner, Random& random) {
  std::vector<Index> open(static_cast<std::size_t>(level.pieces()));
  std::iota(open.begin(), open.end(), Index{0});
  if (random.chance(0.5)) random.shuffle(open);
  int interruptions = 20;
  std::vector<Index> run;
  while (!open.empty()) {
    run.push_back(open.back());
    open.pop_back();
    bool again = false;
    try {
      level.score(run.back(), scanner, [&] {
        if (interruptions > 0 && random.chance(0.2)) throw Interrupted{};
      });
      if (!open.empty() && random.chance(0.8)) continue;
      level.settle(scanner);
    } catch (const Interrupted&) {
      --interruptions;
      again = true;
    }
    if (again) open.insert(open.end(), run.begin(), run.end());
    run.clear();
  }
  if (level.pieces() > 0) level.score(0, scanner, {});  // once more, never settled
}

/// All levels, pieces as they come or, with a random generator, in runs.
Found exact(const search::Question& question, std::vector<Subspace> levels,
            Random* in_runs = nullptr, double tolerance = 0) {
  const search::PowerTables tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (std::size_t l = 0; l < levels.size(); ++l) {
    std::vector<search::LossBound> seed;
    if (tolerance > 0 && l + 1 == levels.size())
      for (const auto& f : scanner.frontiers()) seed.emplace_back(f.points(), tolerance);
    search::ExactLevel level(question, tables, levels[l], std::move(seed));
    EXPECT_EQ(search::pieces_of(question, levels[l]), level.pieces());
    if (in_runs != nullptr) {
      score_in_runs(level, scanner, *in_runs);
      continue;
    }
    for (Index piece = 0; piece < level.pieces(); ++piece) level.score(piece, scanner, {});
    level.settle(scanner);
  }
  return {scanner.frontiers(), scanner.pairs_scored()};
}

/// A random sub-space, then the whole: small spaces have no levels of their own.
std::vector<Subspace> random_levels(Random& random, const search::Space& space) {
  const Subspace whole = search::exact_levels(space).back();
  Subspace part = whole;
  const auto thin = [&](std::vector<std::size_t>& axis) {
    if (axis.empty()) return;  // nothing of it is in range
    const auto kept = axis[static_cast<std::size_t>(
        random.integer(0, static_cast<std::int64_t>(axis.size()) - 1))];
    std::erase_if(axis, [&](std::size_t digit) { return digit != kept && random.chance(0.6); });
  };
  for (auto& axis : part.values) thin(axis);
  return {part, whole};
}

void expect_same(const search::Question& question, const std::vector<Frontier>& expected,
                 const std::vector<Frontier>& found, const json& space) {
  for (std::size_t t = 0; t < question.targets.size(); ++t)
    EXPECT_EQ(expected[t].points(), found[t].points())
        << "target " << t << " " << to_string(question.targets[t].objective) << " " << space.dump();
}

TEST(Exact, EqualsTheGridOnRandomSpacesInAnyRuns) {
  Random random(301);
  std::size_t points = 0;
  for (int i = 0; i < 1500 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 1, 3000, 2000);
    if (random.chance(0.7)) limit_exactly(random, r);
    if (random.chance(0.3))
      r.question.space.within = r.question.laws[0].range = random_range(random);
    const auto expected = grid(r.question);
    const auto levels = random_levels(random, r.question.space);
    expect_same(r.question, expected, exact(r.question, levels, &random).frontiers, r.space);
    for (const auto& f : expected) points += f.size();
  }
  EXPECT_GT(points, 30000u);
}

/// Fine axes in no order, as many as make boxes worth while.
RandomQuestion fine_problem(Random& random) {
  RandomQuestion r = random_question(random, 1, 3000, 300);
  json& s = r.space;
  s["widths"] = {512, 1536, 1024, 2048};
  s["head_dim"] = 64;
  s["layers"] = json::array();
  for (int l = 40; l >= 1; --l) s["layers"].push_back(l);
  s["expert_ffn_ratio"] = json::array();
  for (int k = 1; k <= 80; ++k) s["expert_ffn_ratio"].push_back(0.05 * ((k * 37) % 81));
  s["experts"] = {1, 64, 2, 3, 48, 5, 32, 8, 12, 16, 24};
  s["top_k"] = {2, 1, 4};
  if (!s.contains("kv_heads")) s["kv_heads"] = {1, "heads"};
  r.question.space = space_from(s);
  return r;
}

TEST(Exact, EqualsTheGridOnLargerSpaces) {
  Random random(303);
  for (int i = 0; i < 12 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = fine_problem(random);
    if (i % 3 == 0) r.question = with_laws(r.question, {published_law(), random_law(random)});
    const auto valid = static_cast<double>(search::valid_count(r.question.space));
    const auto pairs = valid * static_cast<double>(r.question.targets.size());
    if (i % 2 == 0)
      for (auto& deployment : r.question.deployments) {
        deployment.limits.set(model::Objective::memory, random.real(1e8, 4e9));
        if (random.chance(0.5))
          deployment.limits.set(model::Objective::total, random.real(0.01, 10.0));
      }
    const Found found = exact(r.question, search::exact_levels(r.question.space));
    expect_same(r.question, grid(r.question), found.frontiers, r.space);
    EXPECT_LT(static_cast<double>(found.pairs_scored), 0.5 * pairs) << "boxes are dropped";
  }
}

/// More attention blocks than are bounded one by one, ratios that are rounded to one size.
RandomQuestion many_attention_blocks(Random& random) {
  RandomQuestion r = random_question(random, 1, 3000, 300);
  json& s = r.space;
  s["widths"] = {1024, 512};
  s["head_dim"] = 32;
  s["layers"] = {3, 1, 2, 5, 9, 17, 40};
  s["attention"] = {"mla", "gqa"};
  s["kv_heads"] = {4, 1, 2, 8, 16, "heads"};
  s["mla"] = json::array();
  for (int i = 0; i < 45; ++i)
    s["mla"].push_back({{"kv_lora_rank", 16 + 16 * ((i * 17) % 45)},
                        {"qk_nope_head_dim", 32},
                        {"qk_rope_head_dim", random.pick<std::int64_t>({16, 32})},
                        {"v_head_dim", 32}});
  s["ffn"] = random.some(std::vector<std::string>{"plain", "gated"}, 0.7);
  s["ffn_multiple_of"] = random.pick<std::int64_t>({1, 256, 512});
  s["expert_ffn_ratio"] = {0.3, 2.0, 0.26, 0.5, 0.1, 0.55, 1.0, 3.5};
  s["shared_ffn"] = random.some(std::vector<std::int64_t>{0, 512, 64}, 0.6);
  s["experts"] = {8, 1, 2, 32};
  s["top_k"] = {2, 1};
  r.question.space = space_from(s);
  return r;
}

TEST(Exact, EqualsTheGridWithManyAttentionBlocks) {
  Random random(317);
  std::size_t points = 0;
  for (int i = 0; i < 25 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = many_attention_blocks(random);
    if (i % 3 == 0) r.question = with_laws(r.question, {published_law(), random_law(random)});
    for (auto& deployment : r.question.deployments) {
      if (random.chance(0.5))
        deployment.limits.set(model::Objective::memory, random.real(5e7, 2e9));
      if (random.chance(0.3))
        deployment.limits.set(model::Objective::total, random.real(0.01, 10.0));
    }
    const auto expected = grid(r.question);
    const auto levels = random_levels(random, r.question.space);
    expect_same(r.question, expected, exact(r.question, levels, &random).frontiers, r.space);
    const double tolerance = 1e-3;
    const auto near = exact(r.question, levels, &random, tolerance).frontiers;
    for (std::size_t t = 0; t < near.size(); ++t)
      EXPECT_LE(search::largest_loss_gap(near[t].points(), expected[t].points()),
                tolerance * (1 + 1e-9));
    for (const auto& f : expected) points += f.size();
  }
  EXPECT_GT(points, 2000u);
}

TEST(Exact, LevelsAreSubspacesAndTheLastIsTheSpace) {
  Random random(305);
  const RandomQuestion r = fine_problem(random);
  search::Space space = r.question.space;
  space.widths.clear();
  for (std::int64_t w = 64; w <= 8192; w += 64) space.widths.push_back(w);
  const auto levels = search::exact_levels(space);
  ASSERT_GT(levels.size(), 1u);
  const Subspace& whole = levels.back();
  const auto lengths = search::axis_lengths(space);
  for (const search::Axis axis : search::all_axes) {
    EXPECT_EQ(lengths[axis], whole[axis].size());
    for (const auto& level : levels) {
      const auto key = search::home_of(axis).key_of;
      EXPECT_TRUE(std::is_sorted(level[axis].begin(), level[axis].end(),
                                 [&](auto a, auto b) { return key(space, a) < key(space, b); }));
      EXPECT_LE(level[axis].size(), whole[axis].size());
      EXPECT_FALSE(level[axis].empty());
    }
  }
  EXPECT_LT(levels.front()[search::Axis::width].size(), whole[search::Axis::width].size());
}

// What is quadratic in the length of an axis does not end here.
TEST(Exact, AMillionExperts) {
  Random random(311);
  RandomQuestion r = random_question(random, 1, 500, 20);
  search::Space& space = r.question.space;
  space.widths = {512}, space.head_dim = 64, space.layers = {4, 8};
  space.attention = search::gqa_choices({1});
  space.expert_ffn_ratio = {1}, space.shared_ffn = {0}, space.top_k = {1};
  space.experts.resize(1'000'000);
  std::iota(space.experts.begin(), space.experts.end(), std::int64_t{1});
  const auto tables = search::fill_tables(r.question);
  const auto levels = search::exact_levels(space);
  ASSERT_GT(levels.size(), 1u);
  search::Scanner scanner(r.question, tables);
  std::size_t answered = 0;
  for (const auto& subspace : levels) {
    search::ExactLevel level(r.question, tables, subspace, {});
    for (Index piece = 0; piece < level.pieces(); ++piece)
      level.score(piece, scanner, [&] { ++answered; });
    level.settle(scanner);
  }
  EXPECT_GT(answered, 0u);
  expect_same(r.question, grid(r.question), scanner.frontiers(), r.space);
}

TEST(PowerTables, AnswerWhileTheyAreFilled) {
  Random random(313);
  RandomQuestion r = random_question(random, 1, 500, 20);
  r.question.space.experts.resize(100'000);
  std::iota(r.question.space.experts.begin(), r.question.space.experts.end(), std::int64_t{1});
  std::size_t answered = 0;
  search::fill_tables(r.question, [&] { ++answered; });
  EXPECT_GT(answered, 20u);
}

TEST(Exact, ATolerancePromisesAndTheOrderDoesNotMatter) {
  Random random(307);
  for (int i = 0; i < 6; ++i) {
    RandomQuestion r = fine_problem(random);
    const auto truth = grid(r.question);
    const auto tolerance = random.pick<double>({1e-4, 1e-2, 0.1});
    const auto levels = random_levels(random, r.question.space);
    const auto first = exact(r.question, levels, nullptr, tolerance);
    const auto second = exact(r.question, levels, &random, tolerance);
    expect_same(r.question, first.frontiers, second.frontiers, r.space);
    for (std::size_t t = 0; t < truth.size(); ++t)
      EXPECT_LE(search::largest_loss_gap(first.frontiers[t].points(), truth[t].points()),
                tolerance * (1 + 1e-9));
  }
}

}  // namespace
}  // namespace rooflaw::testing
