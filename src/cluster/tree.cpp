#include "rooflaw/cluster/tree.hpp"

#include <algorithm>
#include <map>

namespace rooflaw::cluster {

namespace {

/// Places in a tree of the numbers from 0 on.
int above(int place) { return (place - 1) / tree_width; }

/// Of the tree below each place, where what hangs on a place itself is so high.
std::vector<int> heights(std::vector<int> height) {
  for (std::size_t place = height.size(); place-- > 1;) {
    int& of_above = height[static_cast<std::size_t>(above(static_cast<int>(place)))];
    of_above = std::max(of_above, height[place] + 1);
  }
  return height;
}
std::vector<int> heights_of(const std::vector<int>& members) {
  return heights(std::vector<int>(members.size(), 0));
}

void add_below(const std::vector<int>& members, int place, std::vector<int>& below) {
  const auto size = static_cast<int>(members.size());
  for (int next = tree_width * place + 1; next <= tree_width * (place + 1) && next < size; ++next)
    below.push_back(members[static_cast<std::size_t>(next)]);
}

int place_of(const std::vector<int>& members, int rank) {
  return static_cast<int>(std::find(members.begin(), members.end(), rank) - members.begin());
}

}  // namespace

std::vector<int> TreePlace::neighbours() const {
  std::vector<int> all = below;
  if (above >= 0) all.push_back(above);
  return all;
}

std::vector<int> TreePlace::neighbours_elsewhere() const {
  std::vector<int> elsewhere(below.begin() + static_cast<std::ptrdiff_t>(below_on_node),
                             below.end());
  if (first_of_node && above >= 0) elsewhere.push_back(above);
  return elsewhere;
}

TreePlace place_in_tree(int rank, std::span<const int> node_of) {
  std::map<int, std::vector<int>> nodes;  // by number
  std::vector<int> order;                 // of nodes, by their first rank
  for (std::size_t r = 0; r < node_of.size(); ++r) {
    auto& members = nodes[node_of[r]];
    if (members.empty()) order.push_back(node_of[r]);
    members.push_back(static_cast<int>(r));
  }
  std::vector<int> firsts, node_heights;
  for (const int node : order) {
    const auto& members = nodes[node];
    firsts.push_back(members.front());
    node_heights.push_back(heights_of(members).front());
  }
  const auto& members = nodes[node_of[static_cast<std::size_t>(rank)]];
  const int place = place_of(members, rank);
  TreePlace here;
  add_below(members, place, here.below);
  here.below_on_node = here.below.size();
  here.first_of_node = place == 0;
  if (place > 0) {
    here.above = members[static_cast<std::size_t>(above(place))];
    here.height = heights_of(members)[static_cast<std::size_t>(place)];
    return here;
  }
  const int node_place = place_of(firsts, rank);
  if (node_place > 0) here.above = firsts[static_cast<std::size_t>(above(node_place))];
  add_below(firsts, node_place, here.below);
  here.height = heights(node_heights)[static_cast<std::size_t>(node_place)];
  return here;
}

}  // namespace rooflaw::cluster
