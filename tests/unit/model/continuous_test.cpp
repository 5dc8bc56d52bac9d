// A model of several groups of layers, and its sizes as variables.

#include "rooflaw/model/continuous.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using Continuous = ContinuousArchitecture<double>;

/// What can be said of a model, its phases' shares as seconds.
struct Quantities {
  LawPoint<double> point;
  double loss;
  PhaseTime<double> prefill, decode;
  Memory<double> memory;
  Parameters parameters;
};

Quantities quantities(const Continuous& a, const Scenario& s) {
  const Law law = testing::published_law();
  const auto point = law_point(a);
  return {.point = point,
          .loss = loss(law, loss_terms(law, point), 0.0),
          .prefill = time_of(a, s, Phase::prefill),
          .decode = time_of(a, s, Phase::decode),
          .memory = memory(a, s),
          .parameters = parameters(a)};
}

void expect_equal(double expected, double actual, const char* what, double scale) {
  EXPECT_NEAR(expected, actual, 1e-15 * std::abs(scale)) << what;
}
void expect_equal(double expected, double actual, const char* what) {
  expect_equal(expected, actual, what, expected);
}

void expect_same(const PhaseTime<double>& a, const PhaseTime<double>& b) {
  expect_equal(a.seconds, b.seconds, "seconds");
  expect_equal(a.compute_bound_s, b.compute_bound_s, "compute-bound part");
  // What two larger numbers leave.
  expect_equal(a.bandwidth_bound_s, b.bandwidth_bound_s, "bandwidth-bound part", 2 * a.seconds);
  expect_equal(a.overhead_s, b.overhead_s, "overhead");
}

void expect_same(const Quantities& a, const Quantities& b) {
  expect_equal(a.point.layers, b.point.layers, "layers");
  expect_equal(a.point.width, b.point.width, "width");
  expect_equal(a.point.ffn_ratio, b.point.ffn_ratio, "ffn_ratio");
  expect_equal(a.point.activation_rate, b.point.activation_rate, "activation_rate");
  expect_equal(a.point.kv_dim, b.point.kv_dim, "kv_dim");
  expect_equal(a.loss, b.loss, "loss");
  expect_same(a.prefill, b.prefill);
  expect_same(a.decode, b.decode);
  expect_equal(a.memory.weights, b.memory.weights, "weights");
  expect_equal(a.memory.kv, b.memory.kv, "KV cache");
  expect_equal(a.memory.workspace, b.memory.workspace, "workspace");
  expect_equal(a.parameters.total, b.parameters.total, "parameters");
  expect_equal(a.parameters.active, b.parameters.active, "active parameters");
}

/// The same model with the layers of its only group in so many parts.
Architecture split(const Architecture& whole, int most_parts, Random& random) {
  Architecture parts = whole;
  std::int64_t left = whole.layers;
  parts.layers = random.integer(1, left - 1);
  left -= parts.layers;
  while (left > 0) {
    const bool last = static_cast<int>(parts.further.size()) + 2 >= most_parts;
    Layers group = whole;
    group.layers = last ? left : random.integer(1, left);
    left -= group.layers;
    parts.further.push_back(group);
  }
  return parts;
}

TEST(Groups, TheSameLayersInPartsAreTheSameModel) {
  const Law law = testing::published_law();
  Random random(21);
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    testing::json c = testing::random_case(random, 3000);
    c["architecture"]["layers"] = random.integer(2, 64);
    const Architecture whole = testing::architecture_from(c.at("architecture"));
    const Architecture parts = split(whole, 2 + i % 4, random);
    const Scenario s = testing::scenario_from(c);
    SCOPED_TRACE(c.dump());
    ASSERT_EQ(depth(whole), depth(parts));
    expect_same(quantities(lift(whole), s), quantities(lift(parts), s));
    // To the last bit, or a tie between equal shapes would be none.
    const auto one = evaluate(law, whole, s), several = evaluate(law, parts, s);
    EXPECT_EQ(one.loss, several.loss);
    EXPECT_EQ(one.point.ffn_ratio, several.point.ffn_ratio);
    EXPECT_EQ(one.point.activation_rate, several.point.activation_rate);
    EXPECT_EQ(one.point.kv_dim, several.point.kv_dim);
    EXPECT_EQ(one.params_total, several.params_total);
    EXPECT_EQ(one.memory.workspace, several.memory.workspace);
  }
}

