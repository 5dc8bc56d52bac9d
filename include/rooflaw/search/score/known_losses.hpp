#pragma once
// What is known of a target's frontier without its points: the least loss by latency, wherever it
// was found. It is enough to drop what is dominated, it does not grow with the frontier, and to put
// two together is to take the lesser of each bin: in any order, and as often as one likes.
//
// Bins are by the leading bits of the latency. Whatever they drop is strictly dominated by a point
// that was found: a point of the space at least as good stays with the rank that found it.
//
// All of it may lie in memory that the ranks of a node have in common: what one finds the others
// know at once. Nothing is locked. Each bin by itself is right at any time, since it is only ever
// given the loss of a point that was found; two who lower the same bins at once may undo a part of
// what the other did, which costs a little of what is dropped and no point.

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "rooflaw/search/frontier.hpp"

namespace rooflaw::search {

/// A one-look test that drops most dominated points before the exact one: 64 bins an octave; a bin
/// knows the least loss of the points in the bins before it, all of which are strictly faster.
struct DominanceBins {
  static constexpr int shift = 46;  // keeps the exponent and 6 bits of the mantissa
  static constexpr std::int64_t first = std::bit_cast<std::int64_t>(0x1p-30) >> shift;
  static constexpr std::int64_t last = std::bit_cast<std::int64_t>(0x1p+30) >> shift;
  static constexpr std::int64_t count = last - first + 1;

  /// Bin of a latency > 0; those outside 1 ns .. 10^9 s share the end bins.
  static std::int64_t bin(double latency_s) {
    return within(std::bit_cast<std::int64_t>(latency_s) >> shift);
  }
  static std::int64_t within(std::int64_t leading_bits) {
    const std::int64_t b = leading_bits - first;
    return b < 0 ? 0 : (b >= count ? count - 1 : b);
  }
};

/// The bins of a LossBound that have a number so far; there is always one.
struct LossWindow {
  std::int64_t first = 0, last = 0;
};
/// It grows with the points.
struct GrowingWindow {
  LossWindow now;
  std::int64_t being_widened = 0;  // by somebody
};

/// The least loss of points faster than a latency, in bins of it: one-sided, never below it.
class LossBound {
 public:
  static constexpr int shift = 42;       // keeps the exponent and 10 bits of the mantissa
  static constexpr int fine_shift = 39;  // and 13 bits
  static std::int64_t bin(double latency_s, int by = shift) {
    return std::bit_cast<std::int64_t>(latency_s) >> by;
  }
  // Bins of 1 ns .. 10^9 s. A faster point counts as one of the first, a slower one not at all.
  static constexpr std::int64_t lowest = std::bit_cast<std::int64_t>(0x1p-30) >> shift;
  static constexpr std::int64_t count = (std::bit_cast<std::int64_t>(0x1p+30) >> shift) - lowest;

  /// In memory of its own: of points in any order, in fine bins.
  /// @param lowered_by  taken off every loss
  explicit LossBound(std::span<const FrontierPoint> points, double lowered_by = 0);
  /// In that of somebody else, which stays: `count` bins, of which `window` tells.
  LossBound(std::span<double> least_before, GrowingWindow& window);

  /// A point in that bin. Cost: some ten nanoseconds; a nanosecond for each bin it lowers.
  void add(std::int64_t bin, double loss);
  /// Of all points in bins before this one.
  double before(std::int64_t bin) const;
  /// Of all points in bins before that of a latency.
  double faster_than(double latency_s) const { return before(bin(latency_s, shift_)); }

  /// What tells the bin of a latency; its number is at `data()[bin - base()]`, if it is in the
  /// window. Before it `data()[0]` holds, which nothing lowers: the window's first number may be
  /// lowered, once it has grown, by a point that is no faster. Behind it the last one holds.
  int bin_shift() const { return shift_; }
  const double* data() const { return least_before_.data(); }
  std::int64_t base() const { return base_; }
  LossWindow window() const;

 private:
  void widen(std::int64_t from, std::int64_t to);
  void lower_from(std::int64_t bin, double loss);

  struct Own {
    std::vector<double> least_before;
    GrowingWindow window;
  };
  std::unique_ptr<Own> own_;
  int shift_ = shift;
  std::int64_t base_ = lowest;      // of the first number
  std::span<double> least_before_;  // falling
  GrowingWindow* window_;
};

/// Where a target's KnownLosses are: half a megabyte, of which they take up what they use.
struct LossMemory {
  std::uint64_t changes;
  GrowingWindow window;
  std::uint64_t untold[LossBound::count / 64];  // a bit for each bin
  double bins[DominanceBins::count];
  double least_before[LossBound::count];
};
/// Nothing is known.
void make_ready(LossMemory& memory);

class KnownLosses {
 public:
  /// A difference of losses that is not worth telling, nats: a bound that moves by so little drops
  /// nothing of note.
  static constexpr double last_digits = 1e-6;

  /// In memory of their own.
  KnownLosses();
  /// In memory that was made ready and stays, and that others use too.
  explicit KnownLosses(LossMemory& memory);

  /// Takes in a point of that bin of LossBound. Does it lower a bound by more than the last digits?
  bool add(std::int64_t bin, double loss);
  /// Of all points in this bin and those before.
  double least_until(std::int64_t bin) const { return bound_.before(bin + 1); }

  /// Notes a bin as one to tell of.
  void note(std::int64_t bin);
  /// Those noted since the last time, by whom ever. Cost: a look, if nothing has changed.
  std::vector<std::int64_t> take_noted();

  /// The least loss of points before each of DominanceBins.
  const double* bins() const { return memory_->bins; }
  const LossBound& bound() const { return bound_; }
  /// How often anything was lowered.
  std::uint64_t changes() const;

 private:
  std::unique_ptr<LossMemory> own_;
  LossMemory* memory_;
  LossBound bound_;
  std::uint64_t changes_taken_ = 0;
};

}  // namespace rooflaw::search
