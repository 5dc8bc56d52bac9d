// Portfolios against trying everything: every architecture on every target, every pair of them,
// every subset.

#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/search/portfolio/partition.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Portfolio;
using search::PortfolioChoice;
using search::PortfolioObjective;
using search::SetOutcome;
using search::SetPoint;

constexpr PortfolioObjective objectives[] = {PortfolioObjective::mean, PortfolioObjective::worst,
                                             PortfolioObjective::served};

/// What one architecture does on every target, by the model alone.
struct Tried {
  search::Index index = 0;
  double loss = 0;             // without what precisions add
  std::vector<bool> serves;    // by target
  std::vector<double> values;  // of the targets' objectives; infinite outside the other limits
  std::vector<double> memory;
};

std::vector<Tried> try_all(const search::Question& q, const std::vector<double>& budgets) {
  std::vector<Tried> all;
  for (const auto& [index, architecture] : all_points(q.space)) {
    Tried tried{.index = index, .loss = 0, .serves = {}, .values = {}, .memory = {}};
    for (std::size_t t = 0; t < q.targets.size(); ++t) {
      const auto& deployment = search::deployment_of(q, q.targets[t]);
      model::Scenario s = deployment.scenario;
      s.precision.loss_delta = 0;
      const auto e = model::evaluate(q.laws[0], architecture, s);
      const bool within = is_feasible(q, deployment, e);
      const double value = value_of(q.targets[t].objective, e, s);
      tried.loss = e.loss;
      tried.values.push_back(within ? value : infinity);
      tried.serves.push_back(within && value <= budgets[t]);
      tried.memory.push_back(e.memory.total());
    }
    all.push_back(tried);
  }
  return all;
}

/// A question with budgets that some architectures meet and others miss; now and then none does.
struct PortfolioCase {
  RandomQuestion random;
  std::vector<double> budgets;
  std::vector<Tried> tried;
  const search::Question& question() const { return random.question; }
};

PortfolioCase random_portfolio(Random& random, search::Index least, search::Index most) {
  PortfolioCase c;
  do c.random = random_question(random, least, most, 500);
  while (c.question().targets.size() > 8);
  auto& q = c.random.question;
  if (random.chance(0.3)) q.laws = {random_law(random)};
  // A law under which a larger FFN is no better: boxes cannot be bounded by their corners.
  if (random.chance(0.1)) q.laws[0].alpha_r = -q.laws[0].alpha_r;
  if (random.chance(0.3)) q.space.within = q.laws[0].range = random_range(random);
  shuffle_axes(random, q.space);
  c.budgets.assign(q.targets.size(), infinity);
  std::vector<double> memory;
  for (const auto& tried : try_all(q, c.budgets)) memory.push_back(tried.memory[0]);
  if (!memory.empty() && random.chance(0.5))
    q.deployments[0].limits.set(model::Objective::memory, random.pick(memory));
  const auto all = try_all(q, c.budgets);
  for (std::size_t t = 0; t < q.targets.size(); ++t) {
    std::vector<double> values;
    for (const auto& tried : all)
      if (tried.values[t] < infinity) values.push_back(tried.values[t]);
    if (values.empty()) values.push_back(1.0);
    std::sort(values.begin(), values.end());
    // Exactly what some architecture takes, or less than any.
    c.budgets[t] = random.chance(0.1) ? 0.9 * values.front() : random.pick(values);
  }
  c.tried = try_all(q, c.budgets);
  return c;
}

/// All levels, pieces of each in any order.
SetOutcome searched(const PortfolioCase& c, Random& random) {
  search::SetRun run(c.question(), c.budgets, {});
  for (run.begin({}); !run.finished(); run.next_round(run.gathered())) {
    std::vector<std::int64_t> pieces(static_cast<std::size_t>(run.pieces()));
    std::iota(pieces.begin(), pieces.end(), 0);
    random.shuffle(pieces);
    for (const auto piece : pieces) run.score(piece, {});
  }
  return run.found();
}

search::TargetSet set_of(const std::vector<bool>& serves) {
  search::TargetSet set = 0;
  for (std::size_t t = 0; t < serves.size(); ++t)
    if (serves[t]) set |= search::TargetSet{1} << t;
  return set;
}

