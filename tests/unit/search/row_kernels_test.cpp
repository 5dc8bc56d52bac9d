// The inner loops of the scan, in the instruction set chosen for this processor, against loops
// written out one number at a time: the same bits, whatever the length of the row.

#include "search/score/row_kernels.hpp"

#include <algorithm>
#include <bit>

#include <gtest/gtest.h>

#include "rooflaw/search/exact/slack.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

using Column = std::vector<double>;

/// Of sizes where a sum rounds nearly always.
Column random_column(Random& random, std::size_t size) {
  Column column(size);
  for (double& x : column) x = random.log_real(1e-4, 1.0);
  return column;
}

std::vector<std::uint64_t> bits(const Column& column) {
  std::vector<std::uint64_t> list;
  for (const double x : column) list.push_back(std::bit_cast<std::uint64_t>(x));
  return list;
}

class RowKernels : public ::testing::Test {
 protected:
  Random random_{701};
  std::size_t size_ = 0;

  /// Runs a test at all lengths that are no, one or several vectors of any instruction set, and
  /// every number left over.
  template <class Test>
  void at_every_length(const Test& test) {
    constexpr std::size_t longest = 35;
    for (size_ = 1; size_ <= longest && !HasFailure(); ++size_) {
      SCOPED_TRACE(size_);
      test();
    }
  }
  Column column() { return random_column(random_, size_); }
  double number() { return random_.log_real(1e-4, 1.0); }
  template <class Function>
  Column each(const Function& f) const {
    Column values(size_);
    for (std::size_t i = 0; i < size_; ++i) values[i] = f(i);
    return values;
  }
};

TEST_F(RowKernels, Loss) {
  at_every_length([&] {
    const Column ffn = column();
    const double kv = number(), depth = number();
    Column loss(size_);
    search::row_loss(size_, ffn.data(), kv, depth, loss.data());
    EXPECT_EQ(bits(each([&](std::size_t i) { return (ffn[i] + kv) + depth; })), bits(loss));
  });
}

TEST_F(RowKernels, LatencyAndMemory) {
  at_every_length([&] {
    const search::FfnParts::PerDeployment ffn{
        .prefill_s = column(), .decode_s = column(), .weight_bytes = column()};
    const search::WidthPart width{.prefill_fixed_s = number(),
                                  .decode_fixed_s = number(),
                                  .prefill_overhead_s = number(),
                                  .decode_overhead_s = number(),
                                  .table_bytes = number(),
                                  .logit_bytes = 10.0 * number(),
                                  .activation_bytes = number()};
    const auto part = [&] {
      return search::AttentionPart{.prefill_s = number(),
                                   .decode_s = number(),
                                   .weight_bytes = number(),
                                   .kv_bytes = number(),
                                   .scratch_bytes = number()};
    };
    const search::AttentionParts attention{.global = part(), .windowed = part()};
    const bool windows = random_.chance(0.5);
    const search::LayerSplit layers{static_cast<double>(random_.integer(1, 128)),
                                    windows ? static_cast<double>(random_.integer(1, 128)) : 0.0};
    const Column activations = column();
    const search::RowView row{.size = size_,
                              .layers = layers,
                              .width = number(),
                              .attention_activations = number(),
                              .width_part = &width,
                              .attention = &attention,
                              .ffn = &ffn,
                              .ffn_activations = activations.data()};

    Column prefill(size_), decode(size_), memory(size_);
    search::row_latency(row, prefill.data(), decode.data());
    const auto& [global, windowed] = attention;
    const auto over_layers = [&](double x, double y) {
      return windows ? layers.global * x + layers.windowed * y : layers.global * x;
    };
    EXPECT_EQ(bits(each([&](std::size_t i) {
                return over_layers(
                           (global.prefill_s + ffn.prefill_s[i]) + width.prefill_overhead_s,
                           (windowed.prefill_s + ffn.prefill_s[i]) + width.prefill_overhead_s) +
                       width.prefill_fixed_s;
              })),
              bits(prefill));
    EXPECT_EQ(bits(each([&](std::size_t i) {
                return over_layers(
                           (global.decode_s + ffn.decode_s[i]) + width.decode_overhead_s,
                           (windowed.decode_s + ffn.decode_s[i]) + width.decode_overhead_s) +
                       width.decode_fixed_s;
              })),
              bits(decode));

    search::row_memory(row, memory.data());
    EXPECT_EQ(bits(each([&](std::size_t i) {
                const double weights = over_layers(global.weight_bytes + ffn.weight_bytes[i],
                                                   windowed.weight_bytes + ffn.weight_bytes[i]) +
                                       width.table_bytes;
                const double kv = over_layers(global.kv_bytes, windowed.kv_bytes);
                const double widest = std::max(row.attention_activations, activations[i]);
                const double scratch = std::max(global.scratch_bytes, windowed.scratch_bytes);
                const double layer = width.activation_bytes * (row.width + widest) + scratch;
                return weights + kv + std::max(layer, width.logit_bytes);
              })),
              bits(memory));
  });
}

