// The lanes that search runs in give the bits of the scalars that evaluate runs in.

#include <gtest/gtest.h>

#include "rooflaw/model/continuous.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using Lanes = Eigen::Array<double, 8, 1>;
constexpr Eigen::Index lane_count = 8;

AttentionShape<double> attention_of(const Architecture& a) { return attention_shape(a, a.width); }
FfnShape<double> ffn_of(const Architecture& a) { return ffn_shape(a, a.width); }

/// Of any mixer, with or without FFN.
Architecture random_kind(Random& random) {
  Architecture a = testing::architecture_from(testing::random_architecture(random));
  if (random.chance(0.8)) return a;
  if (random.chance(0.3)) {
    a.ffn = FfnKind::none;
    return a;
  }
  a.attention = random.chance(0.6) ? AttentionKind::recurrent : AttentionKind::none;
  a.head_dim = a.window = 0;
  if (a.attention == AttentionKind::recurrent)
    a.recurrent = {.mixer_weights = random.integer(1000, 100'000'000),
                   .mixer_width = random.integer(16, 16000),
                   .state_elements = random.integer(16, 1'000'000),
                   .state_flops = random.real(16, 1e7)};
  return a;
}

/// Eight architectures that share what lanes cannot vary.
std::vector<Architecture> random_lanes(Random& random) {
  const Architecture base = random_kind(random);
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
    if (a.ffn == FfnKind::none) a.expert_ffn = a.shared_ffn = 0, a.experts = a.top_k = 1;
    require_sound(a);
    list.push_back(a);
  }
  return list;
}

AttentionShape<Lanes> attention_lanes(const std::vector<Architecture>& list) {
  const auto first = attention_of(list.front());
  AttentionShape<Lanes> lanes;
  lanes.kind = first.kind;
  lanes.head_dim = first.head_dim;
  lanes.q_lora_rank = first.q_lora_rank;
  lanes.qk_nope_head_dim = first.qk_nope_head_dim;
  lanes.qk_rope_head_dim = first.qk_rope_head_dim;
  lanes.v_head_dim = first.v_head_dim;
  lanes.window = first.window;
  lanes.mixer_weights = first.mixer_weights;
  lanes.mixer_width = first.mixer_width;
  lanes.state_elements = first.state_elements;
  lanes.state_flops = first.state_flops;
  for (Eigen::Index i = 0; i < lane_count; ++i) {
    const auto one = attention_of(list[static_cast<std::size_t>(i)]);
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
    const auto one = ffn_of(list[static_cast<std::size_t>(i)]);
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

/// What an FFN block asks of a table: powers for so many tokens, a lane an architecture.
RoutedTokens<double> routed_of(const Architecture& a, double tokens) {
  return {distinct_experts(static_cast<double>(a.experts), static_cast<double>(a.top_k), tokens),
          down_rows_read(a.ffn_sparsity, tokens)};
}
Duration<double> ffn_time_of(const Architecture& a, const Scenario& s, Phase phase) {
  return ffn_time(ffn_of(a), s, phase, [&](double tokens) { return routed_of(a, tokens); });
}
Duration<Lanes> ffn_time_of(const std::vector<Architecture>& list, const Scenario& s, Phase phase) {
  return ffn_time(ffn_lanes(list), s, phase, [&](double tokens) {
    RoutedTokens<Lanes> lanes;
    for (Eigen::Index k = 0; k < lane_count; ++k) {
      const auto one = routed_of(list[static_cast<std::size_t>(k)], tokens);
      lanes.distinct[k] = one.distinct;
      lanes.rows_read = one.rows_read;  // all have one sparsity
    }
    return lanes;
  });
}

class LanesTest : public ::testing::Test {
 protected:
  /// A scenario whose decode is long enough for attention to change its bound inside it.
  Scenario next_scenario() {
    testing::json c = testing::random_case(random_, 40);
    if (random_.chance(0.5)) c["workload"]["output_tokens"] = random_.integer(1000, 100000);
    return testing::scenario_from(c);  // and its prompt may take several passes
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
        return attention_time(attention_of(a), s, phase);
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
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const Duration<Lanes> lanes = ffn_time_of(list, s, phase);
      const auto one = [&](const Architecture& a) { return ffn_time_of(a, s, phase); };
      expect_bits(
          list, lanes.seconds, [&](const auto& a) { return one(a).seconds; }, "seconds");
      expect_bits(
          list, lanes.compute_bound_s, [&](const auto& a) { return one(a).compute_bound_s; },
          "compute-bound part");
    }
  }
}

/// Put together as search does, head and overheads included, against what evaluate says.
TEST_F(LanesTest, HeadTimesAndPhases) {
  const Law law = testing::published_law();
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    const auto vocab = static_cast<double>(list.front().vocab);
    Lanes layers;
    for (Eigen::Index k = 0; k < lane_count; ++k)
      layers[k] = static_cast<double>(list[static_cast<std::size_t>(k)].layers);
    const auto shape = attention_lanes(list);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const Lanes head = head_time(shape.width, vocab, s, phase).seconds;
      expect_bits(
          list, head,
          [&](const Architecture& a) {
            return head_time(static_cast<double>(a.width), vocab, s, phase).seconds;
          },
          "head");
      const Lanes layer =
          layer_time<Lanes>(attention_time(shape, s, phase).seconds,
                            ffn_time_of(list, s, phase).seconds, layer_overhead(s, phase));
      const Lanes seconds = phase_time<Lanes>(layers * layer, fixed_time<Lanes>(head, s, phase));
      expect_bits(
          list, seconds,
          [&](const Architecture& a) {
            const auto e = evaluate(law, a, s);
            return phase == Phase::prefill ? e.prefill.seconds : e.decode.seconds;
          },
          "phase");
    }
  }
}

