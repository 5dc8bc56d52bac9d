// A model of several groups of layers, and its sizes as variables.

#include "rooflaw/model/continuous.hpp"

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

void expect_close(double expected, double actual, const char* what, double scale) {
  EXPECT_NEAR(expected, actual, 1e-15 * std::abs(scale)) << what;
}
void expect_close(double expected, double actual, const char* what) {
  expect_close(expected, actual, what, expected);
}

void expect_same(const PhaseTime<double>& a, const PhaseTime<double>& b) {
  expect_close(a.seconds, b.seconds, "seconds");
  expect_close(a.compute_bound_s, b.compute_bound_s, "compute-bound part");
  // What two larger numbers leave.
  expect_close(a.bandwidth_bound_s, b.bandwidth_bound_s, "bandwidth-bound part", 2 * a.seconds);
  expect_close(a.overhead_s, b.overhead_s, "overhead");
}

void expect_same(const Quantities& a, const Quantities& b) {
  expect_close(a.point.layers, b.point.layers, "layers");
  expect_close(a.point.width, b.point.width, "width");
  expect_close(a.point.ffn_ratio, b.point.ffn_ratio, "ffn_ratio");
  expect_close(a.point.activation_rate, b.point.activation_rate, "activation_rate");
  expect_close(a.point.kv_dim, b.point.kv_dim, "kv_dim");
  expect_close(a.loss, b.loss, "loss");
  expect_same(a.prefill, b.prefill);
  expect_same(a.decode, b.decode);
  expect_close(a.memory.weights, b.memory.weights, "weights");
  expect_close(a.memory.kv, b.memory.kv, "KV cache");
  expect_close(a.memory.workspace, b.memory.workspace, "workspace");
  expect_close(a.parameters.total, b.parameters.total, "parameters");
  expect_close(a.parameters.active, b.parameters.active, "active parameters");
}

TEST(Groups, TheSameLayersInTwoPartsAreTheSameModel) {
  Random random(21);
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    testing::json c = testing::random_case(random, 3000);
    c["architecture"]["layers"] = random.integer(2, 64);
    const Continuous whole = lift(testing::architecture_from(c.at("architecture")));
    const Scenario s = testing::scenario_from(c);
    Continuous parts = whole;
    const auto& layers = whole.groups.front().layers;
    parts.groups.push_back(whole.groups.front());
    parts.groups[0].layers = static_cast<double>(random.integer(1, static_cast<int>(layers) - 1));
    parts.groups[1].layers = layers - parts.groups[0].layers;
    SCOPED_TRACE(c.dump());
    expect_same(quantities(whole, s), quantities(parts, s));
  }
}

/// Two models of one width and vocabulary, and the model that has the layers of both.
struct Pair {
  Continuous first, second, both;
  Scenario s;
};

Pair random_pair(Random& random) {
  testing::json c = testing::random_case(random, 3000);
  Architecture a = testing::architecture_from(c.at("architecture"));
  Architecture b = testing::architecture_from(testing::random_architecture(random));
  b.width = a.width;
  b.vocab = a.vocab;
  b.tied = a.tied;
  Pair p{.first = lift(a), .second = lift(b), .both = lift(a), .s = testing::scenario_from(c)};
  p.both.groups.push_back(p.second.groups.front());
  return p;
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
      const auto head = head_time(p.both.width(), p.both.vocab, p.s, phase);
      const double scale = of(a).seconds + of(b).seconds;
      near(of(a).seconds + of(b).seconds - head.seconds, of(both).seconds, scale, "seconds");
      near(of(a).compute_bound_s + of(b).compute_bound_s - head.compute_bound_s,
           of(both).compute_bound_s, scale, "compute-bound part");
      near(
          of(a).bandwidth_bound_s + of(b).bandwidth_bound_s - (head.seconds - head.compute_bound_s),
          of(both).bandwidth_bound_s, scale, "bandwidth-bound part");
      near(of(a).overhead_s + of(b).overhead_s, of(both).overhead_s, scale, "overhead");
      near(of(both).seconds,
           of(both).compute_bound_s + of(both).bandwidth_bound_s + of(both).overhead_s, scale,
           "sum of the parts");
    }
    const double tables =
        (p.both.tied ? 1 : 2) * p.both.vocab * p.both.width() * p.s.precision.head_bytes;
    near(a.memory.weights + b.memory.weights - tables, both.memory.weights, both.memory.weights,
         "weights");
    near(a.memory.kv + b.memory.kv, both.memory.kv, both.memory.kv, "KV cache");
    EXPECT_EQ(std::max(a.memory.workspace, b.memory.workspace), both.memory.workspace);
  }
}

