// The longest prompt and the largest batch against counting up one by one.

#include <gtest/gtest.h>

#include "rooflaw/model/capacity.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

TEST(Capacity, IsWhereOneMoreNoLongerFits) {
  Random random(77);
  int inside = 0;
  for (int i = 0; i < 300; ++i) {
    const json c = random_case(random, 200);
    const auto a = architecture_from(random_layered_architecture(random));
    model::Scenario s = scenario_from(c);
    const double needed = model::memory(model::lift(a), s).total();
    const double budget = needed * random.real(0.5, 3);
    const auto at = [&](auto member, std::int64_t count) {
      model::Scenario t = s;
      t.workload.*member = count;
      return model::memory(model::lift(a), t).total();
    };
    const auto check = [&](auto member, std::int64_t largest) {
      ASSERT_GE(largest, 0);
      if (largest > 0) {
        EXPECT_LE(at(member, largest), budget);
      }
      if (largest < model::most_tokens) {
        EXPECT_GT(at(member, largest + 1), budget);
        inside += largest > 0 ? 1 : 0;
      }
    };
    check(&model::Workload::batch, model::largest_batch(a, s, budget));
    if (s.engine.flash && !s.engine.causal) continue;
    check(&model::Workload::input_tokens, model::largest_input_tokens(a, s, budget));
  }
  EXPECT_GT(inside, 200);
}

TEST(Capacity, FlashThatIsNotCausalTakesNoMoreThanItsChunk) {
  Random random(78);
  json c = random_case(random, 10);
  c["architecture"] = {{"layers", 2},   {"width", 64},      {"heads", 1},  {"head_dim", 64},
                       {"kv_heads", 1}, {"expert_ffn", 64}, {"vocab", 100}};
  c["engine"] = {{"causal", false}, {"prefill_chunk", 512}};
  c["workload"]["input_tokens"] = 100;
  EXPECT_EQ(512, model::largest_input_tokens(architecture_from(c["architecture"]), scenario_from(c),
                                             1e15));
}

}  // namespace
}  // namespace rooflaw::testing