/// What no other architecture beats, every pair compared.
std::vector<SetPoint> plain_table(const std::vector<Tried>& all) {
  std::vector<SetPoint> kept;
  for (const auto& x : all) {
    const auto set = set_of(x.serves);
    if (set == 0 || !std::isfinite(x.loss)) continue;
    const bool beaten = std::any_of(all.begin(), all.end(), [&](const Tried& y) {
      return (set_of(y.serves) & set) == set &&
             (y.loss < x.loss || (y.loss == x.loss && y.index < x.index));
    });
    if (!beaten) kept.push_back({set, x.loss, x.index});
  }
  std::sort(kept.begin(), kept.end(), [](const SetPoint& x, const SetPoint& y) {
    return std::pair(x.loss, x.index) < std::pair(y.loss, y.index);
  });
  return kept;
}

TEST(SetSearch, FindsWhatNoArchitectureBeats) {
  Random random(901);
  std::size_t points = 0, infeasible = 0;
  for (int i = 0; i < 400 && !::testing::Test::HasFailure(); ++i) {
    const auto c = random_portfolio(random, 1, 400);
    const SetOutcome found = searched(c, random);
    EXPECT_EQ(found.points, plain_table(c.tried)) << i << " " << c.random.space.dump();
    for (std::size_t t = 0; t < c.budgets.size(); ++t) {
      double least = infinity, memory = infinity;
      for (const auto& tried : c.tried) {
        least = std::min(least, tried.values[t]);
        memory = std::min(memory, tried.memory[t]);
      }
      EXPECT_EQ(found.least[t].objective, least) << i << " target " << t;
      EXPECT_EQ(found.least[t].memory_bytes, memory) << i << " target " << t;
      infeasible += least > c.budgets[t] ? 1 : 0;
    }
    points += found.points.size();
    EXPECT_NO_THROW(require_sets(found, c.question(), c.budgets));
  }
  EXPECT_GT(points, 1000u);
  EXPECT_GT(infeasible, 20u);
}

TEST(SetSearch, EqualsEveryPairOfFineSpaces) {
  Random random(907);
  for (int i = 0; i < 4 && !::testing::Test::HasFailure(); ++i) {
    PortfolioCase c = random_portfolio(random, 1, 400);
    json& s = c.random.space;
    s["widths"] = {512, 1536, 1024, 2048};
    s["head_dim"] = 64;
    s["layers"] = {24, 1, 2, 3, 12, 6, 8};
    s["expert_ffn_ratio"] = json::array();
    for (int k = 1; k <= 40; ++k) s["expert_ffn_ratio"].push_back(0.1 * ((k * 17) % 41));
    s["experts"] = {1, 64, 2, 3, 48, 5, 32};
    s["top_k"] = {2, 1, 4};
    s["kv_heads"] = {1, "heads"};
    s.erase("attention");
    c.random.question.space = space_from(s);
    c.random.question.laws = {published_law()};
    for (auto& deployment : c.random.question.deployments) deployment.limits = {};
    const auto all = try_all(c.question(), std::vector(c.budgets.size(), infinity));
    for (std::size_t t = 0; t < c.budgets.size(); ++t) c.budgets[t] = random.pick(all).values[t];
    EXPECT_EQ(searched(c, random).points, plain_table(try_all(c.question(), c.budgets))) << i;
  }
}

/// What a set of architectures is worth: every target runs the best that serves it.
struct Value {
  double weight = 0, worst = 0, mean_regret = 0, mean_loss = 0;
};

class EverySubset {
 public:
  EverySubset(const std::vector<Tried>& tried, const Portfolio& portfolio,
              const std::vector<double>& delta)
      : tried_(tried), portfolio_(portfolio), delta_(delta), own_(delta.size(), infinity) {
    for (const auto& a : tried)
      for (std::size_t t = 0; t < own_.size(); ++t)
        if (a.serves[t]) own_[t] = std::min(own_[t], a.loss);
  }
  /// The best of all subsets of at most k.
  Value best(std::size_t k) {
    best_ = {};
    any_ = false;
    std::vector<std::size_t> chosen;
    go(0, k, chosen);
    return best_;
  }

