#pragma once
// Shared by the tests of the theory layer: laws, random problems, golden cases as types of the
// model, and the closed-form pieces of the KKT conditions written out by hand.

#include <cmath>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/objective.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "rooflaw/theory/xi_model.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::theory::testing {

inline constexpr model::Objective all_kinds[] = {model::Objective::prefill, model::Objective::tpot,
                                                 model::Objective::total};

/// The law published in [S] arXiv:2602.10377, Table of fitted coefficients.
inline model::Law published_law() {
  model::Law law;
  law.id = "codesign-2026";
  law.kappa_l = 9.96;
  law.alpha_l = 1.63;
  law.kappa_rho = 0.031;
  law.alpha_rho = 1.09;
  law.alpha_r = 0.17;
  law.beta_1 = -0.33;
  law.kappa_d = 500;
  law.beta_2 = 0.97;
  law.kappa_m = 0.20;
  law.alpha_m = 0.05;
  law.l_inf = 2.53;
  law.range.layers = {{4, 32}};
  law.range.width = {{768, 3072}};
  return law;
}

inline const nlohmann::json& golden() {
  static const nlohmann::json data = [] {
    const std::string path = std::string(ROOFLAW_TEST_DIR) + "/golden/golden.json";
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    return nlohmann::json::parse(file);
  }();
  return data;
}

/// Random numbers of a test, the same in every run.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double uniform(double lo, double hi) { return lo + (hi - lo) * unit_(engine_); }
  double log_uniform(double lo, double hi) { return std::exp(uniform(std::log(lo), std::log(hi))); }
  bool chance(double probability) { return unit_(engine_) < probability; }
  std::int64_t integer(std::int64_t lo, std::int64_t hi) {
    return std::uniform_int_distribution<std::int64_t>(lo, hi)(engine_);
  }
  template <class T>
  T one_of(std::initializer_list<T> list) {
    return *(list.begin() + integer(0, static_cast<std::int64_t>(list.size()) - 1));
  }

 private:
  std::mt19937_64 engine_;
  std::uniform_real_distribution<double> unit_{0.0, 1.0};
};

/// A law like the published one, every coefficient up to `spread` times larger or smaller.
inline model::Law random_law(Random& random, double spread) {
  model::Law law = published_law();
  for (double* c : {&law.kappa_l, &law.alpha_l, &law.kappa_rho, &law.alpha_rho, &law.alpha_r,
                    &law.kappa_d, &law.beta_2, &law.kappa_m, &law.alpha_m})
    *c *= random.log_uniform(1.0 / spread, spread);
  law.beta_1 *= random.uniform(-1.0, 2.0);
  return law;
}

inline XiModel random_xi(Random& random) {
  return {.weight_bytes = random.log_uniform(0.5, 4.0),
          .kv_bytes = random.log_uniform(0.5, 4.0),
          .cached_tokens = random.chance(0.2) ? 0.0 : random.log_uniform(1.0, 1e5)};
}

inline ShapeBox random_box(Random& random) {
  ShapeBox box;
  box.layers = {random.log_uniform(1, 8), random.log_uniform(8, 128)};
  box.width = {random.log_uniform(128, 1024), random.log_uniform(1024, 8192)};
  box.ffn_ratio = {random.log_uniform(0.03, 1), random.log_uniform(1, 32)};
  box.gqa.lo = random.log_uniform(0.3, 2);
  if (random.chance(0.5)) box.gqa.hi = random.log_uniform(2, 64);
  box.activation_rate = {random.log_uniform(0.01, 0.3), random.uniform(0.3, 1)};
  box.min_kv_dim = random.log_uniform(8, 128);
  if (random.chance(0.5))
    box = at_width(
        box, random.log_uniform(std::max(box.width.lo, box.gqa.lo * box.min_kv_dim), box.width.hi));
  return box;
}

/// Any combination of budgets, each from just enough for the cheapest shape to far too much.
inline Budgets random_budgets(Random& random, const XiModel& xi, const ShapeBox& box) {
  const Shape cheapest = cheapest_shape(box);
  const auto generous = [&] { return random.log_uniform(1.001, 1e4); };
  Budgets budgets;
  if (random.chance(0.5))
    budgets.prefill_flop_per_token = generous() * usage(xi, budgets, cheapest, Resource::prefill);
  if (random.chance(0.5))
    budgets.decode_bytes_per_token = generous() * usage(xi, budgets, cheapest, Resource::decode);
  if (random.chance(0.5))
    budgets.memory_bytes = generous() * usage(xi, budgets, cheapest, Resource::memory);
  if (random.chance(0.5)) {
    const bool no_prompt = random.chance(0.1);
    const bool no_output = !no_prompt && random.chance(0.1);
    budgets.total =
        TotalBudget{.seconds = 1.0,
                    .s_per_prefill_flop = no_prompt ? 0.0 : random.log_uniform(1e-14, 1e-10),
                    .s_per_decode_byte = no_output ? 0.0 : random.log_uniform(1e-12, 1e-8)};
    budgets.total->seconds = generous() * usage(xi, budgets, cheapest, Resource::total);
  }
  return budgets;
}

inline model::Limits limits(std::initializer_list<model::Limit> list) {
  model::Limits all;
  for (const auto& [objective, bound] : list) all.set(objective, bound);
  return all;
}

/// A workload on a chip that reaches these rates.
inline model::Scenario scenario_at(const EffectiveRates& rates, const model::Workload& workload) {
  model::Scenario s;
  s.workload = workload;
  s.rates.s_per_matmul_flop = s.rates.s_per_attention_flop = 1.0 / rates.flop_per_s;
  s.rates.s_per_byte = s.rates.s_per_kv_byte = 1.0 / rates.bytes_per_s;
  return s;
}

inline model::Architecture golden_architecture(const nlohmann::json& a) {
  return rooflaw::testing::architecture_from(a);
}

inline model::Scenario golden_scenario(const nlohmann::json& c) {
  return rooflaw::testing::scenario_from(c);
}

}  // namespace rooflaw::theory::testing
