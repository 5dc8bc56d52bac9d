// The lattice against every index of random spaces: what it finds, what it repairs, what it leaves
// out.

#include <gtest/gtest.h>

#include "rooflaw/search/space/lattice.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Axis;
using search::Index;
using search::Lattice;
using search::LatticePoint;
using search::Places;
using search::Question;

/// A question on a shuffled random space of at most `most` indices.
Question random_lattice_problem(Random& random, Index most) {
  Question question;
  question.laws = {published_law()};
  do {
    question.space = space_from(random_space(random));
  } while (search::index_count(question.space).value() > most ||
           search::valid_count(question.space) == 0);
  shuffle_axes(random, question.space);
  return question;
}

/// The architectures of a space, each with its least index.
using Census = std::vector<std::pair<Index, model::Architecture>>;
Census distinct_points(const search::Space& space) {
  Census census;
  for (const auto& [index, a] : all_points(space)) {
    const bool known =
        std::any_of(census.begin(), census.end(), [&](const auto& c) { return c.second == a; });
    if (!known) census.emplace_back(index, a);
  }
  return census;
}

template <class T>
std::vector<T> sorted(std::vector<T> list) {
  std::sort(list.begin(), list.end());
  return list;
}

/// All places of a lattice, one after another.
template <class Visit>
void for_all_places(const Lattice& lattice, const Visit& visit) {
  Places places{};
  for (;;) {
    visit(places);
    std::size_t axis = 0;
    while (axis < search::axis_count &&
           ++places.values[axis] == lattice.length(static_cast<Axis>(axis)))
      places.values[axis++] = 0;
    if (axis == search::axis_count) return;
  }
}

TEST(Lattice, FindsEveryArchitectureUnderItsLeastIndex) {
  Random random(301);
  std::size_t seen = 0, doubles = 0;
  for (int i = 0; i < 150 && !::testing::Test::HasFailure(); ++i) {
    const Question question = random_lattice_problem(random, 6000);
    const Lattice lattice(question.space);
    const Census census = distinct_points(question.space);
    for (const auto& [index, a] : census) {
      const auto found = lattice.find(a);
      ASSERT_TRUE(found.has_value()) << "index " << index;
      EXPECT_EQ(index, found->index);
      EXPECT_EQ(a, found->architecture);
      const auto again = lattice.point(found->places);
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(index, again->index);
      EXPECT_EQ(a, again->architecture);
      const LatticePoint back = lattice.at(index);
      EXPECT_EQ(index, back.index);
      EXPECT_EQ(a, back.architecture);
      const auto from_back = lattice.point(back.places);
      ASSERT_TRUE(from_back.has_value());
      EXPECT_EQ(index, from_back->index);
    }
    seen += census.size();
    doubles += static_cast<std::size_t>(search::valid_count(question.space)) - census.size();
  }
  EXPECT_GT(seen, 20000u);
  EXPECT_GT(doubles, 300u);  // several indices meant one architecture
}

TEST(Lattice, DoesNotFindWhatTheSpaceDoesNotHave) {
  Random random(302);
  std::size_t absent = 0;
  for (int i = 0; i < 100; ++i) {
    const Question question = random_lattice_problem(random, 3000);
    const Lattice lattice(question.space);
    const auto points = all_points(question.space);
    const auto has = [&](const model::Architecture& a) {
      return std::any_of(points.begin(), points.end(),
                         [&](const auto& p) { return p.second == a; });
    };
    for (int k = 0; k < 20; ++k) {
      model::Architecture a = random.pick(points).second;
      switch (random.integer(0, 6)) {
        case 0:
          a.layers += random.integer(-3, 3);
          break;
        case 1:
          a.expert_ffn += random.pick<std::int64_t>({-64, -1, 1, 64});
          break;
        case 2:
          a.experts *= 2;
          break;
        case 3:
          a.top_k += 1;
          break;
        case 4:
          a.shared_ffn += 1;
          break;
        case 5:
          a.kv_heads += 1;
          break;
        default:
          a.width += question.space.head_dim, a.heads += 1;
          break;
      }
      const auto found = lattice.find(a);
      EXPECT_EQ(has(a), found.has_value());
      if (found) {
        EXPECT_EQ(a, found->architecture);
      }
      absent += found ? 0 : 1;
    }
  }
  EXPECT_GT(absent, 500u);
}

