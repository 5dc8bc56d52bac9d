#pragma once
// The best architecture of a box that can be built: whole heads, KV heads that divide them, whole
// experts, an FFN of whole units, whole layers; within limits of the operator model, which counts
// what the xi model leaves out (lm_head, activations, quantisation).
//
// Proven by branch and bound. A node is a width and runs of KV heads, experts and FFN units. Along
// each run time and memory do not fall and the loss does not rise (laws are sums of falling
// powers), and both go one way with the layers. So the corner of the least sizes says how deep
// any architecture of the node can be, and with that depth the corner of the largest sizes bounds
// its loss. The node of the least bound is cut next; a node is done with when its bound exceeds a
// loss that was found.
//
// Cost: some thousand nodes of a few microseconds each; a box wide enough for 10^8 architectures
// takes some ten milliseconds.

#include <optional>
#include <string>
#include <vector>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/optimum.hpp"

namespace rooflaw::theory {

/// What a builder keeps to. Routing is top-1.
struct BuildRules {
  std::int64_t head_dim = 64;
  std::int64_t ffn_multiple_of = 64;
  std::int64_t vocab = 151936;
  bool tied = true;
  std::optional<model::LawRange> within;  // only what lies in it
};

struct Built {
  model::Architecture architecture;
  model::Evaluation evaluation;
};

/// What to look for.
struct Aim {
  double below = std::numeric_limits<double>::infinity();  // only what loses less, in nats
  bool any = false;                                        // the first that does, not the best
};

/// Architectures of the box. A box of one width has the multiple of the head size nearest to it.
class BuildingLattice {
 public:
  /// @throws DomainError naming the side of the box that leaves nothing to build, or that leaves
  ///         more than `most_sizes` of it
  BuildingLattice(const ShapeBox& box, const BuildRules& rules);
  static constexpr std::int64_t most_sizes = 1'000'000;

  /// The one of least loss; of several, that of the least width, then KV heads, experts, FFN.
  /// nullopt if none meets the limits and the aim.
  std::optional<Built> best(const model::Law& law, const model::Scenario& scenario,
                            const model::Limits& limits, const Aim& aim = {}) const;

  /// Which limit even the smallest architecture breaks most, in words; empty if it meets all.
  /// Cost: one evaluation.
  std::string shortfall(const model::Scenario& scenario, const model::Limits& limits) const;

 private:
  friend class Branches;
  using Size = std::int64_t;
  struct Run {
    Size first = 0, last = 0;
    bool single() const { return first == last; }
  };
  std::vector<Size> kv_heads_at(Size width) const;
  Run ffn_units_at(Size width) const;
  model::Architecture architecture(Size width, Size kv_heads, Size experts, Size ffn_units) const;

  ShapeBox box_;
  BuildRules rules_;
  std::vector<Size> widths_, experts_;
  std::vector<std::vector<Size>> kv_heads_;  // by width
  Run layers_;
};

}  // namespace rooflaw::theory
