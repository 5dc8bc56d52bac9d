// The best architecture that can be built, against every architecture of small boxes, against a
// search of large ones, and as the budgets grow.

#include <numeric>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/theory/buildable.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using theory::Aim;
using theory::BuildingLattice;
using theory::BuildRules;
using theory::Built;
using theory::ShapeBox;

bool inside(const model::Interval& interval, double x) {
  return x >= interval.lo * (1 - 1e-9) && x <= interval.hi * (1 + 1e-9);
}

/// Sizes from a box, by trying all that there could be.
std::vector<model::Architecture> all_architectures(const ShapeBox& box, const BuildRules& rules) {
  std::vector<model::Architecture> all;
  for (std::int64_t width = 64; static_cast<double>(width) <= box.width.hi; width += 64) {
    if (!inside(box.width, static_cast<double>(width))) continue;
    const std::int64_t heads = width / 64;
    for (std::int64_t kv = 1; kv <= heads; ++kv) {
      if (heads % kv != 0 || !inside(box.gqa, static_cast<double>(heads) / static_cast<double>(kv)))
        continue;
      for (std::int64_t experts = 1; experts <= 64; ++experts) {
        if (!inside(box.activation_rate, 1.0 / static_cast<double>(experts))) continue;
        for (std::int64_t ffn = 64; ffn <= 64 * width; ffn += 64) {
          if (!inside(box.ffn_ratio, static_cast<double>(ffn) / static_cast<double>(width)))
            continue;
          for (std::int64_t layers = 1; static_cast<double>(layers) <= box.layers.hi; ++layers) {
            if (!inside(box.layers, static_cast<double>(layers))) continue;
            model::Architecture a;
            a.layers = layers;
            a.width = width;
            a.heads = heads;
            a.head_dim = 64;
            a.kv_heads = kv;
            a.experts = experts;
            a.expert_ffn = ffn;
            a.vocab = rules.vocab;
            a.tied = rules.tied;
            all.push_back(a);
          }
        }
      }
    }
  }
  return all;
}

/// A scenario of random parts, with limits that some architecture like `like` meets exactly or
/// nearly.
struct RandomBudgets {
  model::Scenario scenario;
  model::Limits limits;
};
RandomBudgets random_budgets(Random& random, const model::Architecture& like) {
  json c = random_case(random, 300);
  c.erase("architecture");
  json& work = c["workload"];
  if (work["input_tokens"] == 0 && work["output_tokens"] == 0) work["input_tokens"] = 64;
  RandomBudgets r{scenario_from(c), {}};
  const auto e = model::evaluate(published_law(), like, r.scenario);
  do {
    for (const auto objective :
         {model::Objective::prefill, model::Objective::decode, model::Objective::total,
          model::Objective::tpot, model::Objective::memory})
      if (random.chance(0.4) && model::applies(objective, r.scenario))
        r.limits.set(objective, value_of(objective, e, r.scenario) *
                                    (random.chance(0.5) ? 1.0 : random.log_real(0.3, 3.0)));
  } while (r.limits.none());
  return r;
}

ShapeBox small_box(Random& random) {
  const auto interval = [&](double lo, double hi, double spread) {
    const double first = random.log_real(lo, hi);
    return model::Interval{first, first * random.real(1.2, spread)};
  };
  ShapeBox box{.layers = interval(1, 20, 4), .width = interval(80, 900, 2)};
  box.ffn_ratio = interval(0.1, 1.5, 3);
  box.gqa = {1.0, random.chance(0.7) ? infinity : random.real(1, 6)};
  const auto experts = static_cast<double>(random.integer(1, 6));
  box.activation_rate = {1.0 / (experts + static_cast<double>(random.integer(0, 4))),
                         1.0 / experts};
  return box;
}