TEST_F(RowKernels, Objective) {
  at_every_length([&] {
    const Column prefill = column(), decode = column();
    for (const double per : {1.0, 16.0, 7.0}) {
      const model::Weights weights{
          .prefill = number(), .decode = number(), .memory = 0, .per = per};
      Column value(size_);
      search::row_objective(size_, weights, prefill.data(), decode.data(), value.data());
      EXPECT_EQ(bits(each([&](std::size_t i) {
                  return (weights.prefill * prefill[i] + weights.decode * decode[i]) / per;
                })),
                bits(value));
    }
  });
}

TEST_F(RowKernels, WithinABound) {
  at_every_length([&] {
    const Column value = column();
    const double bound = value[size_ / 2];
    std::vector<std::int64_t> feasible(size_), expected(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      feasible[i] = random_.chance(0.7) ? -1 : 0;
      expected[i] = feasible[i] != 0 && value[i] <= bound ? -1 : 0;
    }
    search::row_within(size_, value.data(), bound, feasible.data());
    EXPECT_EQ(expected, feasible);
  });
}

TEST_F(RowKernels, Candidates) {
  at_every_length([&] {
    const Column latency = column(), loss = column();
    search::KnownLosses known;
    for (int i = 0; i < 20; ++i) known.add(search::LossBound::bin(number()), number());
    for (const double delta : {0.0, 0.01, 10.0}) {
      std::vector<std::int64_t> candidate(size_), expected(size_);
      bool any = false;
      for (std::size_t i = 0; i < size_; ++i) {
        const bool open = known.bins()[search::DominanceBins::bin(latency[i])] > loss[i] + delta;
        expected[i] = open ? -1 : 0;
        any = any || open;
      }
      EXPECT_EQ(any, search::row_candidates(size_, known.bins(), latency.data(), loss.data(), delta,
                                            candidate.data()));
      EXPECT_EQ(expected, candidate);
    }
  });
}

TEST_F(RowKernels, Slack) {
  at_every_length([&] {
    search::Frontier frontier;
    for (std::int64_t i = 0; i < 20; ++i) frontier.insert({number(), number(), i});
    const search::LossBound of_points(frontier.points());
    search::KnownLosses known;
    for (const auto& p : frontier.points()) known.add(search::LossBound::bin(p.latency_s), p.loss);
    const search::LossBound& bound = random_.chance(0.5) ? of_points : known.bound();
    const Column layers = column(), loss = column();
    const double layer = number(), head = number();
    Column value(size_);
    search::slack_values(size_, layers.data(), loss.data(), layer, head, bound, value.data());
    EXPECT_EQ(bits(each([&](std::size_t i) {
                return bound.faster_than(layers[i] * layer + head) - loss[i];
              })),
              bits(value));
  });
}

}  // namespace
}  // namespace rooflaw::testing
