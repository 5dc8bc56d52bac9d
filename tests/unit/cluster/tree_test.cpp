// The tree of ranks: every rank hangs below one other, nodes together, however ranks lie on nodes.

#include "rooflaw/cluster/tree.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

using cluster::place_in_tree;
using cluster::TreePlace;

std::vector<TreePlace> tree_of(const std::vector<int>& node_of) {
  std::vector<TreePlace> places;
  for (int rank = 0; rank < static_cast<int>(node_of.size()); ++rank)
    places.push_back(place_in_tree(rank, node_of));
  return places;
}

void expect_tree(const std::vector<int>& node_of) {
  const auto places = tree_of(node_of);
  const auto ranks = static_cast<int>(node_of.size());
  const auto at = [&](int rank) -> const TreePlace& {
    return places[static_cast<std::size_t>(rank)];
  };
  EXPECT_EQ(-1, at(0).above);
  std::set<int> entered;  // nodes, by an edge from another
  for (int rank = 0; rank < ranks; ++rank) {
    int height = 0;
    EXPECT_LE(at(rank).below.size(), 2u * cluster::tree_width);
    for (const int below : at(rank).below) {
      EXPECT_EQ(rank, at(below).above);
      height = std::max(height, at(below).height + 1);
      const int node = node_of[static_cast<std::size_t>(below)];
      if (node != node_of[static_cast<std::size_t>(rank)]) {
        EXPECT_TRUE(entered.insert(node).second);
      }
    }
    EXPECT_EQ(height, at(rank).height);
    int up = rank, steps = 0;
    for (; up > 0 && steps <= ranks; ++steps) up = at(up).above;
    EXPECT_EQ(0, up) << "from rank " << rank;
    auto neighbours = at(rank).below;
    if (rank > 0) neighbours.push_back(at(rank).above);
    EXPECT_EQ(neighbours, at(rank).neighbours());
    const auto node = [&](int of) { return node_of[static_cast<std::size_t>(of)]; };
    const auto is_here = [&](int other) { return node(other) == node(rank); };
    EXPECT_EQ(std::count_if(at(rank).below.begin(), at(rank).below.end(), is_here),
              static_cast<std::ptrdiff_t>(at(rank).below_on_node));
    EXPECT_EQ(at(rank).above < 0 || !is_here(at(rank).above), at(rank).first_of_node);
    std::erase_if(neighbours, is_here);
    EXPECT_EQ(neighbours, at(rank).neighbours_elsewhere());
  }
  EXPECT_EQ(std::set<int>(node_of.begin(), node_of.end()).size(), entered.size() + 1);
}

TEST(Tree, HangsAllRanksBelowTheFirst) {
  for (const int ranks : {1, 2, 8, 9, 10, 64, 300})
    for (const int per_node : {1, 3, 8, 128}) {
      std::vector<int> node_of;
      for (int rank = 0; rank < ranks; ++rank) node_of.push_back(rank / per_node);
      expect_tree(node_of);
    }
}

TEST(Tree, TakesRanksHoweverTheyLieOnNodes) {
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    std::vector<int> node_of;
    const std::int64_t nodes = random.integer(1, 30);
    for (std::int64_t rank = random.integer(1, 120); rank > 0; --rank)
      node_of.push_back(static_cast<int>(random.integer(0, nodes)) * 7 - 3);
    expect_tree(node_of);
  }
}

TEST(Tree, IsLow) {
  std::vector<int> node_of;
  for (int rank = 0; rank < 4096; ++rank) node_of.push_back(rank / 128);
  EXPECT_EQ(5, place_in_tree(0, node_of).height);
}

}  // namespace
}  // namespace rooflaw::testing