TEST(Lattice, PlacesGiveTheNearestArchitectureOfTheSpaceOrNone) {
  Random random(303);
  std::size_t repaired = 0, none = 0;
  for (int i = 0; i < 120 && !::testing::Test::HasFailure(); ++i) {
    const Question question = random_lattice_problem(random, 4000);
    const search::Space& space = question.space;
    const Lattice lattice(question.space);
    const Census census = distinct_points(space);
    std::set<Index> reached;
    for_all_places(lattice, [&](const Places& places) {
      const auto point = lattice.point(places);
      if (!point) {
        ++none;
        return;
      }
      reached.insert(point->index);
      const auto& a = point->architecture;
      const auto known =
          std::lower_bound(census.begin(), census.end(), point->index,
                           [](const auto& c, Index index) { return c.first < index; });
      ASSERT_TRUE(known != census.end() && known->first == point->index) << point->index;
      EXPECT_EQ(known->second, a);
      // Only KV heads and top_k may be other than asked for.
      EXPECT_EQ(sorted(space.layers)[places[Axis::layers]], a.layers);
      EXPECT_EQ(sorted(space.widths)[places[Axis::width]], a.width);
      EXPECT_EQ(sorted(space.experts)[places[Axis::experts]], a.experts);
      EXPECT_EQ(sorted(space.shared_ffn)[places[Axis::shared]], a.shared_ffn);
      EXPECT_EQ(search::expert_ffn_size(sorted(space.expert_ffn_ratio)[places[Axis::ratio]],
                                        a.width, space.ffn_multiple_of),
                a.expert_ffn);
      const std::int64_t top_k = sorted(space.top_k)[places[Axis::top_k]];
      EXPECT_LE(a.top_k, top_k);
      if (search::valid_routing(a.experts, top_k)) {
        EXPECT_EQ(top_k, a.top_k);
      }
      repaired += a.top_k < top_k ? 1 : 0;
    });
    EXPECT_EQ(census.size(), reached.size());  // every architecture has places
  }
  EXPECT_GT(repaired, 1000u);
  EXPECT_GT(none, 100u);
}

TEST(Lattice, RepairLowersKvHeadsUntilTheyDivideTheHeads) {
  Question question;
  question.laws = {published_law()};
  question.space.widths = {256, 128, 192};  // 4, 2, 3 heads
  question.space.head_dim = 64;
  question.space.attention = search::gqa_choices({4, 1, 2, 3});
  question.space.expert_ffn_ratio = {1};
  question.space.experts = {8, 1};
  question.space.top_k = {2, 1};
  question.space.layers = {4};
  question.space.vocab = 1000;
  const Lattice lattice(question.space);
  const auto kv_heads = [&](std::size_t width, std::size_t kv) {
    Places places{};
    places[Axis::width] = width;
    places[Axis::attention] = kv;
    return lattice.point(places)->architecture.kv_heads;
  };
  EXPECT_EQ(1, kv_heads(0, 0));
  EXPECT_EQ(2, kv_heads(0, 1));
  EXPECT_EQ(2, kv_heads(0, 2));
  EXPECT_EQ(2, kv_heads(0, 3));
  EXPECT_EQ(1, kv_heads(1, 1));
  EXPECT_EQ(3, kv_heads(1, 2));
  EXPECT_EQ(3, kv_heads(1, 3));
  EXPECT_EQ(2, kv_heads(2, 2));
  EXPECT_EQ(4, kv_heads(2, 3));
}

TEST(Lattice, EnforcedRangeLeavesOutWhatTheLawExtrapolates) {
  Random random(304);
  std::size_t inside = 0, outside = 0;
  for (int i = 0; i < 150; ++i) {
    Question question = random_lattice_problem(random, 4000);
    const Census census = distinct_points(question.space);
    question.space.within = question.laws[0].range;
    const Lattice lattice(question.space);
    std::set<Index> reached;
    for_all_places(lattice, [&](const Places& places) {
      const auto point = lattice.point(places);
      if (!point) return;
      EXPECT_FALSE(model::extrapolates(question.laws[0].range, point->architecture));
      reached.insert(point->index);
    });
    std::set<Index> expected;
    for (const auto& [index, a] : census)
      if (!model::extrapolates(question.laws[0].range, a)) expected.insert(index);
    EXPECT_EQ(expected, reached);
    inside += expected.size();
    outside += census.size() - expected.size();
  }
  EXPECT_GT(inside, 100u);
  EXPECT_GT(outside, 10000u);
}

