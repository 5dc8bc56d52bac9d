#pragma once
// What strategy `exact` knows of a frame before it looks at FFN blocks: bounds of everything that
// is not theirs, so that a block, or the corner of a box, tells by a few numbers whether it can
// matter to a target (slack.hpp) and how many layers the limits leave it.

#include <functional>

#include "rooflaw/search/exact/slack.hpp"

namespace rooflaw::search {

/// What a block, or the least of several, adds per layer in one deployment.
struct FfnCosts {
  double prefill_s = 0, decode_s = 0, weight_bytes = 0, activations = 0;
};
FfnCosts ffn_costs(const FfnParts& ffn, std::size_t deployment, std::size_t lane);

/// An upper bound on the layers that limits leave to blocks of at least these costs; negative if
/// they leave not even none, infinite without limits.
double most_layers(const model::WeightedLimits& limits, double width, const WidthPart& part,
                   const AttentionPart& attention, double attention_activations,
                   const FfnCosts& ffn);

class FrameBounds {
 public:
  /// Keeps references. @param known, lowered_seed  by target; of the latter none without tolerance
  FrameBounds(const Question& question, const PowerTables& tables, const Depths& depths,
              const Frame& frame, const std::vector<KnownLosses>& known,
              const std::vector<LossBound>& lowered_seed);
  /// Has the frame points at all?
  bool has_attention() const { return !attention_.empty(); }

  /// Depths, from the shallowest, that a block of this time and size allows, or more.
  std::size_t depths_affordable(std::size_t deployment, const FfnParts& ffn,
                                std::size_t lane) const;

  /// Can a block of this time, of at least this loss, give a point that is not dominated?
  bool matters(std::size_t target, const FfnParts& ffn, std::size_t lane, double loss,
               std::size_t depths);
  /// The bound of a target changed.
  void forget_bound(std::size_t target) { slack_[target].forget(); }

  double seconds(std::size_t target, const FfnCosts& ffn) const {
    return objectives_[target].prefill * ffn.prefill_s + objectives_[target].decode * ffn.decode_s;
  }
  /// The attention blocks, and for each the depths, of the first `depths`, where blocks of at least
  /// these seconds and this loss can give a point of a target's frontier.
  void open_rows(std::size_t target, double ffn_s, double ffn_loss, std::size_t depths,
                 const std::function<void(const TargetRows&)>& visit);

 private:
  void find_open_depths(std::size_t target, const AttentionCost& attention, double ffn_s,
                        double ffn_loss, std::size_t first, std::size_t end,
                        std::vector<std::size_t>& open);

  struct TargetAttention {
    std::vector<std::size_t> blocks;  // of attention_, in the order of the costs
    AttentionCosts costs;
  };
  static TargetAttention grouped(const std::vector<AttentionCost>& costs);
  struct DeploymentBounds {
    WidthPart width;
    AttentionPart least;  // of every component by itself
    model::WeightedLimits limits;
  };

  struct AttentionBlock {
    AttentionOption option;
    double activations = 0;
    std::vector<AttentionParts> parts;  // by deployment
  };

  const Question& question_;
  const PowerTables& tables_;
  const Depths& depths_;
  const std::vector<LossBound>& lowered_seed_;
  Index frame_index_ = 0;
  Frame frame_;
  double width_ = 0;
  std::vector<AttentionBlock> attention_;
  double least_attention_activations_ = 0;
  std::vector<DeploymentBounds> deployments_;
  std::vector<model::Weights> objectives_;         // by target
  std::vector<TargetAttention> target_attention_;  // by target
  std::vector<SlackTable> slack_;                  // by target
  std::vector<SlackTable> seed_slack_;             // with a tolerance
  TargetRows rows_;
  std::vector<std::size_t> open_, open_of_group_, open_by_seed_;
};

}  // namespace rooflaw::search