 private:
  void go(std::size_t from, std::size_t left, std::vector<std::size_t>& chosen) {
    if (!chosen.empty()) take(value(chosen));
    if (left == 0) return;
    for (std::size_t a = from; a < tried_.size(); ++a) {
      chosen.push_back(a);
      go(a + 1, left - 1, chosen);
      chosen.pop_back();
    }
  }
  Value value(const std::vector<std::size_t>& chosen) const {
    Value v;
    for (std::size_t t = 0; t < own_.size(); ++t) {
      double least = infinity;
      for (const auto a : chosen)
        if (tried_[a].serves[t]) least = std::min(least, tried_[a].loss);
      if (least == infinity) continue;
      v.weight += portfolio_.weights[t];
      v.worst = std::max(v.worst, least - own_[t]);
      v.mean_regret += portfolio_.weights[t] * (least - own_[t]);
      v.mean_loss += portfolio_.weights[t] * (least + delta_[t]);
    }
    v.mean_loss /= v.weight;
    v.mean_regret /= v.weight;
    return v;
  }
  void take(const Value& v) {
    if (v.weight == 0) return;
    const auto key = [&](const Value& x) {
      return portfolio_.objective == PortfolioObjective::worst
                 ? std::tuple(-x.weight, x.worst, x.mean_loss)
                 : std::tuple(-x.weight, x.mean_loss, 0.0);
    };
    if (!any_ || key(v) < key(best_)) best_ = v;
    any_ = true;
  }

  const std::vector<Tried>& tried_;
  const Portfolio& portfolio_;
  const std::vector<double>& delta_;
  std::vector<double> own_;
  Value best_;
  bool any_ = false;
};

std::vector<double> deltas_of(const search::Question& q) {
  std::vector<double> deltas;
  for (const auto& target : q.targets)
    deltas.push_back(search::deployment_of(q, target).scenario.precision.loss_delta);
  return deltas;
}

/// Does it say of itself what is so: every target runs one that serves it?
void expect_sound(const PortfolioChoice& choice, const std::vector<Tried>& tried) {
  search::TargetSet seen = 0;
  std::set<search::Index> indices;
  EXPECT_LE(choice.architectures.size(), choice.k);
  for (const auto& [point, runs] : choice.architectures) {
    EXPECT_NE(runs, 0u);
    EXPECT_TRUE(indices.insert(point.index).second) << "an architecture stands twice";
    EXPECT_EQ(runs & seen, 0u);
    seen |= runs;
    const auto a = std::find_if(tried.begin(), tried.end(),
                                [&, i = point.index](const Tried& x) { return x.index == i; });
    ASSERT_NE(a, tried.end());
    EXPECT_EQ(a->loss, point.loss);
    EXPECT_EQ(runs & set_of(a->serves), runs);
  }
  EXPECT_EQ(seen, choice.served);
}

/// Choices for k = 1 .. 4 and every objective against all subsets. @returns how many of them serve
/// only some of what more would
std::size_t expect_best(const std::vector<SetPoint>& table, const std::vector<Tried>& tried,
                        const std::vector<double>& weights, const std::vector<double>& delta) {
  std::size_t partly = 0;
  for (const auto objective : objectives) {
    const Portfolio p{
        .from = 1, .to = 4, .objective = objective, .weights = weights, .budgets = {}};
    EverySubset every(tried, p, delta);
    const auto choices = search::choose(table, p, delta);
    EXPECT_EQ(choices.size(), 4u);
    for (const auto& choice : choices) {
      const Value best = every.best(choice.k);
      expect_sound(choice, tried);
      EXPECT_TRUE(choice.certified);
      EXPECT_EQ(choice.weight_served, best.weight) << "k " << choice.k;
      if (best.weight == 0) continue;
      EXPECT_NEAR(choice.mean_loss, best.mean_loss, 1e-12) << "k " << choice.k;
      EXPECT_NEAR(choice.mean_regret, best.mean_regret, 1e-12) << "k " << choice.k;
      // Regrets that add up to the same mean may differ, each by itself.
      if (objective == PortfolioObjective::worst) {
        EXPECT_NEAR(choice.worst_regret, best.worst, 1e-12) << "k " << choice.k;
      }
      partly += choice.weight_served < choices.back().weight_served ? 1 : 0;
    }
  }
  return partly;
}

