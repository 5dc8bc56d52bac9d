// More of anything that must be moved or computed is never faster, and never smaller, to the bit.

#include <cmath>

#include <gtest/gtest.h>

#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
/// A model of one group or of several in a scenario whose powers are known.
struct Case {
  Architecture a;
  Device device;
  Precision precision;
  Workload workload;
  Engine engine;
};

Case random_case(Random& random) {
  const auto c = testing::random_case(random, 3000);
  Case made{.a = testing::architecture_from(random.chance(0.3)
                                                ? testing::random_layered_architecture(random)
                                                : c.at("architecture")),
            .device = testing::device_from(c.at("device")),
            .precision = testing::precision_from(c.at("precision")),
            .workload = testing::workload_from(c.at("workload")),
            .engine = testing::engine_from(c.at("engine"))};
  made.device.prefill_power_w = random.real(0.5, 500);
  made.device.decode_power_w = random.real(0.5, 500);
  return made;
}

struct Outcome {
  double prefill_s, decode_s, total_s, energy_j, weights, memory;
};

Outcome outcome(const Case& c) {
  const auto s = make_scenario(c.device, c.precision, c.workload, c.engine);
  const auto e = evaluate(testing::published_law(), c.a, s);
  return {e.prefill.seconds, e.decode.seconds, e.total_s,
          e.energy_j,        e.memory.weights, e.memory.total()};
}

/// `slack` is for what is split otherwise, or in another number of operators, and so rounded
/// otherwise; memory is never.
void expect_no_less(const Case& small, const Case& large, double slack) {
  const Outcome a = outcome(small), b = outcome(large);
  EXPECT_LE(a.prefill_s, b.prefill_s * (1 + slack));
  EXPECT_LE(a.decode_s, b.decode_s * (1 + slack));
  EXPECT_LE(a.total_s, b.total_s * (1 + slack));
  EXPECT_LE(a.energy_j, b.energy_j * (1 + slack));
  EXPECT_LE(a.weights, b.weights);
  EXPECT_LE(a.memory, b.memory);
}

constexpr double rounding = 1e-13;

/// Each step of +1 (or to a next value) of an axis, on a random case.
class Monotone : public ::testing::Test {
 protected:
  template <class Grow>
  void check(const char* what, Grow grow, double slack = 0) {
    for (int i = 0; i < 1500 && !HasFailure(); ++i) {
      const Case small = random_case(random_);
      Case large = small;
      grow(large);
      SCOPED_TRACE(::testing::Message() << what << ", case " << i);
      expect_no_less(small, large, slack);
    }
  }
  /// Of one group, the first or another.
  template <class Grow>
  void check_layers(const char* what, Grow grow, double slack = 0) {
    check(
        what,
        [&](Case& c) {
          std::vector<Layers*> groups{&c.a};
          for (Layers& group : c.a.further) groups.push_back(&group);
          grow(*random_.pick(groups));
        },
        slack);
  }
  Random random_{99};
};

