// What can be minimised and limited: the table, the values it gives, limits.

#include "rooflaw/model/objective.hpp"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;

constexpr Objective all_objectives[] = {Objective::prefill, Objective::tpot,   Objective::total,
                                        Objective::energy,  Objective::decode, Objective::memory};

Scenario with_tokens(std::int64_t input, std::int64_t output) {
  Scenario s;
  s.workload = testing::work(1, input, output);
  return s;
}
/// Powers that are no round numbers.
Scenario with_powers(Scenario s) {
  s.device.id = "chip";
  s.device.prefill_power_w = 30.1;
  s.device.decode_power_w = 20.7;
  return s;
}

TEST(Objectives, TheTableIsThatOfTheEnum) {
  ASSERT_EQ(std::size(all_objectives), objective_count);
  ASSERT_EQ(objective_count, objectives().size());
  std::set<std::string_view> names, limit_keys;
  std::size_t limit_keys_given = 0;
  for (const Objective objective : all_objectives) {
    const ObjectiveEntry& e = entry(objective);
    EXPECT_EQ(objective, e.objective);
    EXPECT_EQ(&e, &objectives()[static_cast<std::size_t>(objective)]);
    EXPECT_EQ(e.name, to_string(objective));
    EXPECT_FALSE(e.unit.empty());
    names.insert(e.name);
    if (e.limit_key.empty()) continue;
    EXPECT_EQ("max_" + std::string(e.name) + "_s", e.limit_key);
    limit_keys.insert(e.limit_key);
    ++limit_keys_given;
  }
  EXPECT_EQ(objective_count, names.size());
  EXPECT_EQ(limit_keys_given, limit_keys.size());
}

TEST(Objectives, OnlyThoseThatATargetMayAskForAreFoundByName) {
  std::set<std::string_view> searchable;
  for (const auto& e : objectives()) {
    EXPECT_EQ(e.searchable, objective_from(e.name).has_value()) << e.name;
    if (!e.searchable) continue;
    EXPECT_EQ(e.objective, objective_from(e.name));
    searchable.insert(e.name);
  }
  EXPECT_EQ((std::set<std::string_view>{"prefill", "tpot", "total", "energy"}), searchable);
  EXPECT_FALSE(objective_from("latency"));
  EXPECT_FALSE(objective_from(""));
}

TEST(Objectives, ValuesOfAnEvaluation) {
  using enum Objective;
  Random random(8);
  int without_input = 0, without_output = 0, without_powers = 0;
  for (int i = 0; i < 500 && !::testing::Test::HasFailure(); ++i) {
    const auto c = testing::random_case(random, 40);
    const Scenario s = testing::scenario_from(c);
    const auto e =
        evaluate(testing::published_law(), testing::architecture_from(c.at("architecture")), s);
    const auto expect_value = [&](Objective objective, bool is_there, double expected) {
      EXPECT_EQ(is_there, applies(objective, s)) << to_string(objective);
      if (is_there) {
        EXPECT_EQ(expected, value_of(objective, e, s)) << to_string(objective);
      } else {
        EXPECT_THROW(value_of(objective, e, s), DomainError) << to_string(objective);
      }
    };
    const bool input = s.workload.input_tokens > 0, output = s.workload.output_tokens > 0;
    without_input += input ? 0 : 1;
    without_output += output ? 0 : 1;
    expect_value(prefill, input, e.prefill.seconds);
    expect_value(decode, output, e.decode.seconds);
    expect_value(tpot, output, e.decode.seconds / static_cast<double>(s.workload.output_tokens));
    expect_value(total, input || output, e.prefill.seconds + e.decode.seconds);
    const auto powers = std::pair{s.device.prefill_power_w, s.device.decode_power_w};
    const bool known = powers.first && powers.second;
    without_powers += known ? 0 : 1;
    const double joules =
        powers.first.value_or(0) * e.prefill.seconds + powers.second.value_or(0) * e.decode.seconds;
    expect_value(energy, known && (input || output), joules);
    if (known) {
      EXPECT_EQ(joules, e.energy_j);
    } else {
      EXPECT_TRUE(std::isnan(e.energy_j));
    }
    expect_value(memory, true, e.memory.weights + e.memory.kv + e.memory.workspace);
    EXPECT_EQ(e.prefill.seconds + e.decode.seconds, e.total_s);
    EXPECT_EQ(output, !std::isnan(e.tpot_s));
    if (output) {
      EXPECT_EQ(value_of(tpot, e, s), e.tpot_s);
    }
  }
  EXPECT_GT(without_input, 20);
  EXPECT_GT(without_output, 20);
  EXPECT_GT(without_powers, 20);
  EXPECT_LT(without_powers, 480);
}