TEST(Buildable, IsTheBestOfAllArchitecturesOfSmallBoxes) {
  Random random(701);
  const model::Law law = published_law();
  model::LawRange range;
  range.layers = {{3, 20}};
  range.width = {{128, 640}};
  range.experts_top_k = {{{1, 1}, {2, 1}, {4, 1}, {6, 1}}};
  range.kv_heads = {{1, 2, model::all_heads}};
  int questions = 0, unmet = 0, in_range = 0;
  while (questions < 1500 && !::testing::Test::HasFailure()) {
    const ShapeBox box = small_box(random);
    BuildRules rules;
    rules.vocab = random.integer(100, 50000);
    rules.tied = random.chance(0.5);
    const auto all = all_architectures(box, rules);
    if (all.empty() || all.size() > 4000) continue;
    const auto [scenario, limits] = random_budgets(random, random.pick(all));
    if (random.chance(0.3)) rules.within = range;
    std::optional<Built> found;
    try {
      found = BuildingLattice(box, rules).best(law, scenario, limits);
    } catch (const DomainError&) {  // checked below: nothing is left
    }
    double least = infinity;
    const auto weighted = weighted_limits(limits, scenario);
    for (const auto& a : all) {
      if (rules.within && model::extrapolates(*rules.within, a)) continue;
      const auto e = model::evaluate(law, a, scenario);
      if (model::feasible(weighted, e.costs())) least = std::min(least, e.loss);
    }
    EXPECT_EQ(found ? found->evaluation.loss : infinity, least) << questions;
    if (found) {
      EXPECT_EQ(model::evaluate(law, found->architecture, scenario).loss, least);
      in_range += rules.within ? 1 : 0;
    }
    unmet += found ? 0 : 1;
    ++questions;
  }
  EXPECT_GT(unmet, 50);
  EXPECT_GT(in_range, 50);
}

TEST(Buildable, MeetsOrMissesAnAim) {
  Random random(702);
  const model::Law law = published_law();
  for (int i = 0; i < 200; ++i) {
    const BuildingLattice lattice(theory::default_box(law), {});
    model::Architecture like;
    like.layers = random.integer(4, 32);
    like.width = 64 * random.integer(12, 48);
    like.heads = like.width / 64;
    like.head_dim = 64;
    like.kv_heads = 1;
    like.expert_ffn = 64 * random.integer(1, 100);
    like.vocab = 151936;
    const auto [scenario, limits] = random_budgets(random, like);
    const auto best = lattice.best(law, scenario, limits);
    if (!best) continue;
    const double loss = best->evaluation.loss;
    EXPECT_FALSE(lattice.best(law, scenario, limits, {.below = loss}));
    const Aim aim{.below = std::nextafter(loss, infinity), .any = true};
    EXPECT_EQ(lattice.best(law, scenario, limits, aim).value().evaluation.loss, loss);
    const auto any = lattice.best(law, scenario, limits, {.below = loss + 0.1, .any = true});
    EXPECT_LT(any.value().evaluation.loss, loss + 0.1);
    EXPECT_TRUE(model::feasible(weighted_limits(limits, scenario), any->evaluation.costs()));
  }
}

TEST(Buildable, MoreBudgetIsNeverWorse) {
  Random random(703);
  const model::Law law = published_law();
  const BuildingLattice lattice(theory::default_box(law), {});
  int better = 0;
  for (int i = 0; i < 400; ++i) {
    model::Architecture like;
    like.layers = random.integer(4, 32);
    like.width = 64 * random.integer(12, 48);
    like.heads = like.width / 64;
    like.head_dim = 64;
    like.kv_heads = random_divisor(random, like.heads);
    like.experts = random.integer(1, 16);
    like.expert_ffn = 64 * random.integer(1, like.width / 16);
    like.vocab = 151936;
    const auto [scenario, limits] = random_budgets(random, like);
    const auto before = lattice.best(law, scenario, limits);
    for (const auto& limit : limits.finite()) {
      model::Limits wider = limits;
      wider.set(limit.objective,
                limit.bound * random.pick<double>({1.0 + 1e-12, 1.001, 1.01, 1.3}));
      const auto after = lattice.best(law, scenario, wider);
      const double loss = before ? before->evaluation.loss : infinity;
      EXPECT_LE(after ? after->evaluation.loss : infinity, loss);
      better += after && after->evaluation.loss < loss ? 1 : 0;
    }
  }
  EXPECT_GT(better, 200);
}

/// The least loss that strategy exact finds at one width of a box.
double exact_at(std::int64_t width, const ShapeBox& box, const BuildRules& rules,
                const model::Law& law, const model::Scenario& scenario,
                const model::Limits& limits) {
  search::Question q;
  auto& space = q.space;
  space.widths = {width};
  space.head_dim = rules.head_dim;
  space.ffn_multiple_of = rules.ffn_multiple_of;
  space.vocab = rules.vocab;
  space.tied = rules.tied;
  space.top_k = {1};
  std::vector<std::int64_t> kv_heads;
  for (std::int64_t n = 1; n <= width / 64; ++n)
    if ((width / 64) % n == 0) kv_heads.push_back(n);
  space.attention = search::gqa_choices(kv_heads);
  for (auto n = std::llround(box.layers.lo); n <= std::llround(box.layers.hi); ++n)
    space.layers.push_back(n);
  for (std::int64_t n = 1; n <= std::llround(1.0 / box.activation_rate.lo); ++n)
    space.experts.push_back(n);
  for (std::int64_t ffn = 64;
       static_cast<double>(ffn) <= box.ffn_ratio.hi * static_cast<double>(width); ffn += 64)
    if (static_cast<double>(ffn) >= box.ffn_ratio.lo * static_cast<double>(width))
      space.expert_ffn_ratio.push_back(static_cast<double>(ffn) / static_cast<double>(width));
  q.laws = {law};
  q.deployments = {{scenario, limits}};
  const bool decodes = scenario.workload.output_tokens > 0;
  q.targets = {{"t", 0, decodes ? model::Objective::tpot : model::Objective::prefill, 0}};

  const auto tables = search::fill_tables(q);
  search::Scanner scanner(q, tables);
  for (const auto& level : search::exact_levels(space)) {
    search::ExactLevel of(q, tables, level, {});
    for (search::Index piece = 0; piece < of.pieces(); ++piece) of.score(piece, scanner, {});
    of.settle(scanner);
  }
  const auto points = scanner.frontiers()[0].points();
  return points.empty() ? infinity : points.back().loss;
}