TEST(Groups, TwoEqualOnesAreOneOfAllTheirLayers) {
  const Law law = testing::published_law();
  Random random(27);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const auto c = testing::random_case(random, 3000);
    Architecture twice = testing::architecture_from(c.at("architecture"));
    Architecture once = twice;
    twice.further.push_back(twice);
    once.layers *= 2;
    const Scenario s = testing::scenario_from(c);
    const auto one = evaluate(law, once, s), two = evaluate(law, twice, s);
    EXPECT_EQ(one.loss, two.loss);
    EXPECT_NEAR(one.prefill.seconds, two.prefill.seconds, 1e-13 * one.prefill.seconds);
    EXPECT_NEAR(one.decode.seconds, two.decode.seconds, 1e-13 * one.decode.seconds);
    EXPECT_NEAR(one.memory.total(), two.memory.total(), 1e-13 * one.memory.total());
    EXPECT_TRUE(two.extrapolated);  // the law was fitted on models of one group
  }
}

/// Groups whose ratios are no binary fractions: 1/3 and 1/7 of the layers, of the experts, of the
/// width. Sums of rounded quotients would differ in the last bit from one part to the other.
TEST(Groups, EqualShapesHaveEqualLossesWhateverTheirSplit) {
  const Law law = testing::published_law();
  Scenario s;
  for (std::int64_t layers = 2; layers <= 42; ++layers)
    for (const std::int64_t width : {768, 1000, 1344, 3001})
      for (const std::int64_t experts : {1, 3, 7}) {
        Architecture whole;
        whole.layers = layers, whole.heads = 6, whole.head_dim = 37, whole.kv_heads = 3;
        whole.expert_ffn = 1111, whole.experts = experts, whole.shared_ffn = 77;
        whole.width = width, whole.vocab = 1000;
        const double loss_of_whole = quantities(lift(whole), s).loss;
        for (std::int64_t first = 1; first < layers; ++first) {
          Architecture parts = whole;
          parts.layers = first;
          parts.further.push_back(whole);
          parts.further[0].layers = layers - first;
          ASSERT_EQ(loss_of_whole, quantities(lift(parts), s).loss);
        }
      }
}

/// Two models of one width and vocabulary, and the model that has the layers of both.
struct Pair {
  Architecture a, b;
  Continuous first, second, both;
  Scenario s;
};

Pair random_pair(Random& random) {
  const testing::json c = testing::random_case(random, 3000);
  Pair p{.a = testing::architecture_from(c.at("architecture")),
         .b = testing::architecture_from(testing::random_architecture(random)),
         .first = {},
         .second = {},
         .both = {},
         .s = testing::scenario_from(c)};
  p.b.width = p.a.width;
  p.b.vocab = p.a.vocab;
  p.b.tied = p.a.tied;
  p.b.positions = p.a.positions;
  Architecture both = p.a;
  both.further.push_back(p.b);
  p.first = lift(p.a);
  p.second = lift(p.b);
  p.both = lift(both);
  return p;
}

