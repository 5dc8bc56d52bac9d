#pragma once
// Scores points and keeps the frontier of every target: latency and loss of each pair are computed
// and compared with the frontier. All targets are scored together, the loss once.
//
// The folder from below: powers of all that can occur (tables.hpp), what a block of a point adds to
// time, memory and loss (parts.hpp), rows of points in SIMD lanes (row_kernels.hpp), blocks of the
// space (here). It knows the question and the space; which blocks are scored, and when, is the
// strategies' business.

#include <functional>
#include <utility>
#include <vector>

#include "rooflaw/search/score/known_losses.hpp"
#include "rooflaw/search/score/parts.hpp"

namespace rooflaw::search {

/// The part of a space that one call scores: attention options x FFN options x layers of one frame.
struct Block {
  Frame frame;
  std::vector<AttentionOption> attention;
  std::vector<FfnOption> ffn;
  std::vector<std::size_t> layer_digits;
};

struct RowView;

/// One attention block of a frame at these depths, as one target sees it.
struct TargetRows {
  std::size_t target = 0;
  double width = 0;
  const WidthPart* width_part = nullptr;
  const AttentionParts* attention = nullptr;
  double attention_activations = 0;
  double kv_loss = 0;
  Index index = 0;  // share of the points' index, that of the frame included
  std::vector<std::size_t> layer_digits;
  const LossBound* below = nullptr;  // points are kept that lose less
};

class Scanner {
 public:
  /// @param in_common  what is known by target, if it is known to others too; stays
  Scanner(const Question& question, const PowerTables& tables,
          std::span<LossMemory> in_common = {});

  /// Scores a block. `between_rows` is called now and then, for a rank that must answer others.
  void scan(const Block& block, const std::function<void()>& between_rows = {});

  /// Scores FFN blocks for one target only. `ffn` has the target's deployment filled.
  void scan_rows(const TargetRows& rows, const FfnParts& ffn);

  /// What was found here and not cleared since, by target.
  const std::vector<Frontier>& frontiers() const { return frontiers_; }
  /// Adds a point of the space, as if it had been scored.
  void insert(std::size_t target, const FrontierPoint& point);
  /// Drops the points, which are somebody else's now; what they say goes on to be known.
  void clear_frontiers();

  /// By target, of points found anywhere. Bins are noted whose least loss falls by what is scored
  /// here. What others found may be added between two calls of `between_rows`, or lie in common.
  std::vector<KnownLosses>& known() { return known_; }
  const std::vector<KnownLosses>& known() const { return known_; }

  std::int64_t pairs_scored() const { return pairs_scored_; }
  /// Takes the count back to an earlier one, for points that are scored again.
  void count_from(std::int64_t pairs) { pairs_scored_ = pairs; }

 private:
  void scan_row(const Block& block, std::size_t layer_digit);
  RowView row_view(std::size_t deployment, const Block& block, std::size_t layer_digit,
                   const FfnParts& ffn) const;
  void insert_candidates(std::size_t target, const RowView& row, const FfnParts& ffn,
                         const LossBound* below, bool& feasibility_known);
  void find_feasible(std::size_t deployment, const RowView& row);
  void resize_rows(std::size_t padded);

  const Question& question_;
  const PowerTables& tables_;
  std::vector<model::WeightedLimits> limits_;  // by deployment
  std::vector<model::Weights> objectives_;     // by target
  Strides strides_;
  std::vector<Frontier> frontiers_;
  std::vector<KnownLosses> known_;
  std::int64_t pairs_scored_ = 0;

  // State of the block and row at hand, kept to spare allocations.
  FfnParts ffn_;
  std::vector<WidthPart> width_parts_;           // by deployment
  std::vector<AttentionParts> attention_parts_;  // by deployment
  double attention_activations_ = 0;
  std::vector<double> kv_loss_;  // by law
  Index row_index_ = 0;
  std::vector<std::vector<double>> loss_;  // by law
  std::vector<double> prefill_s_, decode_s_, value_, limited_;
  std::vector<std::int64_t> candidate_, feasible_;
};

}  // namespace rooflaw::search
