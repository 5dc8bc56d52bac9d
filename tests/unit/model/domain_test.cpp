// What the model refuses: each rule by itself, and nothing beside it.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::model {
namespace {

using testing::work;

Architecture dense() {
  Architecture a;
  a.layers = 2, a.heads = 8, a.head_dim = 32, a.kv_heads = 4;
  a.expert_ffn = 512;
  a.width = 256, a.vocab = 1000;
  return a;
}
Architecture mla() {
  Architecture a = dense();
  a.attention = AttentionKind::mla;
  a.head_dim = a.kv_heads = 0;
  a.mla = {.kv_lora_rank = 64,
           .q_lora_rank = 0,
           .qk_nope_head_dim = 32,
           .qk_rope_head_dim = 1,
           .v_head_dim = 32};
  return a;
}
Architecture recurrent() {
  Architecture a = dense();
  a.attention = AttentionKind::recurrent;
  a.heads = a.head_dim = a.kv_heads = 0;
  a.recurrent = {.mixer_weights = 1, .mixer_width = 1, .state_elements = 1, .state_flops = 1};
  return a;
}
/// An FFN alone, and a mixer alone.
Architecture without_mixer() {
  Architecture a = dense();
  a.attention = AttentionKind::none;
  a.heads = a.head_dim = a.kv_heads = 0;
  return a;
}
Architecture without_ffn() {
  Architecture a = dense();
  a.ffn = FfnKind::none;
  a.expert_ffn = 0;
  return a;
}

Device chip() {
  Device d;
  d.id = "chip";
  d.bandwidth_bytes_per_s = 1e11;
  d.peak_flops = {{ComputeType::fp16, 1e13}};
  return d;
}
Precision half_precision() {
  Precision p;
  p.id = "fp16";
  p.weight_bytes = p.attention_weight_bytes = p.ffn_weight_bytes = 2;
  p.activation_bytes = p.kv_bytes = p.input_bytes = p.head_bytes = p.embedding_bytes = 2;
  return p;
}
Scenario scenario(const Workload& workload, const Engine& engine = {}) {
  return make_scenario(chip(), half_precision(), workload, engine);
}

/// The architecture is refused, by the name of the field and the number of the group.
void expect_fault(const Architecture& a, const std::string& field, std::size_t group = 0) {
  const auto fault = find_fault(a);
  ASSERT_TRUE(fault.has_value()) << field;
  EXPECT_EQ(field, fault->field);
  EXPECT_EQ(group, fault->group);
  EXPECT_FALSE(fault->rule.empty());
  EXPECT_THROW(require_sound(a), DomainError);
  EXPECT_THROW(evaluate(testing::published_law(), a, scenario(work(1, 8, 8))), DomainError);
}
void expect_sound(const Architecture& a) {
  const auto fault = find_fault(a);
  EXPECT_FALSE(fault.has_value()) << fault->field << ": " << fault->rule;
  const auto e = evaluate(testing::published_law(), a, scenario(work(1, 8, 8)));
  EXPECT_GT(e.total_s, 0);
  EXPECT_EQ(law_has_opinion(a), e.loss > 0);
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
  Architecture a = dense();
  a.positions = -1;
  expect_fault(a, "positions");
  a.positions = 1;
  expect_sound(a);
}

TEST(Domain, MlaRanks) {
  expect_sound(mla());
  using Member = std::int64_t MlaRanks::*;
  const std::pair<const char*, Member> at_least_one[] = {
      {"kv_lora_rank", &MlaRanks::kv_lora_rank},
      {"qk_nope_head_dim", &MlaRanks::qk_nope_head_dim},
      {"qk_rope_head_dim", &MlaRanks::qk_rope_head_dim},
      {"v_head_dim", &MlaRanks::v_head_dim}};
  for (const auto& [name, member] : at_least_one) {
    for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-1}}) {
      Architecture a = mla();
      a.mla.*member = size;
      expect_fault(a, name);
    }
  }
  Architecture a = mla();
  a.heads = 0;
  expect_fault(a, "heads");
  a = mla();
  a.mla.q_lora_rank = -1;
  expect_fault(a, "q_lora_rank");
  a.mla.q_lora_rank = 1;
  expect_sound(a);
}