/// Activations and what attention needs beside them, of one group, as the specification has them.
struct Workspace {
  double elements, scratch;
};
Workspace workspace_of(const Layers& g, const Scenario& s) {
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  const double batch = number(s.workload.batch), prompt = number(s.workload.input_tokens);
  const double all = prompt + number(s.workload.output_tokens);
  const double chunk =
      s.engine.prefill_chunk > 0 ? std::min(number(s.engine.prefill_chunk), prompt) : prompt;
  const double tokens = batch * std::max(1.0, chunk);
  const Precision& p = s.precision;
  const bool is_mla = g.attention == AttentionKind::mla;
  const double heads = number(g.heads), head_dim = number(g.head_dim);
  const double d_n = number(g.mla.qk_nope_head_dim), d_r = number(g.mla.qk_rope_head_dim);
  const double expanded = heads * (d_n + d_r + number(g.mla.v_head_dim));
  const double queries = is_mla ? heads * (d_n + d_r) : heads * head_dim;
  const double cache =
      is_mla ? number(g.mla.kv_lora_rank) + d_r : 2 * number(g.kv_heads) * head_dim;
  const double hidden = number(g.top_k * g.expert_ffn + g.shared_ffn);
  const bool trimmed = g.window > 0 && !s.engine.full_window_cache;
  const double cached = trimmed ? std::min(number(g.window), all) : all;
  double scratch = 0;
  if (!s.engine.flash)
    scratch += std::max(tokens * prompt, batch * all) * heads * p.activation_bytes;
  if (!is_mla && s.engine.query_heads)
    scratch += batch * cached * 2 * heads * head_dim * p.kv_bytes;
  if (is_mla && !s.engine.mla_expanded) scratch += batch * prompt * expanded * p.activation_bytes;
  return {tokens * std::max(queries + cache, (g.ffn == FfnKind::gated ? 2 : 1) * hidden), scratch};
}
/// Of a model of these groups: each part takes the widest of them, which need not be the same.
double workspace_of(const Pair& p, const std::vector<const Layers*>& groups) {
  double elements = 0, scratch = 0;
  for (const Layers* g : groups) {
    const Workspace w = workspace_of(*g, p.s);
    elements = std::max(elements, w.elements);
    scratch = std::max(scratch, w.scratch);
  }
  const double width = static_cast<double>(p.a.width) * largest_pass(p.s);
  const double logits = p.s.engine.lm_head ? static_cast<double>(p.s.workload.batch * p.a.vocab) *
                                                 p.s.precision.activation_bytes
                                           : 0.0;
  return std::max(logits, (width + elements) * p.s.precision.activation_bytes + scratch);
}

TEST(Groups, CostsAddUpAndTheHeadAndTheTablesComeOnce) {
  Random random(22);
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    const Pair p = random_pair(random);
    const auto a = quantities(p.first, p.s), b = quantities(p.second, p.s),
               both = quantities(p.both, p.s);
    const auto near = [](double expected, double actual, double scale, const char* what) {
      EXPECT_NEAR(expected, actual, 1e-14 * scale) << what;
    };
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto of = [&](const Quantities& q) {
        return phase == Phase::prefill ? q.prefill : q.decode;
      };
      const auto head = head_time(p.both.width(), p.both.tables.vocab, p.s, phase);
      const double fixed = p.s.rates.pass_overhead_s * passes(p.s, phase);
      const double scale = of(a).seconds + of(b).seconds;
      near(of(a).seconds + of(b).seconds - head.seconds - fixed, of(both).seconds, scale,
           "seconds");
      near(of(a).compute_bound_s + of(b).compute_bound_s - head.compute_bound_s,
           of(both).compute_bound_s, scale, "compute-bound part");
      near(
          of(a).bandwidth_bound_s + of(b).bandwidth_bound_s - (head.seconds - head.compute_bound_s),
          of(both).bandwidth_bound_s, scale, "bandwidth-bound part");
      near(of(a).overhead_s + of(b).overhead_s - fixed, of(both).overhead_s, scale, "overhead");
      near(of(both).seconds,
           of(both).compute_bound_s + of(both).bandwidth_bound_s + of(both).overhead_s, scale,
           "sum of the parts");
    }
    const Precision& precision = p.s.precision;
    const double tables =
        p.both.width() * (static_cast<double>(p.a.vocab) *
                              (precision.head_bytes + (p.a.tied ? 0 : precision.embedding_bytes)) +
                          static_cast<double>(p.a.positions) * precision.embedding_bytes);
    near(a.memory.weights + b.memory.weights - tables, both.memory.weights, both.memory.weights,
         "weights");
    near(a.memory.kv + b.memory.kv, both.memory.kv, both.memory.kv, "KV cache");
    const auto near_workspace = [&](const Quantities& q, const std::vector<const Layers*>& groups) {
      const double expected = workspace_of(p, groups);
      near(expected, q.memory.workspace, expected, "workspace");
    };
    near_workspace(a, {&p.a});
    near_workspace(b, {&p.b});
    near_workspace(both, {&p.a, &p.b});
  }
}

