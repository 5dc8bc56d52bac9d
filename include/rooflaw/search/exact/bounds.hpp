#pragma once
// What strategy `exact` knows of a frame before it looks at FFN blocks: bounds of everything that
// is not theirs, so that a block, or the corner of a box, tells by a few numbers whether it can
// matter to a target (slack.hpp) and how many layers the limits leave it.

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
              const Frame& frame, const std::vector<AttentionOption>& attention,
              const std::vector<KnownLosses>& known, const std::vector<LossBound>& lowered_seed);

  /// Depths, from the shallowest, that a block of this time and size allows, or more.
  std::size_t depths_affordable(std::size_t deployment, const FfnParts& ffn,
                                std::size_t lane) const;

  /// Can a block of this time, of at least this loss, give a point that is not dominated?
  bool matters(std::size_t target, const FfnParts& ffn, std::size_t lane, double loss,
               std::size_t depths);
  /// The bound of a target changed.
  void forget_bound(std::size_t target) { slack_[target].forget(); }

 private:
  struct DeploymentBounds {
    WidthPart width;
    AttentionPart least;  // of every component by itself
    model::WeightedLimits limits;
  };

  const Question& question_;
  const Depths& depths_;
  double width_ = 0;
  double least_attention_activations_ = 0;
  std::vector<DeploymentBounds> deployments_;
  std::vector<model::Weights> objectives_;  // by target
  std::vector<SlackTable> slack_;           // by target
  std::vector<SlackTable> seed_slack_;      // with a tolerance
};

}  // namespace rooflaw::search
