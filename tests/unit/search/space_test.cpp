// The product space: index and digits, what is an architecture, and how many there are.

#include <gtest/gtest.h>

#include "reference/reference_model.hpp"
#include "rooflaw/search/space/axes.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Axis;
using search::Digits;
using search::Index;
using search::Space;

Space small_space() {
  Space s;
  s.widths = {128, 256};
  s.head_dim = 64;
  s.attention = search::gqa_choices({1, 2});
  s.expert_ffn_ratio = {1, 2, 4};
  s.experts = {1, 8};
  s.top_k = {1, 2};
  s.layers = {4, 8, 12};
  s.vocab = 1000;
  return s;
}

TEST(Space, IndexCountsOverTheAxesLastFastest) {
  const Space s = small_space();
  EXPECT_EQ((search::Lengths{{1, 2, 2, 3, 1, 2, 2, 3}}), search::axis_lengths(s));
  EXPECT_EQ(144, search::index_count(s));
  // ffn, widths, attention, ratio, shared, experts, top_k, layers
  EXPECT_EQ(0, search::index_of(s, {{0, 0, 0, 0, 0, 0, 0, 0}}));
  EXPECT_EQ(1, search::index_of(s, {{0, 0, 0, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(3, search::index_of(s, {{0, 0, 0, 0, 0, 0, 1, 0}}));
  EXPECT_EQ(6, search::index_of(s, {{0, 0, 0, 0, 0, 1, 0, 0}}));
  EXPECT_EQ(12, search::index_of(s, {{0, 0, 0, 1, 0, 0, 0, 0}}));
  EXPECT_EQ(36, search::index_of(s, {{0, 0, 1, 0, 0, 0, 0, 0}}));
  EXPECT_EQ(72, search::index_of(s, {{0, 1, 0, 0, 0, 0, 0, 0}}));
  EXPECT_EQ(143, search::index_of(s, {{0, 1, 1, 2, 0, 1, 1, 2}}));
  EXPECT_EQ(12, search::strides_of(s)[Axis::ratio]);
}

TEST(Space, AnAttentionChoiceIsADigit) {
  Space s = small_space();
  s.ffn = {model::FfnKind::plain, model::FfnKind::gated};
  const model::MlaRanks ranks{.kv_lora_rank = 32, .qk_nope_head_dim = 32, .v_head_dim = 32};
  s.attention = search::mla_choices({ranks});
  for (const auto& choice : search::gqa_choices({2, model::all_heads}))
    s.attention.push_back(choice);
  EXPECT_EQ(2 * 2 * 3 * 36, search::index_count(s));
  const auto at = [&](std::size_t width, std::size_t attention) {
    return search::architecture_at(s, {{1, width, attention, 0, 0, 0, 0, 0}});
  };
  EXPECT_EQ(ranks, at(0, 0)->mla);
  EXPECT_EQ(0, at(0, 0)->kv_heads);
  EXPECT_EQ(0, at(0, 0)->head_dim);
  EXPECT_EQ(2, at(1, 1)->kv_heads);
  EXPECT_EQ(4, at(1, 2)->kv_heads);
  EXPECT_EQ(64, at(1, 2)->head_dim);
  EXPECT_FALSE(at(0, 2));  // two heads, which are listed
  EXPECT_EQ(model::FfnKind::gated, at(0, 0)->ffn);
  EXPECT_EQ(216 + 108 + 36, search::index_of(s, {{1, 1, 1, 0, 0, 0, 0, 0}}));
}

TEST(Space, IndexAndDigitsGoThereAndBack) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const Space s = space_from(random_space(random));
    const Index count = search::index_count(s).value();
    const search::Lengths lengths = search::axis_lengths(s);
    for (int k = 0; k < 100; ++k) {
      const Index index = random.integer(0, count - 1);
      const Digits digits = search::digits_of(s, index);
      Index sum = 0;
      const auto strides = search::strides_of(s);
      for (const Axis axis : search::all_axes) {
        ASSERT_LT(digits[axis], lengths[axis]);
        sum += strides[axis] * static_cast<Index>(digits[axis]);
      }
      ASSERT_EQ(index, search::index_of(s, digits));
      ASSERT_EQ(index, sum);
    }
  }
}

TEST(Space, ArchitecturesAreThoseOfTheReference) {
  Random random(2);
  Index seen = 0;
  for (int i = 0; i < 200 && !::testing::Test::HasFailure(); ++i) {
    const json j = random_space(random);
    const Space s = space_from(j);
    if (search::index_count(s).value() > 20000) continue;
    const auto expected = reference::enumerate(j);
    const auto actual = all_points(s);
    ASSERT_EQ(expected.size(), actual.size()) << j.dump();
    EXPECT_EQ(static_cast<Index>(expected.size()), search::valid_count(s)) << j.dump();
    for (std::size_t k = 0; k < actual.size(); ++k) {
      ASSERT_EQ(expected[k].index, actual[k].first) << j.dump();
      ASSERT_EQ(architecture_from(expected[k].architecture), actual[k].second) << j.dump();
      ASSERT_FALSE(model::find_fault(actual[k].second)) << j.dump();
    }
    seen += static_cast<Index>(actual.size());
  }
  EXPECT_GT(seen, 20000);
}

TEST(Space, CountWithinARange) {
  Random random(20);
  Index seen = 0, left_out = 0;
  for (int i = 0; i < 600; ++i) {
    Space s = space_from(random_space(random));
    if (search::index_count(s).value() > 20000) continue;
    s.within = random_range(random);
    const auto points = static_cast<Index>(all_points(s).size());
    ASSERT_EQ(points, search::count_within(s));
    seen += points;
    left_out += search::valid_count(s) - points;
  }
  EXPECT_GT(seen, 100);
  EXPECT_GT(left_out, 1000);
}

TEST(Space, OptionsAreTheValidPoints) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const Space s = space_from(random_space(random));
    std::set<Index> indices;
    const search::FfnOptions options(s);
    const auto strides = search::strides_of(s);
    for (const auto& frame : search::frames_of(s))
      for (const auto& attention : search::attention_options(s, frame.width_digit))
        for (std::size_t n = 0; n < options.size(); ++n) {
          const auto ffn = options.at(frame, n);
          if (!ffn) continue;
          for (std::size_t l = 0; l < s.layers.size(); ++l) {
            const Index index = strides[Axis::ffn] * static_cast<Index>(frame.ffn_digit) +
                                strides[Axis::width] * static_cast<Index>(frame.width_digit) +
                                attention.index + ffn->index + static_cast<Index>(l);
            ASSERT_TRUE(indices.insert(index).second);
            const auto digits = search::digits_of(s, index);
            const auto a = search::architecture_at(s, digits);
            ASSERT_TRUE(a.has_value());
            EXPECT_EQ(ffn->architecture.expert_ffn, a->expert_ffn);
            EXPECT_EQ(ffn->architecture.shared_ffn, a->shared_ffn);
            EXPECT_EQ(ffn->architecture.experts, a->experts);
            EXPECT_EQ(ffn->architecture.top_k, a->top_k);
            EXPECT_EQ(attention.kind, a->attention);
            EXPECT_EQ(attention.heads, a->heads);
            EXPECT_EQ(attention.kv_heads, a->kv_heads);
            const auto same = search::ffn_option(s, digits);
            ASSERT_TRUE(same.has_value());
            EXPECT_EQ(ffn->index, same->index);
            EXPECT_EQ(ffn->architecture, same->architecture);
          }
        }
    EXPECT_EQ(search::valid_count(s), static_cast<Index>(indices.size()));
  }
}

