// The same templates with derivatives: values are those of the doubles, slopes those of
// differences.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "rooflaw/model/continuous.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using ByAxis = Eigen::AutoDiffScalar<Eigen::Matrix<double, 5, 1>>;

/// The axes derived by: width, heads, KV width (kv_heads or kv_lora_rank), expert_ffn, layers.
struct Axes {
  double width, heads, kv, expert_ffn, layers;
};

/// `a` with the five axes taken from `make(number, value)`: the width of all groups, the others of
/// the first, which has attention and an FFN.
template <class T, class Make>
ContinuousArchitecture<T> at_axes(const Architecture& a, const Axes& x, Make make) {
  auto moved = lift<T>(lift(a));
  for (auto& group : moved.groups) group.attention.width = group.ffn.width = make(0, x.width);
  auto& [layers, attention, ffn] = moved.groups.front();
  attention.heads = make(1, x.heads);
  (a.attention == AttentionKind::gqa ? attention.kv_heads : attention.kv_lora_rank) = make(2, x.kv);
  ffn.expert_ffn = make(3, x.expert_ffn);
  layers = make(4, x.layers);
  return moved;
}

ByAxis dual(int axis, double value) { return ByAxis(value, 5, axis); }
double plain(int, double value) { return value; }

template <class T>
T law_loss(const ContinuousArchitecture<T>& a, const Law& law) {
  return loss<T>(law, loss_terms(law, law_point(a)), 0.0);
}

class Derivatives : public ::testing::Test {
 protected:
  /// A case with prefill and decode, now and then with groups of all kinds behind the first; axes
  /// of `a` as real numbers.
  void next() {
    testing::json c = testing::random_case(random_, 40);
    c["workload"]["input_tokens"] = random_.integer(1, 3000);
    c["workload"]["output_tokens"] = random_.integer(1, 3000);
    a_ = testing::architecture_from(c.at("architecture"));
    a_.expert_ffn = std::max<std::int64_t>(a_.expert_ffn, 1);
    if (random_.chance(0.5)) {
      const auto more = testing::architecture_from(testing::random_layered_architecture(random_));
      a_.further = more.further;
      a_.further.push_back(more);
    }
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
    const auto duals = at_axes<ByAxis>(a_, x_, dual);
    const auto doubles = at_axes<double>(a_, x_, plain);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto expected = time_of(doubles, s_, phase);
      const auto actual = time_of(duals, s_, phase);
      EXPECT_EQ(expected.seconds, actual.seconds.value());
      EXPECT_EQ(expected.compute_bound_s, actual.compute_bound_s.value());
      EXPECT_EQ(expected.bandwidth_bound_s, actual.bandwidth_bound_s.value());
      EXPECT_EQ(expected.overhead_s, actual.overhead_s.value());
    }
    EXPECT_EQ(law_loss(doubles, law), law_loss(duals, law).value());
    const auto expected = memory(doubles, s_);
    const auto actual = memory(duals, s_);
    EXPECT_EQ(expected.weights, actual.weights.value());
    EXPECT_EQ(expected.kv, actual.kv.value());
    EXPECT_EQ(expected.workspace, actual.workspace.value());
    EXPECT_EQ(expected.total(), costs(duals, s_).memory_bytes.value());
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
      const auto moved = at_axes<double>(a_, x, plain);
      if (what == 2) return law_loss(moved, law);
      if (what == 3) return memory(moved, s_).total();
      return time_of(moved, s_, what == 0 ? Phase::prefill : Phase::decode).seconds;
    };
    const auto duals = at_axes<ByAxis>(a_, x_, dual);
    const ByAxis results[] = {time_of(duals, s_, Phase::prefill).seconds,
                              time_of(duals, s_, Phase::decode).seconds, law_loss(duals, law),
                              memory(duals, s_).total()};
    for (int what = 0; what < 4; ++what) {
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
  EXPECT_GT(smooth, 5300);  // of 6000
}

/// Expected distinct experts as a function of experts and top_k.
ByAxis distinct(double experts, double top_k, double tokens) {
  return distinct_experts(dual(0, experts), dual(1, top_k), tokens);
}

TEST(DistinctExpertsDerivatives, AreThoseOfDifferences) {
  Random random(6);
  for (int i = 0; i < 2000 && !::testing::Test::HasFailure(); ++i) {
    const double experts = random.log_real(1.5, 512);
    const double top_k = random.real(0.5, 0.95 * experts);
    const double tokens = std::round(random.log_real(2, 5000));
    const ByAxis n = distinct(experts, top_k, tokens);
    EXPECT_EQ(distinct_experts(experts, top_k, tokens), n.value());
    const double step = 1e-5;
    const auto at = [&](double e, double k) { return distinct_experts(e, k, tokens); };
    const double by_experts =
        (at(experts * (1 + step), top_k) - at(experts * (1 - step), top_k)) / (2 * step * experts);
    const double by_top_k =
        (at(experts, top_k * (1 + step)) - at(experts, top_k * (1 - step))) / (2 * step * top_k);
    EXPECT_NEAR(by_experts, n.derivatives()[0], 1e-6 * std::abs(by_experts) + 1e-10);
    EXPECT_NEAR(by_top_k, n.derivatives()[1], 1e-6 * std::abs(by_top_k) + 1e-10 * experts / top_k);
    EXPECT_EQ(0.0, n.derivatives()[2]);
  }
}

TEST(DistinctExpertsDerivatives, OfADenseLayerThereAreNone) {
  for (const double tokens : {1.0, 2.0, 1000.0}) {
    const ByAxis one = distinct(1, 1, tokens);
    EXPECT_EQ(1.0, one.value());
    EXPECT_EQ((Eigen::Matrix<double, 5, 1>::Zero()), one.derivatives());
  }
}

TEST(DistinctExpertsDerivatives, OneTokenMeetsExactlyTopK) {
  for (const double experts : {2.0, 7.5, 256.0})
    for (const double top_k : {1.0, 1.75, 2.0}) {
      const ByAxis n = distinct(experts, top_k, 1);
      EXPECT_EQ(top_k, n.value());
      EXPECT_EQ((Eigen::Matrix<double, 5, 1>::Unit(1)), n.derivatives());
    }
}

// E(1 - (1 - K/E)^T) at K = E: one expert more is met, too, whatever the tokens.
TEST(DistinctExpertsDerivatives, OfAllExperts) {
  for (const double tokens : {2.0, 1000.0}) {
    const ByAxis all = distinct(8, 8, tokens);
    EXPECT_EQ(8.0, all.value());
    EXPECT_EQ((Eigen::Matrix<double, 5, 1>::Unit(0)), all.derivatives());
  }
}

}  // namespace
}  // namespace rooflaw::model
