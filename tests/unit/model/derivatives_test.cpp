// The same templates with derivatives: values are those of the doubles, slopes those of
// differences.

#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/model/law.hpp"
#include "rooflaw/model/memory.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using Dual = Eigen::AutoDiffScalar<Eigen::Matrix<double, 5, 1>>;

/// The axes derived by: width, heads, KV width (kv_heads or kv_lora_rank), expert_ffn, layers.
struct Axes {
  double width, heads, kv, expert_ffn, layers;
};

template <class T>
struct Blocks {
  AttentionShape<T> attention;
  FfnShape<T> ffn;
  T layers;
};

/// The blocks of `a` with the five axes taken from `make(number, value)`.
template <class T, class Make>
Blocks<T> blocks(const Architecture& a, const Axes& x, Make make) {
  const auto attention = attention_shape(a);
  const auto ffn = ffn_shape(a);
  const T none = make(-1, 0.0);
  Blocks<T> b;
  b.attention = {.kind = a.attention,
                 .width = make(0, x.width),
                 .heads = make(1, x.heads),
                 .kv_heads = a.attention == AttentionKind::gqa ? make(2, x.kv) : none,
                 .kv_lora_rank = a.attention == AttentionKind::mla ? make(2, x.kv) : none,
                 .head_dim = attention.head_dim,
                 .q_lora_rank = attention.q_lora_rank,
                 .qk_nope_head_dim = attention.qk_nope_head_dim,
                 .qk_rope_head_dim = attention.qk_rope_head_dim,
                 .v_head_dim = attention.v_head_dim};
  b.ffn = {.kind = a.ffn,
           .width = make(0, x.width),
           .expert_ffn = make(3, x.expert_ffn),
           .experts = make(-1, ffn.experts),
           .top_k = make(-1, ffn.top_k),
           .shared_ffn = make(-1, ffn.shared_ffn),
           .routed = make(-1, ffn.routed),
           .has_shared = make(-1, ffn.has_shared),
           .sparsity = ffn.sparsity};
  b.layers = make(4, x.layers);
  return b;
}

Dual dual(int axis, double value) {
  return axis < 0 ? Dual(value, Eigen::Matrix<double, 5, 1>::Zero()) : Dual(value, 5, axis);
}
double plain(int, double value) { return value; }

template <class T>
T phase_seconds(const Blocks<T>& b, const Scenario& s, Phase phase) {
  const double tokens = first_pass(s, phase).tokens;
  const T distinct =
      0.0 * b.layers + distinct_experts(value(b.ffn.experts), value(b.ffn.top_k), tokens);
  const T attention = attention_time<T>(b.attention, s, phase).seconds;
  const T ffn =
      ffn_time<T>(b.ffn, distinct, down_rows_read(b.ffn.sparsity, tokens), s, phase).seconds;
  const T head = head_time<T>(b.attention.width, 32000, s, phase).seconds;
  return phase_time<T>(b.layers, layer_time<T>(attention, ffn, layer_overhead(s, phase)), head);
}

template <class T>
T law_loss(const Blocks<T>& b, const Law& law) {
  const LawPoint<T> point{b.layers, b.attention.width, b.ffn.ffn_ratio(), b.ffn.activation_rate(),
                          b.attention.kv_dim()};
  return loss<T>(law, loss_terms<T>(law, point), 0.0);
}

class Derivatives : public ::testing::Test {
 protected:
  /// A case with prefill and decode; axes of `a` as real numbers.
  void next() {
    testing::json c = testing::random_case(random_, 40);
    c["workload"]["input_tokens"] = random_.integer(1, 3000);
    c["workload"]["output_tokens"] = random_.integer(1, 3000);
    a_ = testing::architecture_from(c.at("architecture"));
    a_.expert_ffn = std::max<std::int64_t>(a_.expert_ffn, 1);
    s_ = testing::scenario_from(c);
    x_ = {
        static_cast<double>(a_.width), static_cast<double>(a_.heads),
        static_cast<double>(a_.attention == AttentionKind::gqa ? a_.kv_heads : a_.mla.kv_lora_rank),
        static_cast<double>(a_.expert_ffn), static_cast<double>(a_.layers)};
  }
  Random random_{5};
  Architecture a_;
  Scenario s_;
  Axes x_{};
};

TEST_F(Derivatives, ValuesAreThoseOfTheDoubles) {
  const Law law = testing::published_law();
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    next();
    const auto duals = blocks<Dual>(a_, x_, dual);
    const auto doubles = blocks<double>(a_, x_, plain);
    for (const Phase phase : {Phase::prefill, Phase::decode})
      EXPECT_EQ(phase_seconds(doubles, s_, phase), phase_seconds(duals, s_, phase).value());
    EXPECT_EQ(law_loss(doubles, law), law_loss(duals, law).value());
    EXPECT_EQ(kv_cache_bytes(doubles.attention, s_), kv_cache_bytes(duals.attention, s_).value());
    EXPECT_EQ(ffn_weight_bytes(doubles.ffn, s_.precision),
              ffn_weight_bytes(duals.ffn, s_.precision).value());
  }
}

TEST_F(Derivatives, SlopesAreThoseOfDifferences) {
  const Law law = testing::published_law();
  double Axes::*const axes[] = {&Axes::width, &Axes::heads, &Axes::kv, &Axes::expert_ffn,
                                &Axes::layers};
  int smooth = 0;
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    next();
    const auto at = [&](const Axes& x, int what) {
      const auto b = blocks<double>(a_, x, plain);
      if (what == 2) return law_loss(b, law);
      return phase_seconds(b, s_, what == 0 ? Phase::prefill : Phase::decode);
    };
    const auto duals = blocks<Dual>(a_, x_, dual);
    const Dual results[] = {phase_seconds(duals, s_, Phase::prefill),
                            phase_seconds(duals, s_, Phase::decode), law_loss(duals, law)};
    for (int what = 0; what < 3; ++what) {
      for (int axis = 0; axis < 5; ++axis) {
        Axes low = x_, high = x_;
        const double step = 1e-5 * x_.*axes[axis];
        low.*axes[axis] -= step;
        high.*axes[axis] += step;
        const double middle = at(x_, what);
        const double left = (middle - at(low, what)) / step;
        const double right = (at(high, what) - middle) / step;
        const double noise = 1e-9 * middle / step;
        // A bound that changes within the step has two slopes; such points are left out.
        if (std::abs(left - right) > 1e-3 * std::abs(left) + noise) continue;
        ++smooth;
        EXPECT_NEAR(0.5 * (left + right), results[what].derivatives()[axis],
                    2e-3 * std::abs(left) + noise)
            << "result " << what << ", axis " << axis;
      }
    }
  }
  EXPECT_GT(smooth, 4000);  // of 4500
}

}  // namespace
}  // namespace rooflaw::model
