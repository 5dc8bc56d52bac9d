// Which word was meant.

#include <gtest/gtest.h>

#include "rooflaw/format/words.hpp"

namespace rooflaw::format {
namespace {

using Words = std::vector<std::string>;

TEST(DidYouMean, NearestWordOrNothing) {
  const Words known{"layers", "widths", "kv_heads", "top_k"};
  EXPECT_EQ("did you mean \"layers\"?", did_you_mean("layer", known));
  EXPECT_EQ("did you mean \"widths\"?", did_you_mean("width", known));
  EXPECT_EQ("did you mean \"kv_heads\"?", did_you_mean("kvheads", known));
  EXPECT_EQ("did you mean \"top_k\"?", did_you_mean("topk", known));
  EXPECT_EQ("", did_you_mean("quantisation", known));
  EXPECT_EQ("", did_you_mean("anything", {}));
  EXPECT_EQ("", did_you_mean("", known));
  EXPECT_EQ("", did_you_mean("xy", known));
  EXPECT_EQ("", did_you_mean(std::string(1'000'000, 'l'), known));
}

TEST(DidYouMean, WhatBeginsWithAWordComesBeforeWhatContainsIt) {
  const Words known{"agx-orin", "orin-nx", "xavier", "orin-nano"};
  EXPECT_EQ((Words{"orin-nx", "orin-nano", "agx-orin"}), near_words("orin", known));
  EXPECT_EQ("did you mean \"orin-nx\", \"orin-nano\" or \"agx-orin\"?",
            did_you_mean("Orin", known));
}

TEST(DidYouMean, ASlipIsNoBeginning) {
  EXPECT_EQ(Words{"experts"}, near_words("expert", {"expert_ffn_ratio", "experts"}));
}

TEST(DidYouMean, OfTwoLettersOnlyBeginningsCount) {
  EXPECT_EQ((Words{"GB", "GiB"}), near_words("g", {"kB", "GB", "GiB", "MGB"}));
}

TEST(DidYouMean, LetterCaseAside) { EXPECT_EQ(Words{"GiB"}, near_words("gib", {"MiB", "GiB"})); }

TEST(DidYouMean, AtMostFiveAreNamed) {
  EXPECT_EQ("did you mean \"ab1\", \"ab2\", \"ab3\", \"ab4\", \"ab5\" or 2 more?",
            did_you_mean("a", {"ab1", "ab2", "ab3", "ab4", "ab5", "ab6", "ab7"}));
  EXPECT_EQ("did you mean \"ab1\", \"ab2\", \"ab3\", \"ab4\" or \"ab5\"?",
            did_you_mean("a", {"ab1", "ab2", "ab3", "ab4", "ab5"}));
}

TEST(OneOf, Words) {
  EXPECT_EQ("must be \"a\", \"b\" or \"c\"", one_of({"a", "b", "c"}));
  EXPECT_EQ("must be \"a\"", one_of({"a"}));
}

}  // namespace
}  // namespace rooflaw::format