TEST(Groups, TheirOrderDoesNotMatter) {
  const Law law = testing::published_law();
  Random random(23);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const Pair p = random_pair(random);
    Continuous swapped = p.both;
    std::swap(swapped.groups[0], swapped.groups[1]);
    expect_same(quantities(p.both, p.s), quantities(swapped, p.s));
    const auto point = law_point(p.both), other_way = law_point(swapped);
    EXPECT_EQ(loss(law, loss_terms(law, point), 0.0), loss(law, loss_terms(law, other_way), 0.0));
  }
}

/// Of all kinds of layers, those without an opinion of the law among them.
TEST(Groups, OfAllKindsInAnyOrderCostTheSame) {
  Random random(28);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const Scenario s = testing::scenario_from(testing::random_case(random, 3000));
    const Continuous a =
        lift(testing::architecture_from(testing::random_layered_architecture(random)));
    Continuous shuffled = a;
    random.shuffle(shuffled.groups);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto one = time_of(a, s, phase), other = time_of(shuffled, s, phase);
      EXPECT_NEAR(one.seconds, other.seconds, 3e-15 * one.seconds);
      EXPECT_NEAR(one.compute_bound_s, other.compute_bound_s, 3e-15 * one.seconds);
      EXPECT_NEAR(one.bandwidth_bound_s, other.bandwidth_bound_s, 3e-15 * one.seconds);
      EXPECT_NEAR(one.overhead_s, other.overhead_s, 3e-15 * one.seconds);
      EXPECT_NEAR(one.seconds, one.compute_bound_s + one.bandwidth_bound_s + one.overhead_s,
                  3e-15 * one.seconds);
    }
    const auto one = memory(a, s), other = memory(shuffled, s);
    expect_equal(one.weights, other.weights, "weights", 2 * one.weights);
    expect_equal(one.kv, other.kv, "KV cache", 2 * one.kv);
    EXPECT_EQ(one.workspace, other.workspace);
    EXPECT_EQ(parameters(a).total, parameters(shuffled).total);
    EXPECT_EQ(parameters(a).active, parameters(shuffled).active);
  }
}

// 2 dense gated layers with 4 heads of 64, 2 of them KV heads, and a window of 10 tokens; 3 plain
// layers with 8 heads, one KV head, 2 of 8 experts and a shared one.
Architecture worked_by_hand() {
  Architecture a;
  a.layers = 2, a.heads = 4, a.head_dim = 64, a.kv_heads = 2, a.window = 10;
  a.expert_ffn = 1000;
  a.width = 256, a.vocab = 5000, a.tied = false, a.positions = 700;
  Layers second;
  second.layers = 3, second.heads = 8, second.head_dim = 64, second.kv_heads = 1;
  second.ffn = FfnKind::plain;
  second.expert_ffn = 300, second.experts = 8, second.top_k = 2, second.shared_ffn = 100;
  a.further = {second};
  return a;
}
Scenario worked_by_hand_scenario() {
  Scenario s;
  s.workload = {.id = "", .batch = 2, .input_tokens = 30, .output_tokens = 12};
  s.precision.attention_weight_bytes = 0.5;
  s.precision.ffn_weight_bytes = 0.25;
  s.precision.activation_bytes = s.precision.input_bytes = 2;
  s.precision.kv_bytes = 1;
  s.precision.head_bytes = 4;
  s.precision.embedding_bytes = 8;
  return s;
}

