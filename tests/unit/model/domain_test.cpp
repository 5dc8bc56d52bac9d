// What the model refuses: each rule by itself, and nothing beside it.

#include <limits>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::model {
namespace {

Architecture dense() {
  return {.layers = 2,
          .width = 256,
          .heads = 8,
          .head_dim = 32,
          .kv_heads = 4,
          .expert_ffn = 512,
          .vocab = 1000};
}
Architecture mla() {
  Architecture a = dense();
  a.attention = AttentionKind::mla;
  a.head_dim = a.kv_heads = 0;
  a.mla = {.kv_lora_rank = 64,
           .q_lora_rank = 0,
           .qk_nope_head_dim = 32,
           .qk_rope_head_dim = 0,
           .v_head_dim = 32};
  return a;
}

Device chip() {
  Device d;
  d.id = "chip";
  d.bandwidth_bytes_per_s = 1e11;
  d.peak_flops = {{ComputeType::fp16, 1e13}};
  return d;
}
Precision fp16() {
  Precision p;
  p.id = "fp16";
  p.weight_bytes = p.activation_bytes = p.kv_bytes = p.input_bytes = p.head_bytes = 2;
  return p;
}
Workload work(std::int64_t batch, std::int64_t in, std::int64_t out) {
  return {.id = "work", .batch = batch, .input_tokens = in, .output_tokens = out};
}
Scenario scenario(const Workload& workload) {
  return make_scenario(chip(), fp16(), workload, Engine{});
}

/// The architecture is refused, by the name of the field.
void expect_fault(const Architecture& a, const std::string& field) {
  const auto fault = find_fault(a);
  ASSERT_TRUE(fault.has_value()) << field;
  EXPECT_EQ(field, fault->field);
  EXPECT_FALSE(fault->rule.empty());
  EXPECT_THROW(require_sound(a), DomainError);
  EXPECT_THROW(evaluate(testing::published_law(), a, scenario(work(1, 8, 8))), DomainError);
}
void expect_sound(const Architecture& a) {
  const auto fault = find_fault(a);
  EXPECT_FALSE(fault.has_value()) << fault->field << ": " << fault->rule;
  const auto e = evaluate(testing::published_law(), a, scenario(work(1, 8, 8)));
  EXPECT_GT(e.total_s, 0);
  EXPECT_GT(e.loss, 0);
}

TEST(Domain, SizesAreAtLeastOne) {
  expect_sound(dense());
  using Member = std::int64_t Architecture::*;
  const std::pair<const char*, Member> fields[] = {
      {"layers", &Architecture::layers},     {"width", &Architecture::width},
      {"heads", &Architecture::heads},       {"head_dim", &Architecture::head_dim},
      {"kv_heads", &Architecture::kv_heads}, {"experts", &Architecture::experts},
      {"top_k", &Architecture::top_k},       {"vocab", &Architecture::vocab}};
  for (const auto& [name, member] : fields) {
    for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-1}}) {
      Architecture a = dense();
      a.*member = size;
      expect_fault(a, name);
    }
  }
}

TEST(Domain, MlaRanks) {
  expect_sound(mla());
  using Member = std::int64_t MlaRanks::*;
  const std::pair<const char*, Member> at_least_one[] = {
      {"kv_lora_rank", &MlaRanks::kv_lora_rank},
      {"qk_nope_head_dim", &MlaRanks::qk_nope_head_dim},
      {"v_head_dim", &MlaRanks::v_head_dim}};
  for (const auto& [name, member] : at_least_one) {
    Architecture a = mla();
    a.mla.*member = 0;
    expect_fault(a, name);
  }
  Architecture a = mla();
  a.mla.q_lora_rank = -1;
  expect_fault(a, "q_lora_rank");
  a = mla();
  a.mla.qk_rope_head_dim = -1;
  expect_fault(a, "qk_rope_head_dim");
}

TEST(Domain, KvHeadsDivideHeads) {
  Architecture a = dense();
  for (const std::int64_t n : {3, 5, 6, 7, 9, 16}) {
    a.kv_heads = n;
    expect_fault(a, "kv_heads");
  }
  for (const std::int64_t n : {1, 2, 4, 8}) {
    a.kv_heads = n;
    expect_sound(a);
  }
  a = mla();
  a.kv_heads = 3;  // says nothing in MLA
  expect_sound(a);
}

