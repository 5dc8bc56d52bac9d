#pragma once
// Small random searches, and what they find by evaluating every point and comparing every pair.

#include <algorithm>
#include <cmath>
#include <set>

#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/result.hpp"
#include "unit/random_cases.hpp"
#include "unit/space_json.hpp"

namespace rooflaw::testing {

/// A search, and the JSON the reference reads for the same.
struct RandomQuestion {
  search::Question question;
  json space;
  std::vector<json>
      deployments;  // device, precision, workload, engine; memory_budget_bytes, limits
};

inline json random_space(Random& random) {
  const auto sizes = [](std::vector<std::int64_t> list) { return list; };
  json s = {{"layers", random.some(sizes({1, 2, 4, 7, 12, 32, 40}), 0.4)},
            {"widths", random.some(sizes({96, 128, 192, 256, 768, 1000, 1024}), 0.4)},
            {"head_dim", random.pick<std::int64_t>({32, 64})},
            {"kv_heads", random.some(std::vector<json>{1, 2, 3, 4, 6, 8, "heads"}, 0.4)},
            {"expert_ffn_ratio",
             random.some(std::vector<double>{0.001, 0.25, 0.5, 1, 1.01, 1.5, 2.7, 4}, 0.35)},
            {"experts", random.some(sizes({1, 2, 4, 8, 16, 64}), 0.4)},
            {"top_k", random.some(sizes({1, 2, 4}), 0.5)},
            {"vocab", random.integer(100, 50000)}};
  if (random.chance(0.5)) s["ffn_multiple_of"] = random.pick<std::int64_t>({1, 16, 64, 256});
  if (random.chance(0.4)) s["shared_ffn"] = random.some(sizes({0, 64, 500, 2048}), 0.5);
  if (random.chance(0.4)) s["ffn"] = random.some(std::vector<std::string>{"plain", "gated"}, 0.6);
  if (random.chance(0.3)) s["ffn_sparsity"] = random.real(0, 0.95);
  if (random.chance(0.4)) s["tied"] = random.chance(0.5);
  if (random.chance(0.4)) {
    s["attention"] = random.some(std::vector<std::string>{"mla", "gqa"}, 0.7);
    for (std::int64_t i = random.integer(1, 3); i > 0; --i)
      s["mla"].push_back(random_mla_ranks(random));
    if (s.at("attention") == json::array({"mla"})) s.erase("kv_heads");
    if (s.at("attention") == json::array({"gqa"})) s.erase("mla");
  }
  return s;
}

/// The same space, its lists in any order.
inline void shuffle_axes(Random& random, search::Space& space) {
  random.shuffle(space.attention);
  random.shuffle(space.ffn);
  random.shuffle(space.widths);
  random.shuffle(space.expert_ffn_ratio);
  random.shuffle(space.shared_ffn);
  random.shuffle(space.experts);
  random.shuffle(space.top_k);
  random.shuffle(space.layers);
}

/// All valid points by their index.
inline std::vector<std::pair<search::Index, model::Architecture>> all_points(
    const search::Space& space) {
  std::vector<std::pair<search::Index, model::Architecture>> list;
  for (search::Index i = 0; i < search::index_count(space).value(); ++i)
    if (const auto a = search::architecture_at(space, search::digits_of(space, i)))
      list.emplace_back(i, *a);
  return list;
}

/// A question of one law, 1 .. 3 deployments and all latencies they have, without limits. The
/// space has between `least` and `most` valid points.
inline RandomQuestion random_question(Random& random, search::Index least, search::Index most,
                                      std::int64_t most_output_tokens) {
  RandomQuestion r;
  do {
    r.space = random_space(random);
    r.question.space = space_from(r.space);
  } while (search::valid_count(r.question.space) < least ||
           search::valid_count(r.question.space) > most);
  r.question.laws = {published_law()};
  for (std::int64_t n = random.integer(1, 3); n > 0; --n) {
    json c = random_case(random, most_output_tokens);
    c.erase("architecture");
    json& work = c["workload"];
    if (work["input_tokens"] == 0 && work["output_tokens"] == 0) work["input_tokens"] = 64;
    search::Deployment deployment;
    deployment.scenario = scenario_from(c);
    for (const auto kind :
         {model::Objective::prefill, model::Objective::tpot, model::Objective::total}) {
      if (kind == model::Objective::prefill && work["input_tokens"] == 0) continue;
      if (kind == model::Objective::tpot && work["output_tokens"] == 0) continue;
      r.question.targets.push_back({"target", r.question.deployments.size(), kind});
    }
    r.question.deployments.push_back(deployment);
    r.deployments.push_back(c);
  }
  return r;
}

/// A range to bind a space to: the published one, or bounds of what the law sees of the blocks.
inline model::LawRange random_range(Random& random) {
  if (random.chance(0.4)) return published_law().range;
  const auto interval = [&](double lo, double hi) {
    const double x = random.log_real(lo, hi), y = random.log_real(lo, hi);
    return model::Interval{std::min(x, y), std::max(x, y)};
  };
  model::LawRange range;
  if (random.chance(0.5)) range.ffn_ratio = interval(0.05, 30);
  if (random.chance(0.5)) range.activation_rate = interval(0.01, 1.2);
  if (random.chance(0.5)) range.kv_dim = interval(16, 2000);
  if (random.chance(0.3)) range.layers = interval(1, 50);
  return range;
}

/// A law of other coefficients, some of them as published: exponents may be shared.
inline model::Law random_law(Random& random) {
  model::Law law = published_law();
  law.id = "other";
  for (const auto& coefficient : model::law_coefficients<>)
    if (random.chance(0.5)) law.*coefficient.member *= random.real(0.5, 1.5);
  if (random.chance(0.3)) law.beta_1 = -law.beta_1;
  if (random.chance(0.3)) law.kappa_t = 400, law.alpha_t = 0.28, law.tokens = 1e12;
  return law;
}

/// Every target of a question of one law, once a law.
inline search::Question with_laws(const search::Question& question,
                                  const std::vector<model::Law>& laws) {
  search::Question all = question;
  all.laws = laws;
  all.targets.clear();
  for (search::Target target : question.targets)
    for (target.law = 0; target.law < laws.size(); ++target.law) all.targets.push_back(target);
  return all;
}

/// What a plan finds in a question.
template <class Plan>
std::vector<search::Frontier> run_plan(const search::Question& question, const Plan& plan) {
  const search::PowerTables tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
  return scanner.frontiers();
}

inline std::vector<search::Frontier> grid(const search::Question& question) {
  return run_plan(question, search::GridPlan(question));
}

/// Latencies, loss and memory of a point in a deployment, feasible or not.
inline bool is_feasible(const search::Question& question, const search::Deployment& deployment,
                        const model::Evaluation& e) {
  if (question.space.within && e.extrapolated) return false;
  const auto bound = [&](model::Objective objective) { return deployment.limits.of(objective); };
  if (e.memory.total() > bound(model::Objective::memory)) return false;
  if (e.prefill.seconds > bound(model::Objective::prefill)) return false;
  if (!std::isnan(e.tpot_s) && e.tpot_s > bound(model::Objective::tpot)) return false;
  return e.total_s <= bound(model::Objective::total);
}

inline bool dominates(const search::FrontierPoint& x, const search::FrontierPoint& y) {
  return x.latency_s <= y.latency_s && x.loss <= y.loss &&
         (x.latency_s < y.latency_s || x.loss < y.loss);
}

/// What no other point dominates, every pair compared; of equals the lowest index.
inline std::vector<search::FrontierPoint> plain_frontier(
    const std::vector<search::FrontierPoint>& points) {
  std::vector<search::FrontierPoint> kept;
  for (const auto& x : points) {
    const bool beaten = std::any_of(points.begin(), points.end(), [&](const auto& y) {
      return dominates(y, x) ||
             (y.latency_s == x.latency_s && y.loss == x.loss && y.index < x.index);
    });
    if (!beaten && std::find(kept.begin(), kept.end(), x) == kept.end()) kept.push_back(x);
  }
  std::sort(kept.begin(), kept.end(),
            [](const auto& x, const auto& y) { return x.latency_s < y.latency_s; });
  return kept;
}

/// The frontier of a target over these points by evaluate alone.
inline std::vector<search::FrontierPoint> brute_force(
    const search::Question& question, const search::Target& target,
    const std::vector<std::pair<search::Index, model::Architecture>>& points) {
  const auto& deployment = search::deployment_of(question, target);
  const auto& law = search::law_of(question, target);
  std::vector<search::FrontierPoint> scored;
  for (const auto& [index, architecture] : points) {
    const auto e = model::evaluate(law, architecture, deployment.scenario);
    if (is_feasible(question, deployment, e))
      scored.push_back({value_of(target.objective, e, deployment.scenario), e.loss, index});
  }
  return plain_frontier(scored);
}

/// Is every point of `weaker` matched or dominated by one of `stronger`, up to a relative slack?
inline bool covers(const std::vector<search::FrontierPoint>& stronger,
                   const std::vector<search::FrontierPoint>& weaker, double slack) {
  return std::all_of(weaker.begin(), weaker.end(), [&](const auto& w) {
    return std::any_of(stronger.begin(), stronger.end(), [&](const auto& s) {
      return s.latency_s <= w.latency_s * (1 + slack) && s.loss <= w.loss * (1 + slack);
    });
  });
}

/// Limits at values that points have exactly, so that equality matters: each for some of the
/// deployments. One on what a workload does not have limits nothing.
inline void limit_exactly(Random& random, RandomQuestion& r) {
  const auto points = all_points(r.question.space);
  for (auto& deployment : r.question.deployments) {
    const auto& scenario = deployment.scenario;
    const auto limit = [&](model::Objective objective, double probability) {
      if (!random.chance(probability)) return;
      const auto e = model::evaluate(r.question.laws.front(), random.pick(points).second, scenario);
      deployment.limits.set(objective,
                            applies(objective, scenario) ? value_of(objective, e, scenario) : 0.0);
    };
    limit(model::Objective::memory, 0.5);
    limit(model::Objective::total, 0.3);
    limit(model::Objective::prefill, 0.2);
    limit(model::Objective::tpot, 0.2);
  }
}

}  // namespace rooflaw::testing