TEST(Domain, RecurrentSizes) {
  expect_sound(recurrent());
  using Member = std::int64_t RecurrentSizes::*;
  const std::pair<const char*, Member> at_least_one[] = {
      {"mixer_weights", &RecurrentSizes::mixer_weights},
      {"mixer_width", &RecurrentSizes::mixer_width},
      {"state_elements", &RecurrentSizes::state_elements}};
  for (const auto& [name, member] : at_least_one) {
    Architecture a = recurrent();
    a.recurrent.*member = 0;
    expect_fault(a, name);
  }
  for (const double flops : {0.0, 0.5, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    Architecture a = recurrent();
    a.recurrent.state_flops = flops;
    expect_fault(a, "state_flops");
  }
}

TEST(Domain, ALayerHasAMixerOrAnFfn) {
  expect_sound(without_mixer());
  expect_sound(without_ffn());
  Architecture a = without_ffn();
  a.attention = AttentionKind::none;
  a.heads = a.head_dim = a.kv_heads = 0;
  ASSERT_TRUE(find_fault(a));
  EXPECT_THROW(require_sound(a), DomainError);
  a = recurrent();
  a.ffn = FfnKind::none;
  a.expert_ffn = 0;
  expect_sound(a);
}

TEST(Domain, AWindowIsOfGqa) {
  Architecture a = dense();
  for (const std::int64_t window : {1, 4, 1000000}) {
    a.window = window;
    expect_sound(a);
  }
  a.window = -1;
  expect_fault(a, "window");
  for (const auto& other : {mla(), recurrent(), without_mixer()}) {
    a = other;
    expect_sound(a);
    a.window = 4;
    expect_fault(a, "window");
    a.window = -1;
    expect_fault(a, "window");
  }
}

TEST(Domain, EachGroupIsHeldToTheRules) {
  Architecture a = dense();
  a.further = {mla(), recurrent(), without_mixer(), without_ffn()};
  expect_sound(a);
  EXPECT_EQ(10, depth(a));
  for (std::size_t g = 0; g < a.further.size(); ++g) {
    Architecture broken = a;
    broken.further[g].layers = 0;
    expect_fault(broken, "layers", g + 1);
  }
  Architecture broken = a;
  broken.further[0].mla.v_head_dim = 0;
  expect_fault(broken, "v_head_dim", 1);
  broken = a;
  broken.further[2].top_k = 2;
  expect_fault(broken, "top_k", 3);
  broken = a;
  broken.further[3].kv_heads = 3;
  expect_fault(broken, "kv_heads", 4);
  broken.heads = 0;  // the first fault is the one that is told
  expect_fault(broken, "heads", 0);
}

TEST(Domain, TheLawSpeaksOfAttentionWithAnFfn) {
  EXPECT_TRUE(law_has_opinion(dense()));
  EXPECT_TRUE(law_has_opinion(mla()));
  for (const auto& other : {recurrent(), without_mixer(), without_ffn()}) {
    EXPECT_FALSE(law_has_opinion(other));
    Architecture a = dense();
    a.further = {mla()};
    EXPECT_TRUE(law_has_opinion(a));
    a.further.push_back(other);
    EXPECT_FALSE(law_has_opinion(a));
    const auto e = evaluate(testing::published_law(), a, scenario(work(1, 8, 8)));
    EXPECT_FALSE(e.has_loss);
    EXPECT_TRUE(std::isnan(e.loss));
    EXPECT_TRUE(std::isnan(e.perplexity));
    EXPECT_TRUE(e.extrapolated);
    EXPECT_GT(e.total_s, 0);
  }
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

TEST(Domain, FlashAttentionThatIsNotCausalTakesThePromptInOnePass) {
  Engine e;
  e.prefill_chunk = 100;
  EXPECT_NO_THROW(scenario(work(1, 101, 8), e));
  e.causal = false;
  EXPECT_THROW(scenario(work(1, 101, 8), e), DomainError);
  EXPECT_NO_THROW(scenario(work(1, 100, 8), e));
  EXPECT_NO_THROW(scenario(work(1, 0, 800), e));
  e.prefill_chunk = 0;
  EXPECT_NO_THROW(scenario(work(1, 101, 8), e));
  e.prefill_chunk = 100;
  e.flash = false;  // eager attention computes what is masked, causal or not
  EXPECT_NO_THROW(scenario(work(1, 101, 8), e));
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

TEST(Domain, AnEnergyNeedsThePowersOfBothPhases) {
  const auto with = [](std::optional<double> prefill, std::optional<double> decode,
                       const Workload& w) {
    Device d = chip();
    d.prefill_power_w = prefill;
    d.decode_power_w = decode;
    return make_scenario(d, half_precision(), w, Engine{});
  };
  const auto both = work(1, 8, 8);
  EXPECT_NO_THROW(require_applies(Objective::energy, with(3, 5, both)));
  EXPECT_NO_THROW(require_applies(Objective::energy, with(3, 5, work(1, 8, 0))));
  EXPECT_NO_THROW(require_applies(Objective::energy, with(3, 5, work(1, 0, 8))));
  EXPECT_THROW(require_applies(Objective::energy, with(3, 5, work(1, 0, 0))), DomainError);
  EXPECT_THROW(require_applies(Objective::energy, with(3, {}, both)), DomainError);
  EXPECT_THROW(require_applies(Objective::energy, with({}, 5, both)), DomainError);
  EXPECT_THROW(require_applies(Objective::energy, with({}, {}, both)), DomainError);
  // The energy of one phase is not told, either, if only its own power is known.
  EXPECT_THROW(require_applies(Objective::energy, with(3, {}, work(1, 8, 0))), DomainError);
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
  // The engine is ready for one token: its width and the gated hidden units (more than the queries,
  // keys and values), which are more than its logits.
  EXPECT_EQ((256 + 2 * 512) * 2, e.memory.workspace);
  EXPECT_GT(e.memory.weights, 0);
}

}  // namespace
}  // namespace rooflaw::model
