// Where a law extrapolates: each edge of its range, from both sides.

#include <gtest/gtest.h>

#include "unit/model_json.hpp"

namespace rooflaw::model {
namespace {

Architecture inside() {
  Architecture a;
  a.layers = 16, a.heads = 16, a.head_dim = 64, a.kv_heads = 4;
  a.expert_ffn = 2048, a.experts = 8, a.top_k = 2;
  a.width = 1024, a.vocab = 32000;
  return a;
}

bool extrapolated(const Architecture& a) { return extrapolates(testing::published_law().range, a); }

/// Of the values of a field, those where the law does not extrapolate.
std::vector<std::int64_t> covered(std::int64_t Architecture::*field,
                                  const std::vector<std::int64_t>& values) {
  std::vector<std::int64_t> list;
  for (const auto value : values) {
    Architecture a = inside();
    a.*field = value;
    if (!extrapolated(a)) list.push_back(value);
  }
  return list;
}
using Values = std::vector<std::int64_t>;

TEST(Extrapolation, LayersAndWidth) {
  EXPECT_EQ((Values{4, 5, 31, 32}), covered(&Architecture::layers, {1, 3, 4, 5, 31, 32, 33, 100}));
  EXPECT_EQ((Values{768, 769, 3071, 3072}),
            covered(&Architecture::width, {64, 767, 768, 769, 3071, 3072, 3073, 8192}));
}

TEST(Extrapolation, ExpertsAreListedAsPairs) {
  const std::pair<int, int> listed[] = {{1, 1}, {8, 1}, {8, 2}, {16, 1}, {16, 2}};
  for (int experts = 1; experts <= 32; ++experts)
    for (int top_k = 1; top_k <= 4 && top_k <= experts; ++top_k) {
      Architecture a = inside();
      a.experts = experts;
      a.top_k = top_k;
      const bool known = std::find(std::begin(listed), std::end(listed),
                                   std::pair{experts, top_k}) != std::end(listed);
      EXPECT_EQ(!known, extrapolated(a)) << experts << " experts, " << top_k << " per token";
    }
}

TEST(Extrapolation, KvHeadsAreListedOrAll) {
  EXPECT_EQ((Values{1, 2, 4, 8, 16}), covered(&Architecture::kv_heads, {1, 2, 4, 8, 16}));
  Architecture a = inside();
  a.heads = 32;
  a.kv_heads = 16;
  EXPECT_TRUE(extrapolated(a));  // neither listed nor all
  a.kv_heads = 32;
  EXPECT_FALSE(extrapolated(a));
  a.heads = 24;
  a.kv_heads = 24;
  EXPECT_FALSE(extrapolated(a));
  a.kv_heads = 12;
  EXPECT_TRUE(extrapolated(a));
  a.kv_heads = 3;
  EXPECT_TRUE(extrapolated(a));
}

TEST(Extrapolation, KindsAndSharedExperts) {
  EXPECT_FALSE(extrapolated(inside()));
  Architecture a = inside();
  a.attention = AttentionKind::mla;
  a.mla = {.kv_lora_rank = 64, .qk_nope_head_dim = 32, .v_head_dim = 32};
  EXPECT_TRUE(extrapolated(a));
  a = inside();
  a.ffn = FfnKind::plain;
  EXPECT_TRUE(extrapolated(a));
  a = inside();
  a.shared_ffn = 1;
  EXPECT_TRUE(extrapolated(a));
}

TEST(Extrapolation, WhatTheLawHasNoOpinionOn) {
  Architecture a = inside();
  a.attention = AttentionKind::recurrent;
  EXPECT_TRUE(extrapolated(a));
  a.attention = AttentionKind::none;
  EXPECT_TRUE(extrapolated(a));
  a = inside();
  a.ffn = FfnKind::none;
  EXPECT_TRUE(extrapolated(a));
}

TEST(Extrapolation, AWindow) {
  EXPECT_EQ((Values{0}), covered(&Architecture::window, {0, 1, 512, 1000000}));
}

TEST(Extrapolation, SeveralGroups) {
  Architecture a = inside();
  a.layers = 8;
  EXPECT_FALSE(extrapolated(a));
  a.further = {inside()};  // alike, and 24 layers together: still two groups
  EXPECT_TRUE(extrapolated(a));
}

TEST(Extrapolation, TablesOfTheVocabularyDoNotMatter) {
  Architecture a = inside();
  a.tied = false;
  a.positions = 4096;
  a.vocab = 1;
  EXPECT_FALSE(extrapolated(a));
}

TEST(Extrapolation, WhatALawDoesNotStateDoesNotLimitIt) {
  Architecture far = inside();
  far.layers = 500;
  far.width = 20000;
  far.attention = AttentionKind::mla;
  far.mla = {.kv_lora_rank = 64, .qk_nope_head_dim = 32, .v_head_dim = 32};
  far.ffn = FfnKind::plain;
  far.shared_ffn = 4096;
  LawRange range;
  EXPECT_FALSE(extrapolates(range, far));
  range.layers = {{1, 499}};
  EXPECT_TRUE(extrapolates(range, far));
  range = {};
  range.kv_heads = {4};  // MLA has none: its latent rank is the attention rule's business
  EXPECT_FALSE(extrapolates(range, far));
  range.shared_ffn = {{4096, 4096}};
  EXPECT_FALSE(extrapolates(range, far));
  range.shared_ffn = {{0, 4095}};
  EXPECT_TRUE(extrapolates(range, far));
}

TEST(Extrapolation, FieldsOfTheRangeSpeakOneByOne) {
  const LawRange range = testing::published_law().range;
  EXPECT_TRUE(layers_in_range(range, 4));
  EXPECT_FALSE(layers_in_range(range, 3.999));
  EXPECT_TRUE(width_in_range(range, 3072));
  EXPECT_FALSE(width_in_range(range, 3072.001));
  EXPECT_TRUE(experts_in_range(range, 16, 2));
  EXPECT_FALSE(experts_in_range(range, 16, 4));
  EXPECT_TRUE(attention_in_range(range, AttentionKind::gqa, 20, 20));
  EXPECT_FALSE(attention_in_range(range, AttentionKind::gqa, 10, 20));
  EXPECT_FALSE(attention_in_range(range, AttentionKind::mla, 0, 20));
  EXPECT_TRUE(ffn_in_range(range, FfnKind::gated, 0));
  EXPECT_FALSE(ffn_in_range(range, FfnKind::gated, 1));
  EXPECT_FALSE(ffn_in_range(range, FfnKind::plain, 0));
}

}  // namespace
}  // namespace rooflaw::model