TEST(Buildable, IsWhatASearchOfTheDefaultBoxFinds) {
  Random random(704);
  const model::Law law = published_law();
  const ShapeBox box = theory::default_box(law);
  int met = 0;
  for (int i = 0; i < 500; ++i) {
    // All widths now and then, else one.
    const std::int64_t width = 64 * random.integer(12, 48);
    const bool all = i % 100 == 0;
    const ShapeBox at = all ? box : theory::at_width(box, static_cast<double>(width));
    model::Architecture like;
    like.layers = random.integer(4, 32);
    like.width = width;
    like.heads = width / 64;
    like.head_dim = 64;
    like.kv_heads = random_divisor(random, like.heads);
    like.experts = random.integer(1, 16);
    like.expert_ffn = 64 * random.integer(1, width / 16);
    like.vocab = 151936;
    const auto [scenario, limits] = random_budgets(random, like);
    const auto found = BuildingLattice(at, {}).best(law, scenario, limits);
    double least = infinity;
    for (std::int64_t w = 768; w <= 3072; w += 64)
      if (all || w == width) least = std::min(least, exact_at(w, box, {}, law, scenario, limits));
    EXPECT_EQ(found ? found->evaluation.loss : infinity, least) << i;
    met += found ? 1 : 0;
  }
  EXPECT_GT(met, 300);
}

TEST(Buildable, SaysWhatLeavesNothingToBuild) {
  const model::Law law = published_law();
  const auto why = [&](auto change) -> std::string {
    ShapeBox box = theory::default_box(law);
    change(box);
    try {
      BuildingLattice lattice(box, {});
    } catch (const DomainError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(why([](ShapeBox&) {}), "");
  EXPECT_NE(why([](ShapeBox& b) {
              b.layers = {4.2, 4.8};
            }).find("no whole layer"),
            std::string::npos);
  EXPECT_NE(why([](ShapeBox& b) {
              b.activation_rate = {0.6, 0.9};
            }).find("no whole number"),
            std::string::npos);
  EXPECT_NE(why([](ShapeBox& b) {
              b.activation_rate = {1e-9, 1};
            }).find("more than"),
            std::string::npos);
  EXPECT_NE(why([](ShapeBox& b) { b.layers = {1, 1e9}; }).find("more than"), std::string::npos);
  EXPECT_NE(why([](ShapeBox& b) {
              b.gqa = {5.5, 5.6};
              b.width = {512, 512};
            }).find("KV heads"),
            std::string::npos);
  EXPECT_NE(why([](ShapeBox& b) {
              b.width = {768, 768};
              b.ffn_ratio = {0.04, 0.05};
            }).find("no multiple of 64"),
            std::string::npos);
}

TEST(Buildable, SaysWhichLimitTheSmallestBreaksMost) {
  const model::Law law = published_law();
  Random random(705);
  json c = random_case(random, 300);
  c["workload"] = {{"batch", 1}, {"input_tokens", 100}, {"output_tokens", 10}};
  const auto scenario = scenario_from(c);
  const BuildingLattice lattice(theory::default_box(law), {});
  model::Limits limits;
  limits.set(model::Objective::memory, 1.0);
  limits.set(model::Objective::prefill, 1e9);
  EXPECT_FALSE(lattice.best(law, scenario, limits));
  EXPECT_NE(lattice.shortfall(scenario, limits).find("of memory where 1 is given"),
            std::string::npos);
  limits.set(model::Objective::memory, 1e300);
  EXPECT_TRUE(lattice.best(law, scenario, limits));
  EXPECT_EQ(lattice.shortfall(scenario, limits), "");
}

}  // namespace
}  // namespace rooflaw::testing
