#pragma once
// The search of one piece of a SetLevel; see set_search.hpp.

#include "rooflaw/search/portfolio/set_search.hpp"
#include "score/row_kernels.hpp"

namespace rooflaw::search {

/// An attention block of a frame in every deployment.
struct AttentionBlock {
  AttentionOption option;
  double activations = 0;
  double kv_loss = 0;
  std::vector<AttentionParts> parts;  // by deployment
  std::vector<AttentionPart> mean;    // the same over a layer of the mean
};

/// Targets and the layers that they leave to a block, most first.
struct Reach {
  double layers = 0;
  std::size_t target = 0;
};

/// The search of one piece: FFN boxes of one frame.
class SetPiece {
 public:
  SetPiece(const SetLevel& level, const Frame& frame, SetFindings& found);
  void run(const std::function<void()>& between);

 private:
  void find_least();
  void look_at(const std::vector<Box>& boxes);
  double least_loss(const Box& box) const;
  void set_reach(const AttentionBlock& attention, std::size_t lane);
  std::size_t depths_within(double layers) const;
  bool matters(std::size_t lane, double ffn_loss);
  void score(std::size_t lane);
  void score_at(const AttentionBlock& attention, std::size_t depth, SetPoint point);
  void take_lane(std::size_t lane);
  RowView row(const AttentionBlock& attention, std::size_t deployment, std::size_t depth,
              const FfnParts& ffn) const;
  void set_times(const RowView& row);
  const std::vector<std::int64_t>& feasible(const model::WeightedLimits& limits,
                                            const RowView& row);

  const SetLevel& level_;
  const Question& question_;
  const Depths& depths_;
  Frame frame_;
  SetFindings& found_;
  double width_;
  Index base_index_;
  std::vector<WidthPart> width_parts_;  // by deployment
  std::vector<AttentionBlock> attention_;
  FrameBoxes boxes_;
  std::vector<Box> open_, parts_;
  std::vector<FfnOption> lower_;
  FfnParts corners_, lane_;
  std::vector<Reach> reach_;
  std::vector<double> prefill_s_, decode_s_, value_;
  std::vector<std::int64_t> feasible_;
};

}  // namespace rooflaw::search