TEST(Groups, WorkedByHand) {
  const Continuous a = lift(worked_by_hand());
  const auto point = law_point(a);
  EXPECT_EQ(5, point.layers);
  EXPECT_EQ(5, depth(worked_by_hand()));
  EXPECT_EQ(256, point.width);
  // Hidden units a token activates: 1000, and 2 * 300 + 100; stored 1000, and 8 * 300 + 100.
  const double active = 2 * 1000 * 3 + 3 * 700 * 2, stored = 2 * 1000 * 3 + 3 * 2500 * 2;
  EXPECT_DOUBLE_EQ(active / (3 * 5 * 256), point.ffn_ratio);
  EXPECT_DOUBLE_EQ(active / stored, point.activation_rate);
  EXPECT_DOUBLE_EQ((2 * 128 + 3 * 64) / 5.0, point.kv_dim);  // whatever the window

  const double attention =
      2 * (256.0 * (256 + 256) + 256 * 256) + 3 * (256.0 * (512 + 128) + 512 * 256);
  const double router = 3 * 256.0 * 8;
  const double tables = 2 * 5000.0 * 256 + 700.0 * 256;
  const auto [all, of_a_token] = parameters(a);
  EXPECT_EQ(attention + 256 * stored + router + tables, all);
  EXPECT_EQ(attention + 256 * active + router + tables, of_a_token);

  Scenario s = worked_by_hand_scenario();
  const auto bytes = memory(a, s);
  const double table_bytes = 256.0 * (5000 * (4 + 8) + 700 * 8);
  EXPECT_DOUBLE_EQ(attention * 0.5 + 256 * stored * 0.25 + router * 2 + table_bytes, bytes.weights);
  // The windowed layers keep 10 tokens of 42.
  EXPECT_DOUBLE_EQ(2 * (2 * 10 * 256.0 + 3 * 42 * 128), bytes.kv);
  // The widest of queries, keys and values (512, 640) and hidden units (2 * 1000, 700).
  EXPECT_DOUBLE_EQ(2 * 30 * (256 + 2000) * 2.0, bytes.workspace);

  s.engine.full_window_cache = true;
  EXPECT_DOUBLE_EQ(2 * 42 * (2 * 256.0 + 3 * 128), memory(a, s).kv);
}

TEST(Groups, WorkspaceWorkedByHand) {
  const Continuous a = lift(worked_by_hand());
  const auto workspace = [&](auto change) {
    Scenario s = worked_by_hand_scenario();
    change(s);
    return memory(a, s).workspace;
  };
  // A pass of 7 of the 30 tokens of each sequence.
  EXPECT_DOUBLE_EQ(2 * 7 * 2256 * 2.0, workspace([](Scenario& s) { s.engine.prefill_chunk = 7; }));
  // A token of each sequence: less than their logits, unless there are none.
  const auto one = [](Scenario& s) { s.engine.prefill_chunk = 1; };
  EXPECT_DOUBLE_EQ(2 * 5000 * 2.0, workspace(one));
  EXPECT_DOUBLE_EQ(2 * 2256 * 2.0, workspace([&](Scenario& s) {
                     one(s);
                     s.engine.lm_head = false;
                   }));
  // Without a prompt, too, there is a token of each sequence.
  EXPECT_DOUBLE_EQ(2 * 2256 * 2.0, workspace([&](Scenario& s) {
                     s.workload.input_tokens = 0;
                     s.engine.lm_head = false;
                   }));
  // Scores of 8 heads: 60 new tokens against 30, or 2 new tokens against 42.
  EXPECT_DOUBLE_EQ(2 * 30 * 2256 * 2.0 + 60 * 30 * 8 * 2.0,
                   workspace([](Scenario& s) { s.engine.flash = false; }));
  EXPECT_DOUBLE_EQ(2 * 2256 * 2.0 + 2 * 42 * 8 * 2.0, workspace([&](Scenario& s) {
                     one(s);
                     s.engine.flash = false;
                     s.engine.lm_head = false;
                   }));
  // A copy for 8 heads of 42 tokens is larger than one for 4 heads of 10.
  EXPECT_DOUBLE_EQ(2 * 30 * 2256 * 2.0 + 2 * 42 * 2 * 8 * 64 * 1.0,
                   workspace([](Scenario& s) { s.engine.query_heads = true; }));
}

