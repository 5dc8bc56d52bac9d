#pragma once
// The tree along which ranks gather and tell: nodes first, so that what ranks of a node have in
// common leaves it once.

#include <span>
#include <vector>

namespace rooflaw::cluster {

/// A rank's place in it.
struct TreePlace {
  int above = -1;          // none: rank 0
  std::vector<int> below;  // at most two times `tree_width`; those of this node first
  std::size_t below_on_node = 0;
  bool first_of_node = true;
  int height = 0;  // of the tree below it; 0: a leaf
  /// All of these.
  std::vector<int> neighbours() const;
  std::vector<int> neighbours_elsewhere() const;
};

/// Ranks that hang directly below one, on its node; and as many nodes below a node.
inline constexpr int tree_width = 8;

/// @param node_of  by rank: any number that ranks of one node have in common and no others
/// The first rank of a node stands for it; rank 0 stands above all. Cost: linear in the ranks.
TreePlace place_in_tree(int rank, std::span<const int> node_of);

}  // namespace rooflaw::cluster