TEST_F(Monotone, NumberOfLayers) {
  check_layers("layers", [](Layers& g) { ++g.layers; });
}
TEST_F(Monotone, Groups) {
  check("one more group", [&](Case& c) {
    c.a.further.push_back(
        testing::architecture_from(testing::random_layered_architecture(random_)));
  });
}
TEST_F(Monotone, Width) {
  check("width", [](Case& c) { ++c.a.width; });
}
TEST_F(Monotone, ExpertFfn) {
  check_layers("expert_ffn", [](Layers& g) { g.expert_ffn += g.ffn == FfnKind::none ? 0 : 1; });
}
TEST_F(Monotone, SharedFfn) {
  check_layers("shared_ffn", [](Layers& g) { g.shared_ffn += g.ffn == FfnKind::none ? 0 : 1; });
}
TEST_F(Monotone, Vocab) {
  check("vocab", [](Case& c) { ++c.a.vocab; });
}
TEST_F(Monotone, Positions) {
  check("positions", [](Case& c) { ++c.a.positions; });
}
TEST_F(Monotone, Heads) {
  check_layers("heads", [](Layers& g) { g.heads *= 2; });
}
TEST_F(Monotone, KvHeads) {
  check_layers("kv_heads", [](Layers& g) {
    if (g.attention == AttentionKind::gqa) g.kv_heads = g.heads;
  });
}
TEST_F(Monotone, LatentRanks) {
  check_layers("ranks", [](Layers& g) {
    if (g.attention != AttentionKind::mla) return;
    ++g.mla.kv_lora_rank;
    if (g.mla.q_lora_rank > 0) ++g.mla.q_lora_rank;
  });
}
TEST_F(Monotone, RecurrentSizes) {
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    Case small = random_case(random_);
    small.a.attention = AttentionKind::recurrent;
    small.a.window = 0;
    small.a.recurrent = {.mixer_weights = random_.integer(1000, 10'000'000),
                         .mixer_width = random_.integer(16, 16000),
                         .state_elements = random_.integer(16, 1'000'000),
                         .state_flops = random_.real(16, 1e7)};
    Case large = small;
    switch (auto& sizes = large.a.recurrent; i % 4) {
      case 0:
        ++sizes.mixer_weights;
        break;
      case 1:
        ++sizes.mixer_width;
        break;
      case 2:
        ++sizes.state_elements;
        break;
      default:
        sizes.state_flops = std::nextafter(sizes.state_flops, 1e9);
    }
    SCOPED_TRACE(::testing::Message() << "case " << i);
    expect_no_less(small, large, 0);
  }
}
TEST_F(Monotone, TopK) {
  check_layers("top_k", [](Layers& g) { g.top_k += g.experts > g.top_k ? 1 : 0; });
}
TEST_F(Monotone, Experts) {
  check_layers("experts", [](Layers& g) { g.experts += g.experts > 1 ? 1 : 0; });
}
TEST_F(Monotone, Untied) {
  check("tied", [](Case& c) { c.a.tied = false; });
}
TEST_F(Monotone, Window) {
  check_layers(
      "window", [](Layers& g) { g.window += g.window > 0 ? 1 : 0; }, rounding);
}
TEST_F(Monotone, Tokens) {
  // A prompt that comes to fill a window moves steps from one run to another.
  check(
      "input_tokens", [](Case& c) { ++c.workload.input_tokens; }, rounding);
  check("output_tokens", [](Case& c) { ++c.workload.output_tokens; });
  check("batch", [](Case& c) { ++c.workload.batch; });
}
TEST_F(Monotone, TokensWithoutAWindowToTheBit) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    Case small = random_case(random_);
    small.a.window = 0;
    for (Layers& group : small.a.further) group.window = 0;
    Case large = small;
    ++large.workload.input_tokens;
    SCOPED_TRACE(::testing::Message() << "case " << i);
    expect_no_less(small, large, 0);
  }
}

// Not input_bytes: inputs as wide as the activations need not be quantised.
TEST_F(Monotone, Bytes) {
  double Precision::*const bytes[] = {&Precision::attention_weight_bytes,
                                      &Precision::ffn_weight_bytes,
                                      &Precision::activation_bytes,
                                      &Precision::kv_bytes,
                                      &Precision::head_bytes,
                                      &Precision::embedding_bytes};
  for (const auto member : bytes)
    check("bytes", [&](Case& c) {
      double& b = c.precision.*member;
      b = random_.chance(0.5) ? std::nextafter(b, 100.0) : 2 * b;
    });
}

TEST_F(Monotone, Chips) {
  check("a slower chip", [&](Case& c) {
    Device& d = c.device;
    switch (random_.integer(0, 2)) {
      case 0:
        d.bandwidth_bytes_per_s = std::nextafter(d.bandwidth_bytes_per_s, 0.0);
        break;
      case 1:
        for (auto& [type, peak] : d.peak_flops) peak = std::nextafter(peak, 0.0);
        break;
      default:
        for (auto& [type, peak] : d.peak_flops) peak = 0.5 * peak;
        d.bandwidth_bytes_per_s = 0.5 * d.bandwidth_bytes_per_s;
    }
  });
}
TEST_F(Monotone, Efficiencies) {
  double Efficiency::*const shares[] = {&Efficiency::compute, &Efficiency::attention,
                                        &Efficiency::bandwidth, &Efficiency::kv_bandwidth};
  double Efficiency::*const overheads[] = {&Efficiency::layer_overhead_s,
                                           &Efficiency::pass_overhead_s};
  const auto change = [&](Case& c, double Efficiency::*member, double factor, double more) {
    Efficiency e = c.device.efficiency(c.precision.id);
    e.*member = e.*member * factor + more;
    c.device.efficiencies = {{"*", e}};
  };
  for (const auto member : shares)
    check("a lower efficiency", [&](Case& c) { change(c, member, random_.real(0.1, 1), 0); });
  for (const auto member : overheads)
    check("a larger overhead", [&](Case& c) { change(c, member, 1, random_.log_real(1e-9, 1)); });
}