TEST(Lattice, PlaceBelowAValue) {
  Random random(305);
  for (int i = 0; i < 100; ++i) {
    Question question = random_lattice_problem(random, 100000);
    std::vector<std::int64_t> kv_heads;
    for (const auto& choice : question.space.attention)
      if (choice.kind == model::AttentionKind::gqa && choice.kv_heads != model::all_heads)
        kv_heads.push_back(choice.kv_heads);
    question.space.attention = search::gqa_choices(kv_heads);
    const search::Space& space = question.space;
    const Lattice lattice(question.space);
    const auto check = [&](Axis axis, const auto& list, double value) {
      std::size_t expected = 0;
      const auto values = sorted(list);
      for (std::size_t k = 0; k < values.size(); ++k)
        if (static_cast<double>(values[k]) <= value) expected = k;
      EXPECT_EQ(expected, lattice.place_below(axis, value)) << static_cast<int>(axis);
    };
    const auto check_all = [&](Axis axis, const auto& list) {
      for (const auto value : list) {
        const auto v = static_cast<double>(value);
        for (const double x : {v, std::nextafter(v, 0.0), v * 1.3, v / 2, 0.0})
          check(axis, list, x);
      }
    };
    check_all(Axis::layers, space.layers);
    check_all(Axis::width, space.widths);
    check_all(Axis::ratio, space.expert_ffn_ratio);
    check_all(Axis::experts, space.experts);
    check_all(Axis::top_k, space.top_k);
    check_all(Axis::shared, space.shared_ffn);
    check_all(Axis::attention, kv_heads);
  }
}

// Repair and neighbours stay among choices of a kind.
TEST(Lattice, KindsOfAttentionStayApart) {
  Question question;
  Random random(306);
  question.space = space_from(random_space(random));
  const auto ranks = [](std::int64_t cached) {
    return model::MlaRanks{
        .kv_lora_rank = cached, .qk_nope_head_dim = 8, .qk_rope_head_dim = 0, .v_head_dim = 8};
  };
  search::Space& space = question.space;
  space.attention = search::mla_choices({ranks(64), ranks(16)});
  for (const auto& choice : search::gqa_choices({model::all_heads, 4, 3}))
    space.attention.push_back(choice);
  const Lattice lattice(space);
  const auto around = [&](int group, double number) {
    const auto n = lattice.around(Axis::attention, {group, number});
    return std::pair{n.below, n.above};
  };
  // 3, 4, "heads", 16, 64
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{0, 0}), around(0, 1));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{0, 1}), around(0, 3));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{1, 2}), around(0, 1e6));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{2, 2}),
            around(0, std::numeric_limits<double>::infinity()));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{3, 3}), around(1, 1));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{3, 4}), around(1, 63));
  EXPECT_EQ((std::pair<std::size_t, std::size_t>{4, 4}), around(1, 64));
}

TEST(Lattice, TellsRanksOfTheSameCacheApart) {
  search::Space space;
  space.widths = {64}, space.head_dim = 64, space.vocab = 1000;
  space.expert_ffn_ratio = {1}, space.experts = {1}, space.top_k = {1}, space.layers = {4};
  std::vector<model::MlaRanks> ranks;
  for (const std::int64_t v : {8, 16, 24})
    ranks.push_back(
        {.kv_lora_rank = 64, .qk_nope_head_dim = 8, .qk_rope_head_dim = 0, .v_head_dim = v});
  space.attention = search::mla_choices(ranks);
  const Lattice lattice(space);
  std::set<std::size_t> places;
  for (const auto& [index, a] : all_points(space)) {
    const auto near = lattice.places_near(a);
    const auto point = lattice.point(near);
    ASSERT_TRUE(point.has_value());
    EXPECT_EQ(a, point->architecture);
    places.insert(near[Axis::attention]);
  }
  EXPECT_EQ(3u, places.size());
}

}  // namespace
}  // namespace rooflaw::testing