std::vector<double> random_weights(Random& random, std::size_t targets) {
  std::vector<double> weights(targets, 1.0);
  if (random.chance(0.5))
    for (auto& weight : weights) weight = random.pick<double>({0.5, 1, 2, 8});
  return weights;
}

TEST(Portfolio, EqualsEverySubsetOfAllArchitectures) {
  Random random(911);
  for (int i = 0; i < 220 && !::testing::Test::HasFailure(); ++i) {
    const auto c = random_portfolio(random, 2, 30);
    const SetOutcome found = searched(c, random);
    const auto delta = deltas_of(c.question());
    SCOPED_TRACE(i);
    expect_best(found.points, c.tried, random_weights(random, delta.size()), delta);
  }
}

/// Architectures that serve any targets: what one does not serve another may.
TEST(Portfolio, EqualsEverySubsetWhereNoneServesAll) {
  Random random(913);
  std::size_t partly = 0;
  for (int i = 0; i < 200 && !::testing::Test::HasFailure(); ++i) {
    const auto targets = static_cast<std::size_t>(random.integer(1, 8));
    std::vector<double> delta;
    for (std::size_t t = 0; t < targets; ++t) delta.push_back(random.real(-0.1, 0.2));
    std::vector<Tried> tried(static_cast<std::size_t>(random.integer(1, 20)));
    search::SetTable table;
    for (auto& a : tried) {
      a.index = random.integer(0, 1) * 1000 + (&a - tried.data());
      a.loss = random.pick<double>({2.5, 2.75, 3.0, random.real(2, 4)});
      for (std::size_t t = 0; t < targets; ++t) a.serves.push_back(random.chance(0.35));
      if (set_of(a.serves) != 0) table.insert({set_of(a.serves), a.loss, a.index});
    }
    EXPECT_EQ(table.points(), plain_table(tried));
    SCOPED_TRACE(i);
    partly += expect_best(table.points(), tried, random_weights(random, targets), delta);
  }
  EXPECT_GT(partly, 500u);
}

TEST(Portfolio, OneMoreIsNeverWorseAndOneATargetLosesNothing) {
  Random random(919);
  for (int i = 0; i < 200 && !::testing::Test::HasFailure(); ++i) {
    const auto c = random_portfolio(random, 20, 400);
    const SetOutcome found = searched(c, random);
    const auto delta = deltas_of(c.question());
    for (const auto objective : objectives) {
      const Portfolio p{.from = 1,
                        .to = delta.size(),
                        .objective = objective,
                        .weights = std::vector(delta.size(), random.real(0.1, 3.0)),
                        .budgets = c.budgets};
      const auto choices = search::choose(found.points, p, delta);
      for (std::size_t k = 1; k < choices.size(); ++k) {
        EXPECT_GE(choices[k].weight_served, choices[k - 1].weight_served);
        if (choices[k].weight_served == choices[k - 1].weight_served && choices[k].served != 0) {
          EXPECT_LE(value_of(objective, choices[k]), value_of(objective, choices[k - 1]));
        }
      }
      if (choices.back().served == 0) continue;
      EXPECT_EQ(choices.back().mean_regret, 0.0) << i;
      EXPECT_EQ(choices.back().worst_regret, 0.0) << i;
    }
  }
}

/// Tables of many targets: sets that thresholds along two axes make, and their losses.
std::vector<SetPoint> random_table(Random& random, std::size_t targets, std::size_t points) {
  std::vector<std::pair<double, double>> thresholds;
  for (std::size_t t = 0; t < targets; ++t)
    thresholds.emplace_back(random.real(0, 1), random.real(0, 1));
  search::SetTable table;
  for (std::size_t p = 0; p < points; ++p) {
    const double x = random.real(0, 1), y = random.real(0, 1);
    search::TargetSet set = 0;
    for (std::size_t t = 0; t < targets; ++t)
      if (x <= thresholds[t].first && y <= thresholds[t].second) set |= search::TargetSet{1} << t;
    if (set != 0)
      table.insert({set, 4.0 - x - y + random.real(0, 0.1), static_cast<std::int64_t>(p)});
  }
  return table.points();
}

