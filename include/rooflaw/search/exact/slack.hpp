#pragma once
// How good an FFN block must be to matter: the test that lets strategy `exact` drop a block, or a
// whole box of blocks, without scoring a point.
//
// At one width a point is an attention block, an FFN block and a depth L. With a frontier found
// so far, F(x) the least loss of its points faster than x, a block of time t per layer and loss
// share c can give a point that is not dominated only if, for some attention block (time a, loss k)
// and some depth that its memory allows,
//
//   c < F(latency(L, a + t)) - depth loss(L) - k - penalty  =:  slack
//
// The right side falls with t, so its largest value at the lower edge of a bin of t holds for the
// whole bin. F is a LossBound (known_losses.hpp). SlackTable keeps that value for all of a bin of t
// with each group of attention blocks, and with each group of depths; filled as it is asked for.
// Blocks that these few numbers leave open are looked at by their own time, with the depths and
// attention blocks that the numbers leave open.
//
// Rounding. Bounds are computed in double precision by fewer than 20 operations on positive
// numbers, powers included; they are then moved outwards by 10^-12 of their size, ten thousand
// roundings, and kept as floats rounded up. So what the test drops is strictly dominated, in the
// very numbers that model::evaluate gives, by a point that was found.

#include <cstdint>
#include <limits>
#include <vector>

#include "rooflaw/search/exact/levels.hpp"
#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

inline constexpr double bound_margin = 1e-12;

/// Depths of a space, shallow first.
struct Depths {
  std::vector<std::size_t> digits;
  std::vector<double> layers;
  std::vector<std::vector<double>> loss;  // by law
};
Depths depths_of_level(const Space& space, const PowerTables& tables, const Subspace& level);

/// Attention blocks of a width as one target sees them: seconds per layer in its kind of latency,
/// the overhead included, and KV loss.
struct AttentionCost {
  double seconds = 0;
  double loss = 0;
};

/// Those of a width. Many are bounded in groups of like loss, each by the least of its seconds and
/// losses.
struct AttentionCosts {
  std::vector<AttentionCost> blocks;  // those of a group side by side
  std::size_t per_group = 1;
  std::vector<AttentionCost> groups;
};

class SlackTable {
 public:
  /// @param head_s     seconds beside the layers, in the target's kind of latency
  /// @param per_token  latency is seconds times this (1, or 1 / output tokens)
  /// Keeps references to `bound`, `depths` and `attention`.
  SlackTable(const LossBound& bound, const Depths& depths, std::size_t law,
             const AttentionCosts& attention, double head_s, double per_token, double loss_delta);

  /// Can an FFN block of at least `ffn_s` seconds a layer and this loss give a point that is not
  /// dominated, at one of the first `depths`?
  bool open(double ffn_s, double ffn_loss, std::size_t depths);
  /// The bound changed.
  void forget();

  /// Depths from `first` to before `end` where blocks of at least these seconds a layer and this
  /// loss can give a point that is not dominated, with an attention block of this cost.
  void open_depths(const AttentionCost& attention, double ffn_s, double ffn_loss, std::size_t first,
                   std::size_t end, std::vector<std::size_t>& open);

 private:
  static constexpr std::size_t depths_per_group = 4;
  static constexpr int shift = 49;  // 8 bins of t an octave
  const float* row_at(double ffn_s);
  void fill(std::size_t bin);
  bool open_with(const AttentionCost& attention, double ffn_s, double ffn_loss, std::size_t first,
                 std::size_t end);
  void set_values(const AttentionCost& attention, double ffn_s, std::size_t first, std::size_t end);
  double margin(double size, const AttentionCost& attention) const;
  double least_open(const AttentionCost& attention, double ffn_loss) const;

  const LossBound* bound_;
  const Depths* depths_;
  std::size_t law_;
  const AttentionCosts* attention_;
  double head_s_, per_token_, loss_delta_;
  std::size_t groups_;
  double depth_size_ = 0;  // the largest depth loss
  static constexpr std::uint32_t unfilled = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> row_of_bin_;
  // Of the bins that were asked for: the largest slack by the depths up to a group, by group of
  // depths, by group of attention blocks.
  std::vector<float> rows_;
  std::size_t row_size_;
  struct Pair {
    std::size_t block = 0, depth = 0;
  } last_open_;                       // what was open last often is again
  std::vector<double> values_, row_;  // scratch
};

}  // namespace rooflaw::search