// 4 layers of latent attention without FFN, 5 recurrent ones with a plain FFN, 6 of an FFN alone.
TEST(Groups, OfOtherMixersWorkedByHand) {
  Architecture a;
  a.width = 100, a.vocab = 10;
  a.layers = 4, a.attention = AttentionKind::mla, a.heads = 3, a.ffn = FfnKind::none;
  a.mla = {.kv_lora_rank = 20,
           .q_lora_rank = 30,
           .qk_nope_head_dim = 5,
           .qk_rope_head_dim = 2,
           .v_head_dim = 6};
  Layers recurrent;
  recurrent.layers = 5, recurrent.attention = AttentionKind::recurrent;
  recurrent.recurrent = {
      .mixer_weights = 4000, .mixer_width = 900, .state_elements = 77, .state_flops = 500};
  recurrent.ffn = FfnKind::plain, recurrent.expert_ffn = 400;
  Layers alone;
  alone.layers = 6, alone.attention = AttentionKind::none, alone.expert_ffn = 250;
  a.further = {recurrent, alone};
  ASSERT_FALSE(find_fault(a));
  EXPECT_FALSE(law_has_opinion(a));

  const double mla = 100 * 30 + 30 * 21 + 100 * 22 + 20 * 3 * 11 + 18 * 100;
  const double mixers = 4 * mla + 5 * 4000;
  const double hidden = 100 * (5 * 2 * 400 + 6 * 3 * 250);
  const Continuous x = lift(a);
  EXPECT_EQ(mixers + hidden + 1000, parameters(x).total);
  EXPECT_EQ(mixers + hidden + 1000, parameters(x).active);

  Scenario s = worked_by_hand_scenario();
  auto bytes = memory(x, s);
  EXPECT_DOUBLE_EQ(mixers * 0.5 + hidden * 0.25 + 1000 * 4, bytes.weights);
  // Latents of 42 tokens; a state of each sequence, stored as activations.
  EXPECT_DOUBLE_EQ(2 * (4 * 42 * 22 * 1.0 + 5 * 77 * 2.0), bytes.kv);
  // The inner width is the widest; the prompt's keys and values are decompressed.
  EXPECT_DOUBLE_EQ(60 * (100 + 900) * 2.0 + 2 * 30 * 39 * 2.0, bytes.workspace);
  s.engine.mla_expanded = true;
  bytes = memory(x, s);
  EXPECT_DOUBLE_EQ(2 * (4 * 42 * 39 * 1.0 + 5 * 77 * 2.0), bytes.kv);
  EXPECT_DOUBLE_EQ(60 * (100 + 900) * 2.0, bytes.workspace);
}

TEST(Groups, CostsAreTheTimesAndTheMemory) {
  Random random(24);
  for (int i = 0; i < 200; ++i) {
    const Pair p = random_pair(random);
    const auto c = costs(p.both, p.s);
    EXPECT_EQ(time_of(p.both, p.s, Phase::prefill).seconds, c.prefill_s);
    EXPECT_EQ(time_of(p.both, p.s, Phase::decode).seconds, c.decode_s);
    EXPECT_EQ(memory(p.both, p.s).total(), c.memory_bytes);
    const auto& [weights, kv, workspace] = memory(p.both, p.s);
    EXPECT_EQ((weights + kv) + workspace, c.memory_bytes);
  }
}