TEST_F(LanesTest, MemoryParts) {
  const Law law = testing::published_law();
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const auto list = random_lanes(random_);
    const Scenario s = next_scenario();
    const Precision& p = s.precision;
    const auto attention = attention_lanes(list);
    const auto ffn = ffn_lanes(list);
    const Lanes attention_weights = attention_weight_bytes(attention, p);
    const Lanes ffn_weights = ffn_weight_bytes(ffn, p);
    const Lanes kv = kv_cache_bytes(attention, s);
    const Lanes scratch = attention_scratch_bytes(attention, s);
    expect_bits(
        list, attention_weights,
        [&](const auto& a) { return attention_weight_bytes(attention_of(a), p); },
        "attention weights");
    expect_bits(
        list, ffn_weights, [&](const auto& a) { return ffn_weight_bytes(ffn_of(a), p); },
        "FFN weights");
    expect_bits(
        list, kv, [&](const auto& a) { return kv_cache_bytes(attention_of(a), s); }, "KV cache");
    expect_bits(
        list, scratch, [&](const auto& a) { return attention_scratch_bytes(attention_of(a), s); },
        "scratch");
    const Lanes widest = larger<Lanes>(attention_activations(attention), ffn_activations(ffn));
    const Lanes workspace = workspace_bytes<Lanes>(
        ffn.width, widest, scratch, logit_bytes(static_cast<double>(list.front().vocab), s),
        activation_bytes(s));
    expect_bits(
        list, workspace, [&](const auto& a) { return evaluate(law, a, s).memory.workspace; },
        "workspace");
    Lanes layers;
    for (Eigen::Index k = 0; k < lane_count; ++k)
      layers[k] = static_cast<double>(list[static_cast<std::size_t>(k)].layers);
    const Lanes weights = layers * Lanes(attention_weights + ffn_weights) +
                          table_bytes(ffn.width, tables_of(list.front()), p);
    const Memory<Lanes> memory{.weights = weights, .kv = layers * kv, .workspace = workspace};
    expect_bits(
        list, memory.weights, [&](const auto& a) { return evaluate(law, a, s).memory.weights; },
        "weights");
    expect_bits(
        list, memory.total(), [&](const auto& a) { return evaluate(law, a, s).memory.total(); },
        "memory");
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
    if (!law_has_opinion(list.front())) continue;
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