TEST_F(Monotone, Engines) {
  check("no kernel for groups of heads", [](Case& c) { c.engine.query_heads = true; });
  check("an untrimmed cache", [](Case& c) { c.engine.full_window_cache = true; });
  check("an output projection", [](Case& c) { c.engine.lm_head = true; });
}
TEST_F(Monotone, EnginesThatComputeWhatIsMasked) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    Case small = random_case(random_);
    small.engine.prefill_chunk = 0;
    small.engine.flash = small.engine.causal = true;
    Case large = small;
    large.engine.causal = false;
    SCOPED_TRACE(::testing::Message() << "case " << i);
    expect_no_less(small, large, rounding);
    Case eager = large;  // which masks nothing either, and writes its scores
    eager.engine.flash = false;
    expect_no_less(large, eager, rounding);
    eager.engine.causal = true;
    expect_no_less(large, eager, rounding);
  }
}
TEST_F(Monotone, ElementwiseKernels) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    Case c = random_case(random_);
    std::vector<Case> cases;
    for (const auto each : {Elementwise::ignored, Elementwise::fused, Elementwise::separate}) {
      c.engine.elementwise = each;
      cases.push_back(c);
    }
    SCOPED_TRACE(::testing::Message() << "case " << i);
    expect_no_less(cases[0], cases[1], rounding);
    expect_no_less(cases[1], cases[2], rounding);
  }
}
/// The search adds the blocks of a layer as they come from tables; a block that is no slower must
/// leave the sum no slower.
TEST_F(Monotone, SumsOfBlocks) {
  const Weights total = weights(Objective::total, Scenario{});
  for (int i = 0; i < 100000 && !HasFailure(); ++i) {
    const double attention = random_.log_real(1e-9, 1), ffn = random_.log_real(1e-9, 1);
    const double overhead = random_.chance(0.5) ? 0 : random_.log_real(1e-7, 1e-3);
    const double head = random_.log_real(1e-9, 1);
    const double more = std::nextafter(ffn, 1e9);
    const auto phase = [&](double layers, double block) {
      return phase_time(layers * layer_time(attention, block, overhead), head);
    };
    const auto layers = static_cast<double>(random_.integer(1, 100));
    EXPECT_LE(phase(layers, ffn), phase(layers, more));
    EXPECT_LE(phase(layers, ffn), phase(layers + 1, ffn));
    EXPECT_LE(weighted_time(total, phase(layers, ffn), head),
              weighted_time(total, phase(layers, more), head));
  }
}

TEST(DistinctExperts, LieBetweenTopKAndAll) {
  Random random(3);
  EXPECT_EQ(1, distinct_experts(1.0, 1.0, 1000));
  EXPECT_EQ(1, distinct_experts(1.0, 1.0, 1));
  for (int i = 0; i < 5000 && !::testing::Test::HasFailure(); ++i) {
    const auto experts = static_cast<double>(random.integer(2, 512));
    const auto top_k = static_cast<double>(random.integer(1, static_cast<int>(experts)));
    EXPECT_EQ(top_k, distinct_experts(experts, top_k, 1));  // one token meets exactly top_k
    const auto tokens = static_cast<double>(random.integer(2, 5000));
    const double n = distinct_experts(experts, top_k, tokens);
    EXPECT_GE(n, top_k);
    EXPECT_LE(n, experts);
    EXPECT_LE(distinct_experts(experts, top_k, tokens - 1), n);
    EXPECT_NEAR(experts * (1 - std::pow(1 - top_k / experts, tokens)), n, 1e-10 * n);
  }
}

}  // namespace
}  // namespace rooflaw::model