using Dual = Eigen::AutoDiffScalar<Eigen::Matrix<double, 3, 1>>;

TEST(Groups, DerivativesInLayersAndWidthAreThoseOfDifferences) {
  const Law law = testing::published_law();
  Random random(25);
  int smooth = 0;
  for (int i = 0; i < 400 && !::testing::Test::HasFailure(); ++i) {
    const Pair p = random_pair(random);
    // Layers of both groups, and the width.
    const auto at = [&](const Eigen::Vector3d& x) {
      Continuous a = p.both;
      for (std::size_t g = 0; g < 2; ++g) {
        a.groups[g].layers = x[static_cast<int>(g)];
        a.groups[g].attention.width = a.groups[g].ffn.width = x[2];
      }
      const auto c = costs(a, p.s);
      return Eigen::Vector4d(c.prefill_s, c.decode_s, c.memory_bytes,
                             loss(law, loss_terms(law, law_point(a)), 0.0));
    };
    auto dual = lift<Dual>(p.both);
    for (std::size_t g = 0; g < 2; ++g) {
      auto& group = dual.groups[g];
      group.layers = Dual(group.layers.value(), 3, static_cast<int>(g));
      group.attention.width = group.ffn.width = Dual(p.both.width(), 3, 2);
    }
    const auto c = costs(dual, p.s);
    const Dual results[] = {c.prefill_s, c.decode_s, c.memory_bytes,
                            loss<Dual>(law, loss_terms(law, law_point(dual)), 0.0)};
    const Eigen::Vector3d x(p.both.groups[0].layers, p.both.groups[1].layers, p.both.width());
    const Eigen::Vector4d middle = at(x);
    for (int axis = 0; axis < 3; ++axis) {
      const double step = 1e-5 * x[axis];
      const Eigen::Vector4d low = at(x - step * Eigen::Vector3d::Unit(axis));
      const Eigen::Vector4d high = at(x + step * Eigen::Vector3d::Unit(axis));
      for (int k = 0; k < 4; ++k) {
        ASSERT_EQ(middle[k], results[k].value());
        if (middle[k] == 0.0) continue;
        // In units of the value, so that rounding is 1e-16 / 1e-5.
        const double left = (middle[k] - low[k]) / (1e-5 * middle[k]);
        const double right = (high[k] - middle[k]) / (1e-5 * middle[k]);
        // A bound that changes within the step has two slopes; such points are left out.
        if (std::abs(left - right) > 1e-4) continue;
        ++smooth;
        EXPECT_NEAR(0.5 * (left + right), results[k].derivatives()[axis] * x[axis] / middle[k],
                    1e-8 + 0.5 * std::abs(left - right))
            << "result " << k << ", axis " << axis;
      }
    }
  }
  EXPECT_GT(smooth, 4000);  // of 4800, less the phases that a workload does not have
}

TEST(Lift, KeepsEverySizeAndVariesNone) {
  Random random(26);
  for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
    const Pair p = random_pair(random);
    const auto lifted = lift<Dual>(p.both);
    const auto c = costs(lifted, p.s);
    const auto expected = costs(p.both, p.s);
    EXPECT_EQ(expected.prefill_s, c.prefill_s.value());
    EXPECT_EQ(expected.decode_s, c.decode_s.value());
    EXPECT_EQ(expected.memory_bytes, c.memory_bytes.value());
    EXPECT_EQ(Eigen::Vector3d::Zero(), c.prefill_s.derivatives());
    EXPECT_EQ(Eigen::Vector3d::Zero(), c.decode_s.derivatives());
    EXPECT_EQ(Eigen::Vector3d::Zero(), c.memory_bytes.derivatives());
  }
}

}  // namespace
}  // namespace rooflaw::model
