#pragma once
// Frontiers side by side: what one reaches where another is. A frontier is taken as what can be
// built, a staircase without anything between its points: within t the lowest loss is that of the
// slowest point that is no slower than t, and a loss of l takes the fastest point that is no worse.
//
// Frontiers here are sorted, the objective rising and the loss falling strictly, as
// Frontier::points gives them. Objectives in any unit (s, s/token, J), all > 0; losses in nats per
// token. Cost: a look-up O(log n), the rest O(n).

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "rooflaw/search/frontier.hpp"
#include "rooflaw/search/row.hpp"

namespace rooflaw::search {

/// Rows of a frontier as points, the index that of the row.
FrontierPoints points_of(const std::vector<Row>& rows);

/// A point of lowest loss whose objective is at most this; null if none is as fast.
const FrontierPoint* best_within(std::span<const FrontierPoint> frontier, double objective);
/// The fastest point whose loss is at most this; null if none is as good.
const FrontierPoint* fastest_reaching(std::span<const FrontierPoint> frontier, double loss);

/// At most `rungs` (>= 1) objectives of points of the frontier, rising: the slowest points within
/// steps of equal ratio from its fastest point to its slowest. Empty for an empty frontier.
std::vector<double> ladder(std::span<const FrontierPoint> frontier, std::size_t rungs);

/// How much longer one frontier takes than another at equal loss.
struct RatioAtEqualLoss {
  double mean = 0;  // geometric, every nat of the common range weighing the same
  double least = 0, largest = 0;
  double loss_from = 0, loss_to = 0;  // the losses that both have: the common range
};
/// Empty if no loss lies between the ends of both.
std::optional<RatioAtEqualLoss> ratio_at_equal_loss(std::span<const FrontierPoint> frontier,
                                                    std::span<const FrontierPoint> baseline);

/// What a point that may not be of the frontier leaves on the table there. Negative nats and a
/// ratio below 1: it is better than the frontier, which was not all there is, or not bound to the
/// same limits.
struct Regret {
  double nats = 0;   // its loss above the best within its objective; NaN if none is as fast
  double ratio = 0;  // its objective over that of the fastest as good; NaN if none is as good
};
Regret regret(std::span<const FrontierPoint> frontier, double objective, double loss);

/// How far a time may be from what is stated, as factors: the truth lies in [low t, high t]. NaN
/// where that is unknown.
struct Band {
  double low = 0, high = 0;
  bool known() const { return low == low && high == high; }
};
/// Geometric means of the factors low / value and high / value of a table's rows; unknown if the
/// table is empty or any of its numbers is not finite and > 0. The three have one length.
Band band_of(std::span<const double> values, std::span<const double> low,
             std::span<const double> high);

enum class Tie { no, yes, unknown };
/// Are two devices, one `ratio` times as slow as the other, no different for what is known? Yes if
/// the difference lies within the band of either; no if both are known and it does not.
Tie tie(double ratio, const Band& band, const Band& baseline);

/// The architecture of a row of a search of this space, which has what a row does not say:
/// vocabulary, tied tables, windows.
model::Architecture architecture_of(const Row& row, const Space& space);

}  // namespace rooflaw::search