TEST(Space, RulesOfTheContractOneByOne) {
  const auto valid = [](const Space& s) { return search::valid_count(s); };
  Space s = small_space();
  EXPECT_EQ(2 * 2 * 3 * 3 * 3, valid(s));  // of experts x top_k (1,1), (8,1), (8,2)
  s.widths.push_back(100);                 // not a multiple of head_dim
  EXPECT_EQ(108, valid(s));
  const auto add_kv_heads = [&](std::int64_t n) {
    s.attention.push_back({.kind = model::AttentionKind::gqa, .kv_heads = n});
  };
  add_kv_heads(3);  // divides neither 2 nor 4 heads
  EXPECT_EQ(108, valid(s));
  add_kv_heads(4);  // too many for 2 heads
  EXPECT_EQ(108 + 27, valid(s));
  add_kv_heads(model::all_heads);  // 2 and 4 are listed
  EXPECT_EQ(108 + 27, valid(s));
  s.experts = {1, 2};  // top_k = 2 needs more than 2
  EXPECT_EQ((108 + 27) * 2 / 3, valid(s));
  s.attention.push_back(search::mla_choices(
      {{.kv_lora_rank = 32, .qk_nope_head_dim = 32, .qk_rope_head_dim = 0, .v_head_dim = 32}})[0]);
  EXPECT_EQ(90 + 2 * 18, valid(s));
}

TEST(Space, ExpertSizesRoundHalfAwayFromZero) {
  EXPECT_EQ(160, search::expert_ffn_size(2.5, 64, 1));
  EXPECT_EQ(192, search::expert_ffn_size(2.5, 64, 64));  // 2.5 units
  EXPECT_EQ(128, search::expert_ffn_size(2.49, 64, 64));
  EXPECT_EQ(64, search::expert_ffn_size(0.5, 64, 64));  // 0.5 units
  EXPECT_EQ(0, search::expert_ffn_size(0.49, 64, 64));
  EXPECT_EQ(3, search::expert_ffn_size(0.5, 5, 1));  // 2.5
}

Space long_axes(std::array<std::size_t, 6> lengths) {
  Space s = small_space();
  s.widths.assign(lengths[0], 64);
  s.attention.assign(lengths[1], search::gqa_choices({1})[0]);
  s.expert_ffn_ratio.assign(lengths[2], 1);
  s.shared_ffn.assign(lengths[3], 0);
  s.experts.assign(lengths[4], 8);
  s.top_k.assign(lengths[5], 1);
  s.layers = {1};
  return s;
}

TEST(Space, IndexCountEndsWhereIndicesEnd) {
  // 2^63 - 1 = 649657 x 92737 x 337 x 127 x 73 x 49
  const Space largest = long_axes({649657, 92737, 337, 127, 73, 49});
  constexpr Index most = std::numeric_limits<Index>::max();
  EXPECT_EQ(most, search::index_count(largest));
  EXPECT_EQ(most - 1, search::index_of(largest, search::digits_of(largest, most - 1)));
  EXPECT_FALSE(search::index_count(long_axes({649657, 92737, 337, 127, 73, 50})));
  EXPECT_FALSE(search::index_count(long_axes({1 << 21, 1 << 21, 1 << 21, 1, 1, 1})));  // 2^63
  EXPECT_FALSE(search::index_count(long_axes({1 << 16, 1 << 16, 1 << 16, 1 << 16, 1, 1})));
  EXPECT_EQ(Index{1} << 62, search::index_count(long_axes({1 << 21, 1 << 21, 1 << 20, 1, 1, 1})));
}

}  // namespace
}  // namespace rooflaw::testing
