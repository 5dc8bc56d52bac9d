#pragma once
// What is known of a target's frontier without its points: the least loss by latency, wherever it
// was found. It is enough to drop what is dominated, it does not grow with the frontier, and to put
// two together is to take the lesser of each bin: in any order, and as often as one likes.
//
// Bins are by the leading bits of the latency. Whatever they drop is strictly dominated by a point
// that was found: a point of the space at least as good stays with the rank that found it.

#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "rooflaw/search/frontier.hpp"

namespace rooflaw::search {

/// A one-look test that drops most dominated points before the exact one: 64 bins an octave; a bin
/// knows the least loss of the points in the bins before it, all of which are strictly faster.
class DominanceBins {
 public:
  static constexpr int shift = 46;  // keeps the exponent and 6 bits of the mantissa
  static constexpr std::int64_t first = std::bit_cast<std::int64_t>(0x1p-30) >> shift;
  static constexpr std::int64_t last = std::bit_cast<std::int64_t>(0x1p+30) >> shift;
  static constexpr std::int64_t count = last - first + 1;

  DominanceBins() : least_loss_before_(count, std::numeric_limits<double>::infinity()) {}

  /// Bin of a latency > 0; those outside 1 ns .. 10^9 s share the end bins.
  static std::int64_t bin(double latency_s) {
    return within(std::bit_cast<std::int64_t>(latency_s) >> shift);
  }
  static std::int64_t within(std::int64_t leading_bits) {
    const std::int64_t b = leading_bits - first;
    return b < 0 ? 0 : (b >= count ? count - 1 : b);
  }
  /// A point in that bin.
  void add(std::int64_t bin, double loss);
  const double* data() const { return least_loss_before_.data(); }

 private:
  std::vector<double> least_loss_before_;
};

/// The least loss of points faster than a latency, in bins of it: one-sided, never below it.
class LossBound {
 public:
  static constexpr int shift = 42;       // keeps the exponent and 10 bits of the mantissa
  static constexpr int fine_shift = 39;  // and 13 bits
  static std::int64_t bin(double latency_s, int by = shift) {
    return std::bit_cast<std::int64_t>(latency_s) >> by;
  }

  LossBound() = default;
  /// Of points in any order, in fine bins. @param lowered_by  taken off every loss
  explicit LossBound(std::span<const FrontierPoint> points, double lowered_by = 0);

  /// A point in that bin. Cost: some ten nanoseconds; a nanosecond for each bin it lowers.
  void add(std::int64_t bin, double loss);
  /// Of all points in bins before this one.
  double before(std::int64_t bin) const {
    const std::int64_t b = bin - first_;
    return least_before_[static_cast<std::size_t>(b < 0 ? 0 : (b > last() ? last() : b))];
  }
  /// Of all points in bins before that of a latency.
  double faster_than(double latency_s) const { return before(bin(latency_s, shift_)); }
  /// What tells the bin of a latency.
  int bin_shift() const { return shift_; }
  const double* data() const { return least_before_.data(); }
  std::int64_t first() const { return first_; }
  std::int64_t last() const { return static_cast<std::int64_t>(least_before_.size()) - 1; }

 private:
  int shift_ = shift;
  std::int64_t first_ = 0;
  std::vector<double> least_before_{std::numeric_limits<double>::infinity()};  // falling
};

class KnownLosses {
 public:
  /// A difference of losses that is not worth telling, nats: a bound that moves by so little drops
  /// nothing of note.
  static constexpr double last_digits = 1e-6;

  /// Takes in a point of that bin of LossBound. Does it lower a bound by more than the last digits?
  bool add(std::int64_t bin, double loss);
  /// Of all points in this bin and those before.
  double least_until(std::int64_t bin) const { return bound_.before(bin + 1); }

  const DominanceBins& bins() const { return bins_; }
  const LossBound& bound() const { return bound_; }
  /// How often anything was lowered.
  std::uint64_t changes() const { return changes_; }

 private:
  DominanceBins bins_;
  LossBound bound_;
  std::uint64_t changes_ = 0;
};

}  // namespace rooflaw::search
