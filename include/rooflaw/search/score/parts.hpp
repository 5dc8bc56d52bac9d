#pragma once
// A point of the space is an attention block, an FFN block and a depth; latency, memory and loss
// are sums of what these contribute. Here are the contributions, computed once and shared by all
// the points that use them.

#include <functional>
#include <vector>

#include "rooflaw/search/score/tables.hpp"

namespace rooflaw::search {
/// What a width adds in one deployment, whatever the blocks.
struct WidthPart {
  double prefill_fixed_s = 0;
  double decode_fixed_s = 0;
  double prefill_overhead_s = 0;  // per layer
  double decode_overhead_s = 0;   // per layer
  double table_bytes = 0;
  double logit_bytes = 0;
  double activation_bytes = 0;  // of one element per token
};
WidthPart width_part(const Space& space, std::size_t width_digit, const Deployment& deployment);

/// What an attention block adds per layer in one deployment.
struct AttentionPart {
  double prefill_s = 0;
  double decode_s = 0;
  double weight_bytes = 0;
  double kv_bytes = 0;
  double scratch_bytes = 0;  // of the workspace, once
};
/// In layers that attend all tokens, and in those with the space's window.
struct AttentionParts {
  AttentionPart global, windowed;
};
AttentionParts attention_parts(const Space& space, const model::AttentionShape<double>& shape,
                               const Deployment& deployment);
/// A layer of the mean, which only bounds may take for all.
AttentionPart mean_part(const Space& space, const AttentionParts& parts);

/// A run of FFN blocks of one width and kind, a column per quantity, padded to whole packets.
struct FfnParts {
  static constexpr std::size_t packet = 8;
  struct PerDeployment {
    std::vector<double> prefill_s;
    std::vector<double> decode_s;
    std::vector<double> weight_bytes;
  };
  std::size_t size = 0;                   // without padding
  std::vector<Index> index;               // share of the point's index
  std::vector<std::vector<double>> loss;  // by law: FFN part of the loss
  std::vector<double> activations;        // elements per token
  std::vector<PerDeployment> deployments;
};

/// Does a deployment ask for the blocks of a packet?
using WantedParts = std::function<bool(std::size_t packet, std::size_t deployment)>;

/// Computes the parts of `options`, eight at a time, by the model's templates over Eigen arrays.
/// `parts` is reused to spare allocations.
/// @param wanted  other parts stay as they were; empty: all are
void fill_ffn_parts(const Question& question, const PowerTables& tables, const Frame& frame,
                    const std::vector<FfnOption>& options, FfnParts& parts,
                    const WantedParts& wanted = {});

/// The FFN part of a law's loss alone.
double ffn_part_loss(const PowerTables& tables, std::size_t law, const Frame& frame,
                     const FfnOption& option);

}  // namespace rooflaw::search