TEST(Groups, TheirOrderDoesNotMatter) {
  Random random(23);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    Pair p = random_pair(random);
    const auto one_way = quantities(p.both, p.s);
    std::swap(p.both.groups[0], p.both.groups[1]);
    expect_same(one_way, quantities(p.both, p.s));
  }
}

// 2 dense gated layers with 4 heads of 64, 2 of them KV heads; 3 plain layers with 8 heads, one KV
// head, 2 of 8 experts and a shared one.
Continuous worked_by_hand() {
  Continuous a = lift(Architecture{.layers = 2,
                                   .width = 256,
                                   .heads = 4,
                                   .head_dim = 64,
                                   .kv_heads = 2,
                                   .expert_ffn = 1000,
                                   .vocab = 5000,
                                   .tied = false});
  a.groups.push_back(lift(Architecture{.layers = 3,
                                       .width = 256,
                                       .heads = 8,
                                       .head_dim = 64,
                                       .kv_heads = 1,
                                       .ffn = FfnKind::plain,
                                       .expert_ffn = 300,
                                       .experts = 8,
                                       .top_k = 2,
                                       .shared_ffn = 100,
                                       .vocab = 1})
                         .groups.front());
  return a;
}

TEST(Groups, WorkedByHand) {
  const Continuous a = worked_by_hand();
  const auto point = law_point(a);
  EXPECT_EQ(5, point.layers);
  EXPECT_EQ(256, point.width);
  // Hidden units a token activates: 1000, and 2 * 300 + 100; stored 1000, and 8 * 300 + 100.
  const double active = 2 * 1000 * 3 + 3 * 700 * 2, stored = 2 * 1000 * 3 + 3 * 2500 * 2;
  EXPECT_DOUBLE_EQ(active / (3 * 5 * 256), point.ffn_ratio);
  EXPECT_DOUBLE_EQ(active / stored, point.activation_rate);
  EXPECT_DOUBLE_EQ((2 * 128 + 3 * 64) / 5.0, point.kv_dim);

  const double attention =
      2 * (256.0 * (256 + 256) + 256 * 256) + 3 * (256.0 * (512 + 128) + 512 * 256);
  const double router = 3 * 256.0 * 8;
  const double tables = 2 * 5000.0 * 256;
  const auto [all, of_a_token] = parameters(a);
  EXPECT_EQ(attention + 256 * stored + router + tables, all);
  EXPECT_EQ(attention + 256 * active + router + tables, of_a_token);

  Scenario s;
  s.workload = {.id = "", .batch = 2, .input_tokens = 30, .output_tokens = 12};
  s.precision.weight_bytes = 0.5;
  s.precision.activation_bytes = s.precision.input_bytes = 2;
  s.precision.kv_bytes = 1;
  s.precision.head_bytes = 4;
  const auto bytes = memory(a, s);
  EXPECT_DOUBLE_EQ((attention + 256 * stored) * 0.5 + router * 2 + tables * 4, bytes.weights);
  EXPECT_DOUBLE_EQ(2 * (30 + 12) * (2 * 256.0 + 3 * 128), bytes.kv);
  // The widest of queries, keys and values (512, 640) and hidden units (2 * 1000, 700).
  EXPECT_DOUBLE_EQ(2 * 30 * (256 + 2000) * 2.0, bytes.workspace);
}

TEST(Groups, CostsAreTheTimesAndTheMemory) {
  Random random(24);
  for (int i = 0; i < 200; ++i) {
    const Pair p = random_pair(random);
    const auto c = costs(p.both, p.s);
    EXPECT_EQ(time_of(p.both, p.s, Phase::prefill).seconds, c.prefill_s);
    EXPECT_EQ(time_of(p.both, p.s, Phase::decode).seconds, c.decode_s);
    EXPECT_EQ(memory(p.both, p.s).total(), c.memory_bytes);
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