TEST(Domain, SomeHiddenUnits) {
  Architecture a = dense();
  a.expert_ffn = 0;
  expect_fault(a, "expert_ffn");
  a.shared_ffn = 64;  // a shared FFN alone will do
  expect_sound(a);
  a.shared_ffn = -1;
  expect_fault(a, "shared_ffn");
  a = dense();
  a.expert_ffn = -512;
  expect_fault(a, "expert_ffn");
}

TEST(Domain, ExpertsPerToken) {
  Architecture a = dense();
  a.top_k = 2;
  expect_fault(a, "top_k");  // dense
  a.experts = 2;
  expect_sound(a);  // all of them
  a.top_k = 3;
  expect_fault(a, "top_k");
  a.top_k = 1;
  expect_sound(a);
}

TEST(Domain, Sparsity) {
  Architecture a = dense();
  for (const double z : {-1e-300, -0.5, 1.0, 1.5, std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity()}) {
    a.ffn_sparsity = z;
    expect_fault(a, "ffn_sparsity");
  }
  for (const double z : {0.0, 0.5, std::nextafter(1.0, 0.0)}) {
    a.ffn_sparsity = z;
    expect_sound(a);
  }
}

TEST(Domain, Workload) {
  EXPECT_THROW(scenario(work(0, 8, 8)), DomainError);
  EXPECT_THROW(scenario(work(-1, 8, 8)), DomainError);
  EXPECT_THROW(scenario(work(1, -1, 8)), DomainError);
  EXPECT_THROW(scenario(work(1, 8, -1)), DomainError);
  EXPECT_NO_THROW(scenario(work(1, 0, 0)));
}

TEST(Domain, ObjectivesOfAWorkload) {
  const auto all = scenario(work(1, 8, 8)), no_output = scenario(work(1, 8, 0)),
             no_input = scenario(work(1, 0, 8));
  for (const auto objective : {Objective::prefill, Objective::tpot, Objective::total})
    EXPECT_NO_THROW(require_applies(objective, all));
  EXPECT_THROW(require_applies(Objective::tpot, no_output), DomainError);
  EXPECT_NO_THROW(require_applies(Objective::prefill, no_output));
  EXPECT_NO_THROW(require_applies(Objective::total, no_output));
  EXPECT_THROW(require_applies(Objective::prefill, no_input), DomainError);
  EXPECT_NO_THROW(require_applies(Objective::tpot, no_input));
  EXPECT_NO_THROW(require_applies(Objective::total, no_input));
  // Nothing to do: all points would be equally fast.
  EXPECT_THROW(require_applies(Objective::total, scenario(work(1, 0, 0))), DomainError);
}

TEST(Domain, LatencyOfAnEvaluation) {
  const auto latency = [](Objective objective, const Workload& w) {
    const auto s = scenario(w);
    return value_of(objective, evaluate(testing::published_law(), dense(), s), s);
  };
  const auto both = work(1, 8, 4);
  const auto e = evaluate(testing::published_law(), dense(), scenario(both));
  EXPECT_EQ(e.prefill.seconds, latency(Objective::prefill, both));
  EXPECT_EQ(e.decode.seconds / 4, latency(Objective::tpot, both));
  EXPECT_EQ(e.prefill.seconds + e.decode.seconds, latency(Objective::total, both));
  EXPECT_THROW(latency(Objective::tpot, work(1, 8, 0)), DomainError);
  EXPECT_THROW(latency(Objective::prefill, work(1, 0, 8)), DomainError);
}

TEST(Domain, NothingToDoTakesNoTimeAndHasNoShares) {
  const auto e = evaluate(testing::published_law(), dense(), scenario(work(1, 0, 0)));
  EXPECT_EQ(0, e.total_s);
  for (const auto& phase : {e.prefill, e.decode}) {
    EXPECT_EQ(0, phase.seconds);
    EXPECT_EQ(0, phase.compute_share);
    EXPECT_EQ(0, phase.bandwidth_share);
  }
  EXPECT_EQ(0, e.memory.kv);
  EXPECT_EQ(0, e.memory.workspace);
  EXPECT_GT(e.memory.weights, 0);
}

}  // namespace
}  // namespace rooflaw::model