/// With weights that are nothing to speak of for all but some targets, a portfolio of many is one
/// of those few, which is known exactly.
TEST(Portfolio, BeyondWhatIsExactTheBoundsHold) {
  Random random(929);
  std::size_t best = 0, tried = 0, certified = 0;
  for (int i = 0; i < 60; ++i) {
    constexpr std::size_t few = 14, many = 20;
    const auto table = random_table(random, few, 300);
    // Twins of some targets, with half the weight each: the same question with more targets.
    std::vector<SetPoint> twins = table;
    for (auto& point : twins)
      for (std::size_t t = few; t < many; ++t)
        if ((point.targets & (search::TargetSet{1} << (t - few))) != 0)
          point.targets |= search::TargetSet{1} << t;
    for (const auto objective : objectives) {
      Portfolio p{.from = 1, .to = 5, .objective = objective, .weights = {}, .budgets = {}};
      p.weights.assign(few, 1.0);
      const auto exact = search::choose(table, p, std::vector<double>(few, 0.0));
      p.weights.assign(many, 1.0);
      for (std::size_t t = 0; t < many - few; ++t) p.weights[t] = p.weights[few + t] = 0.5;
      const auto grown = search::choose(twins, p, std::vector<double>(many, 0.0));
      for (std::size_t k = 0; k < exact.size(); ++k) {
        EXPECT_LE(grown[k].weight_served, exact[k].weight_served + 1e-9);
        EXPECT_GE(grown[k].weight_bound, exact[k].weight_served - 1e-9);
        if (grown[k].certified) {
          EXPECT_NEAR(grown[k].weight_served, exact[k].weight_served, 1e-9);
          EXPECT_NEAR(value_of(objective, grown[k]), value_of(objective, exact[k]), 1e-12);
          ++certified;
        }
        if (grown[k].weight_served < exact[k].weight_served - 1e-9) continue;
        EXPECT_LE(grown[k].architectures.size(), k + 1);
        const double gap = value_of(objective, grown[k]) - value_of(objective, exact[k]);
        EXPECT_GE(gap, -1e-12);
        if (!std::isnan(grown[k].loss_gap_bound)) {
          EXPECT_LE(gap, grown[k].loss_gap_bound + 1e-12);
        }
        ++tried;
        best += gap < 1e-12 ? 1 : 0;
        if (k > 0 && grown[k].weight_served == grown[k - 1].weight_served) {
          EXPECT_LE(value_of(objective, grown[k]), value_of(objective, grown[k - 1]));
        }
      }
    }
  }
  EXPECT_GT(tried, 500u);
  EXPECT_GT(best, tried * 3 / 5) << "most of them are the best there is";
  EXPECT_GT(certified, tried / 2) << "and proven to be";
}

TEST(SetRun, GoesOnFromAnyStateAndRefusesWhatIsNotOfIt) {
  Random random(937);
  for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    const auto c = random_portfolio(random, 20, 400);
    const SetOutcome whole = searched(c, random);
    search::SetRun begun(c.question(), c.budgets, {});
    begun.begin({});
    if (begun.pieces() == 0) continue;
    begun.score(0, {});
    const Bytes state = begun.state();
    search::SetRun rest(c.question(), c.budgets, {});
    ASSERT_EQ(rest.check(state), begun.pieces());
    rest.begin(state);
    for (std::int64_t piece = 1; piece < rest.pieces(); ++piece) rest.score(piece, {});
    for (; !rest.finished(); rest.next_round(rest.gathered()))
      for (std::int64_t piece = 0; piece < rest.pieces(); ++piece) rest.score(piece, {});
    EXPECT_EQ(rest.found().points, whole.points);
    EXPECT_EQ(rest.found().least, whole.least);
    if (whole.points.empty()) continue;
    for (int fault = 0; fault < 4; ++fault) {
      SetOutcome wrong = whole;
      SetPoint& point = wrong.points.front();
      if (fault == 0) point.loss = std::nextafter(point.loss, 0.0);
      if (fault == 1) point.targets ^= 1;
      if (fault == 2) point.index = *search::index_count(c.question().space);
      if (fault == 3) wrong.points.push_back(point);
      EXPECT_THROW(require_sets(wrong, c.question(), c.budgets), Error) << fault;
    }
  }
}

}  // namespace
}  // namespace rooflaw::testing
