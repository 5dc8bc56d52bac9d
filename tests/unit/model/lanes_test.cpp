// The lanes that search runs in give the bits of the scalars that evaluate runs in.

#include <gtest/gtest.h>

#include "rooflaw/model/continuous.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using Lanes = Eigen::Array<double, 8, 1>;
constexpr Eigen::Index lane_count = 8;

/// Eight architectures that share what lanes cannot vary.
std::vector<Architecture> random_lanes(Random& random) {
  Architecture base = testing::architecture_from(testing::random_architecture(random));
  std::vector<Architecture> list;
  for (Eigen::Index i = 0; i < lane_count; ++i) {
    Architecture a = base;
    a.layers = random.integer(1, 64);
    a.width = random.integer(32, 6000);
    a.heads = random.integer(1, 64);
    if (a.attention == AttentionKind::gqa) a.kv_heads = testing::random_divisor(random, a.heads);
    if (a.attention == AttentionKind::mla) a.mla.kv_lora_rank = random.integer(16, 600);
    a.expert_ffn = random.integer(1, 12000);
    a.experts = random.pick<std::int64_t>({1, 8, 64});
    a.top_k = a.experts == 1 ? 1 : random.integer(1, 8);
    a.shared_ffn = random.chance(0.5) ? 0 : random.integer(1, 8000);
    require_sound(a);
    list.push_back(a);
  }
  return list;
}

AttentionShape<Lanes> attention_lanes(const std::vector<Architecture>& list) {
  const auto first = attention_shape(list.front());
  AttentionShape<Lanes> lanes;
  lanes.kind = first.kind;
  lanes.head_dim = first.head_dim;
  lanes.q_lora_rank = first.q_lora_rank;
  lanes.qk_nope_head_dim = first.qk_nope_head_dim;
  lanes.qk_rope_head_dim = first.qk_rope_head_dim;
  lanes.v_head_dim = first.v_head_dim;
  for (Eigen::Index i = 0; i < lane_count; ++i) {
    const auto one = attention_shape(list[static_cast<std::size_t>(i)]);
    lanes.width[i] = one.width;
    lanes.heads[i] = one.heads;
    lanes.kv_heads[i] = one.kv_heads;
    lanes.kv_lora_rank[i] = one.kv_lora_rank;
  }
  return lanes;
}

FfnShape<Lanes> ffn_lanes(const std::vector<Architecture>& list) {
  FfnShape<Lanes> lanes;
  lanes.kind = list.front().ffn;
  lanes.sparsity = list.front().ffn_sparsity;
  for (Eigen::Index i = 0; i < lane_count; ++i) {
    const auto one = ffn_shape(list[static_cast<std::size_t>(i)]);
    lanes.width[i] = one.width;
    lanes.expert_ffn[i] = one.expert_ffn;
    lanes.experts[i] = one.experts;
    lanes.top_k[i] = one.top_k;
    lanes.shared_ffn[i] = one.shared_ffn;
    lanes.routed[i] = one.routed;
    lanes.has_shared[i] = one.has_shared;
  }
  return lanes;
}

/// Every lane of `lanes` has the bits of `scalar` of its architecture.
template <class Scalar>
void expect_bits(const std::vector<Architecture>& list, const Lanes& lanes, Scalar scalar,
                 const char* what) {
  for (Eigen::Index i = 0; i < lane_count; ++i)
    EXPECT_EQ(scalar(list[static_cast<std::size_t>(i)]), lanes[i]) << what << ", lane " << i;
}

class LanesTest : public ::testing::Test {
 protected:
  /// A scenario whose decode is long enough for attention to change its bound inside it.
  Scenario next_scenario() {
    testing::json c = testing::random_case(random_, 40);
    if (random_.chance(0.5)) c["workload"]["output_tokens"] = random_.integer(1000, 100000);
    return testing::scenario_from(c);
  }
  Random random_{42};
};

TEST_F(LanesTest, AttentionTimes) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    const auto shape = attention_lanes(list);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const Duration<Lanes> lanes = attention_time(shape, s, phase);
      const auto one = [&](const Architecture& a) {
        return attention_time(attention_shape(a), s, phase);
      };
      expect_bits(
          list, lanes.seconds, [&](const auto& a) { return one(a).seconds; }, "seconds");
      expect_bits(
          list, lanes.compute_bound_s, [&](const auto& a) { return one(a).compute_bound_s; },
          "compute-bound part");
    }
  }
}