TEST(Objectives, EnergyIsUnknownUnlessBothPowersAre) {
  Random random(9);
  for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i) {
    const auto c = testing::random_case(random, 40);
    const auto a = testing::architecture_from(c.at("architecture"));
    const auto with = [&](std::optional<double> prefill_power, std::optional<double> decode_power) {
      Scenario s = testing::scenario_from(c);
      s.device.prefill_power_w = prefill_power;
      s.device.decode_power_w = decode_power;
      return evaluate(testing::published_law(), a, s);
    };
    EXPECT_TRUE(std::isnan(with({}, {}).energy_j));
    EXPECT_TRUE(std::isnan(with(3, {}).energy_j));
    EXPECT_TRUE(std::isnan(with({}, 3).energy_j));
    const auto e = with(30.1, 20.7);
    EXPECT_EQ(30.1 * e.prefill.seconds + 20.7 * e.decode.seconds, e.energy_j);
    EXPECT_EQ(e.total_s, with(1, 1).energy_j);
    EXPECT_EQ(e.prefill.seconds, with(1, 0).energy_j);
    EXPECT_EQ(e.decode.seconds, with(0, 1).energy_j);
  }
}

TEST(Objectives, TheMessageSaysWhatTheWorkloadLacks) {
  using enum Objective;
  const auto message = [](Objective objective, const Scenario& s) -> std::string {
    try {
      require_applies(objective, s);
    } catch (const DomainError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ("workload work has no input tokens, so no prefill",
            message(prefill, with_tokens(0, 1)));
  EXPECT_EQ("workload work has no output tokens, so no tpot", message(tpot, with_tokens(1, 0)));
  EXPECT_EQ("workload work has no output tokens, so no decode", message(decode, with_tokens(1, 0)));
  EXPECT_EQ("workload work has no tokens, so no total", message(total, with_tokens(0, 0)));
  EXPECT_EQ("workload work has no tokens, so no energy",
            message(energy, with_powers(with_tokens(0, 0))));
  Scenario unknown = with_powers(with_tokens(1, 1));
  unknown.device.decode_power_w.reset();
  EXPECT_EQ("device chip has no powers, so no energy", message(energy, unknown));
  EXPECT_EQ("", message(memory, with_tokens(0, 0)));
  EXPECT_EQ("", message(total, with_tokens(0, 1)));
  EXPECT_EQ("", message(energy, with_powers(with_tokens(0, 1))));
  EXPECT_EQ("", message(energy, with_powers(with_tokens(1, 0))));
}

TEST(Limits, AreInfiniteUntilSet) {
  Limits limits;
  EXPECT_TRUE(limits.none());
  for (const Objective objective : all_objectives) {
    EXPECT_EQ(infinity, limits.of(objective));
    Limits one;
    one.set(objective, 3);
    EXPECT_FALSE(one.none());
    EXPECT_NE(limits, one);
    ASSERT_EQ(1u, one.finite().size());
    EXPECT_EQ(objective, one.finite()[0].objective);
    EXPECT_EQ(3, one.finite()[0].bound);
    for (const Objective other : all_objectives)
      EXPECT_EQ(other == objective ? 3 : infinity, one.of(other));
    one.set(objective, infinity);
    EXPECT_EQ(limits, one);
    EXPECT_TRUE(one.none());
  }
}

TEST(Limits, CombineToTheTighter) {
  using enum Objective;
  Limits a, b;
  a.set(prefill, 1), a.set(tpot, 5);
  b.set(prefill, 2), b.set(tpot, 3), b.set(total, 7);
  Limits both = a;
  both.tighten(b);
  EXPECT_EQ(1, both.of(prefill));
  EXPECT_EQ(3, both.of(tpot));
  EXPECT_EQ(7, both.of(total));
  EXPECT_EQ(infinity, both.of(decode));
  EXPECT_EQ(infinity, both.of(memory));
  Limits other_way = b;
  other_way.tighten(a);
  EXPECT_EQ(both, other_way);
  both.tighten(memory, 10);
  both.tighten(memory, 11);
  EXPECT_EQ(10, both.of(memory));
  both.tighten(memory, 9);
  EXPECT_EQ(9, both.of(memory));
}

TEST(Limits, ABoundThatIsNoNumberIsNoAbsentOne) {
  using enum Objective;
  Limits limits;
  limits.set(total, std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(limits.none());
  EXPECT_FALSE(feasible(weighted_limits(limits, with_tokens(1, 1)), {1, 1, 1}));
}

/// Times and memory that are no round numbers, so that their sums and quotients are rounded.
constexpr Costs<double> known_costs{.prefill_s = 0.1, .decode_s = 0.7, .memory_bytes = 3e9 + 0.3};

double value_at(Objective objective, double output_tokens) {
  using enum Objective;
  switch (objective) {
    case prefill:
      return known_costs.prefill_s;
    case tpot:
      return known_costs.decode_s / output_tokens;
    case total:
      return known_costs.prefill_s + known_costs.decode_s;
    case energy:
      return 30.1 * known_costs.prefill_s + 20.7 * known_costs.decode_s;
    case decode:
      return known_costs.decode_s;
    case memory:
      break;
  }
  return known_costs.memory_bytes;
}

TEST(Limits, EachDecidesAndEqualityIsAllowed) {
  const Scenario s = with_powers(with_tokens(10, 3));
  EXPECT_TRUE(feasible(weighted_limits(Limits{}, s), known_costs));
  for (const Objective objective : all_objectives) {
    const double x = value_at(objective, 3);
    Limits limits;
    for (const Objective other : all_objectives) limits.set(other, 2 * value_at(other, 3));
    const auto met = [&](double bound) {
      limits.set(objective, bound);
      return feasible(weighted_limits(limits, s), known_costs);
    };
    EXPECT_TRUE(met(infinity)) << to_string(objective);
    EXPECT_TRUE(met(x)) << to_string(objective);
    EXPECT_FALSE(met(std::nextafter(x, 0.0))) << to_string(objective);
  }
}

TEST(Limits, WhatTheWorkloadDoesNotHaveIsNotLimited) {
  const auto limited = [](const Scenario& s) {
    std::set<std::string_view> names;
    for (const Objective objective : all_objectives) {
      Limits limits;
      limits.set(objective, 1e-30);
      if (!feasible(weighted_limits(limits, s), {1, 1, 1})) names.insert(to_string(objective));
    }
    return names;
  };
  using Names = std::set<std::string_view>;
  EXPECT_EQ((Names{"prefill", "tpot", "total", "decode", "memory"}), limited(with_tokens(1, 1)));
  EXPECT_EQ((Names{"prefill", "total", "memory"}), limited(with_tokens(1, 0)));
  EXPECT_EQ((Names{"tpot", "total", "decode", "memory"}), limited(with_tokens(0, 1)));
  EXPECT_EQ((Names{"memory"}), limited(with_tokens(0, 0)));
  const auto powered = [](std::int64_t in, std::int64_t out) {
    return with_powers(with_tokens(in, out));
  };
  EXPECT_EQ((Names{"prefill", "tpot", "total", "energy", "decode", "memory"}),
            limited(powered(1, 1)));
  EXPECT_EQ((Names{"prefill", "total", "energy", "memory"}), limited(powered(1, 0)));
  EXPECT_EQ((Names{"tpot", "total", "energy", "decode", "memory"}), limited(powered(0, 1)));
  EXPECT_EQ((Names{"memory"}), limited(powered(0, 0)));
}

}  // namespace
}  // namespace rooflaw::model
