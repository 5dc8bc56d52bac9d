// Values of an axis that no combination can use, on spaces made for each reason.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Axis;
using search::Space;

struct Value {
  Axis axis;
  std::size_t digit;
  bool operator==(const Value&) const = default;
};

std::vector<Value> unused(const Space& s) {
  std::vector<Value> list;
  for (const auto& u : search::unused_values(s)) {
    EXPECT_STRNE("", u.why);
    list.push_back({u.axis, u.digit});
  }
  return list;
}

Space sound_space() {
  Space s;
  s.widths = {128, 256};
  s.head_dim = 64;
  s.attention = search::gqa_choices({1, 2, 4});
  s.expert_ffn_ratio = {1, 2};
  s.experts = {1, 8};
  s.top_k = {1, 2};
  s.layers = {4, 8};
  s.vocab = 1000;
  return s;
}
const model::MlaRanks ranks{.kv_lora_rank = 32, .qk_nope_head_dim = 32, .v_head_dim = 32};

TEST(UnusedValues, NoneInASoundSpace) {
  EXPECT_TRUE(unused(sound_space()).empty());
  Space s = sound_space();
  s.attention = search::gqa_choices({1, model::all_heads});
  s.attention.push_back(search::mla_choices({ranks})[0]);
  s.shared_ffn = {0, 64};
  EXPECT_TRUE(unused(s).empty());
}

TEST(UnusedValues, Widths) {
  Space s = sound_space();
  s.widths = {128, 100, 256};
  EXPECT_EQ((std::vector<Value>{{Axis::width, 1}}), unused(s));
  s.widths = {128, 192, 256};
  s.attention = search::gqa_choices({2, 4});  // neither divides three heads
  EXPECT_EQ((std::vector<Value>{{Axis::width, 1}}), unused(s));
}

TEST(UnusedValues, KvHeads) {
  Space s = sound_space();
  s.attention = search::gqa_choices({1, 3, 2, 8, 4});  // 2 and 4 heads
  EXPECT_EQ((std::vector<Value>{{Axis::attention, 1}, {Axis::attention, 3}}), unused(s));
  s.attention = search::gqa_choices({1, 2, 4, model::all_heads});  // its numbers are listed
  EXPECT_EQ((std::vector<Value>{{Axis::attention, 3}}), unused(s));
  s.attention = search::gqa_choices({1, 2, model::all_heads});  // of use at 4 heads
  EXPECT_TRUE(unused(s).empty());
}

TEST(UnusedValues, ChoicesOfBothKinds) {
  Space s = sound_space();
  s.attention = search::mla_choices({ranks});
  EXPECT_TRUE(unused(s).empty());
  s.attention.push_back(search::gqa_choices({3})[0]);
  EXPECT_EQ((std::vector<Value>{{Axis::attention, 1}}), unused(s));
}

TEST(UnusedValues, SpeakOfTheWholeSpace) {
  Space s = sound_space();
  s.within.emplace().layers = model::Interval{100, 200};
  EXPECT_TRUE(unused(s).empty());
}

TEST(UnusedValues, Ratios) {
  Space s = sound_space();
  s.expert_ffn_ratio = {1, 0.1};
  s.ffn_multiple_of = 64;  // 0.1 of 256 is less than half a unit
  EXPECT_EQ((std::vector<Value>{{Axis::ratio, 1}}), unused(s));
  s.expert_ffn_ratio = {1, 0.2};  // 51 of 256 rounds to a unit, 26 of 128 to none
  EXPECT_TRUE(unused(s).empty());
}

TEST(UnusedValues, ExpertsAndTopK) {
  Space s = sound_space();
  s.top_k = {1, 2, 8};
  EXPECT_EQ((std::vector<Value>{{Axis::top_k, 2}}), unused(s));
  s.top_k = {2};
  EXPECT_EQ((std::vector<Value>{{Axis::experts, 0}}), unused(s));
  s.experts = {1};
  s.top_k = {1, 2};
  EXPECT_EQ((std::vector<Value>{{Axis::top_k, 1}}), unused(s));
}

/// The values that no valid point of a space has.
std::vector<Value> of_no_point(const Space& s) {
  std::set<std::pair<Axis, std::size_t>> used;
  for (const auto& [index, a] : all_points(s)) {
    const auto digits = search::digits_of(s, index);
    for (const Axis axis : search::all_axes) used.insert({axis, digits[axis]});
  }
  std::vector<Value> list;
  const auto lengths = search::axis_lengths(s);
  for (const Axis axis : search::all_axes)
    for (std::size_t d = 0; d < lengths[axis]; ++d)
      if (!used.contains({axis, d})) list.push_back({axis, d});
  return list;
}

/// Of any space: what is reported is in no valid point, and where nothing is reported every value
/// is in some point. (A value that only a faulty width could use is not blamed beside the width.)
TEST(UnusedValues, AreThoseOfNoPoint) {
  Random random(4);
  int reported_some = 0, reported_none = 0;
  for (int i = 0; i < 2000 && !::testing::Test::HasFailure(); ++i) {
    const json j = random_space(random);
    const Space s = space_from(j);
    if (search::index_count(s).value() > 5000) continue;
    const auto expected = of_no_point(s);
    const auto actual = unused(s);
    for (const Value& v : actual) EXPECT_THAT(expected, ::testing::Contains(v)) << j.dump();
    EXPECT_EQ(expected.empty(), actual.empty()) << j.dump();
    const bool all_widths = std::none_of(actual.begin(), actual.end(),
                                         [](const Value& v) { return v.axis == Axis::width; });
    if (all_widths && !search::expert_options(s).empty()) {
      EXPECT_THAT(actual, ::testing::UnorderedElementsAreArray(expected)) << j.dump();
    }
    ++(actual.empty() ? reported_none : reported_some);
  }
  EXPECT_GT(reported_some, 200);
  EXPECT_GT(reported_none, 100);
}

}  // namespace
}  // namespace rooflaw::testing