TEST_F(LanesTest, FfnTimes) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    const auto shape = ffn_lanes(list);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const double tokens = first_pass(s, phase).tokens;
      const double rows = down_rows_read(list.front().ffn_sparsity, tokens);
      const auto distinct_of = [&](const Architecture& a) {
        return distinct_experts(static_cast<double>(a.experts), static_cast<double>(a.top_k),
                                tokens);
      };
      Lanes distinct;
      for (Eigen::Index k = 0; k < lane_count; ++k)
        distinct[k] = distinct_of(list[static_cast<std::size_t>(k)]);
      const Duration<Lanes> lanes = ffn_time(shape, distinct, rows, s, phase);
      const auto one = [&](const Architecture& a) {
        return ffn_time(ffn_shape(a), distinct_of(a), rows, s, phase);
      };
      expect_bits(
          list, lanes.seconds, [&](const auto& a) { return one(a).seconds; }, "seconds");
      expect_bits(
          list, lanes.compute_bound_s, [&](const auto& a) { return one(a).compute_bound_s; },
          "compute-bound part");
    }
  }
}

TEST_F(LanesTest, HeadTimesAndPhases) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    Lanes width, layers, attention, ffn;
    for (Eigen::Index k = 0; k < lane_count; ++k) {
      const auto& a = list[static_cast<std::size_t>(k)];
      width[k] = static_cast<double>(a.width);
      layers[k] = static_cast<double>(a.layers);
      attention[k] = 1e-5 * static_cast<double>(a.heads);
      ffn[k] = 1e-7 * static_cast<double>(a.expert_ffn);
    }
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto head_of = [&](const Architecture& a) {
        return head_time(static_cast<double>(a.width), 32000, s, phase).seconds;
      };
      const Lanes head = head_time<Lanes>(width, 32000, s, phase).seconds;
      expect_bits(list, head, head_of, "head");
      const double overhead = layer_overhead(s, phase);
      const Lanes layer = layer_time<Lanes>(attention, ffn, overhead);
      expect_bits(
          list, phase_time<Lanes>(layers, layer, head),
          [&](const Architecture& a) {
            return phase_time(static_cast<double>(a.layers),
                              layer_time(1e-5 * static_cast<double>(a.heads),
                                         1e-7 * static_cast<double>(a.expert_ffn), overhead),
                              head_of(a));
          },
          "phase");
    }
  }
}

TEST_F(LanesTest, MemoryParts) {
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    const Precision& p = s.precision;
    const auto attention = attention_lanes(list);
    const auto ffn = ffn_lanes(list);
    expect_bits(
        list, attention_weight_bytes(attention, p),
        [&](const auto& a) { return attention_weight_bytes(attention_shape(a), p); },
        "attention weights");
    expect_bits(
        list, ffn_weight_bytes(ffn, p),
        [&](const auto& a) { return ffn_weight_bytes(ffn_shape(a), p); }, "FFN weights");
    expect_bits(
        list, kv_cache_bytes(attention, s),
        [&](const auto& a) { return kv_cache_bytes(attention_shape(a), s); }, "KV cache");
    expect_bits(
        list,
        workspace_bytes<Lanes>(ffn.width, attention_activations(attention), ffn_activations(ffn),
                               s),
        [&](const auto& a) { return evaluate(testing::published_law(), a, s).memory.workspace; },
        "workspace");
  }
}

/// A term from powers that were tabulated, a lane an architecture: what search multiplies.
Lanes term_of_powers(const LawTerm<double>& term, const std::vector<Architecture>& list) {
  Lanes value = constant<Lanes>(term.coefficient);
  for (const LawVariable v : law_variables) {
    const auto exponent = term.exponent(v);
    if (!exponent) continue;
    Lanes powers;
    for (Eigen::Index k = 0; k < lane_count; ++k)
      powers[k] = power(value_of(law_point(lift(list[static_cast<std::size_t>(k)])), v), *exponent);
    value = value * powers;
  }
  return value;
}

TEST_F(LanesTest, LossFromPowers) {
  Law law = testing::published_law();
  law.kappa_t = 528.83, law.alpha_t = 0.2991, law.tokens = 1e12;
  const auto terms = law_terms(law);
  for (int i = 0; i < 1000 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Lanes ffn =
        ffn_loss<Lanes>(term_of_powers(terms.sparsity, list), term_of_powers(terms.capacity, list));
    const Lanes depth = depth_loss<Lanes>(term_of_powers(terms.depth, list), law_constant(law));
    const Lanes lanes = shape_loss<Lanes>(ffn, term_of_powers(terms.kv, list), depth) + 0.01;
    expect_bits(
        list, lanes,
        [&](const auto& a) { return loss(law, loss_terms(law, law_point(lift(a))), 0.01); },
        "loss");
  }
}

}  // namespace
}  // namespace rooflaw::model
