#pragma once
// The frontier of one target: the points no other point beats, sorted by latency.
//
// x dominates y if loss and latency of x are no larger and one is smaller ([S] arXiv:2602.10377
// Eq. 5). Of points equal in both, the one with the lowest index stays. What remains is a function
// of the set of points alone: the order of insertion, and so the number of ranks, does not matter.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "rooflaw/core/archive.hpp"

namespace rooflaw::search {

struct FrontierPoint {
  double latency_s = 0;
  double loss = 0;
  std::int64_t index = 0;
  bool operator==(const FrontierPoint&) const = default;
};
using FrontierPoints = std::vector<FrontierPoint>;
template <class Archive>
void fields(Archive& a, FrontierPoint& x) {
  a(x.latency_s, x.loss, x.index);
}

class Frontier {
 public:
  /// Adds a point unless it is dominated, and drops what it dominates. O(log n), amortised.
  /// @throws DomainError if latency or loss is NaN or latency is not positive
  void insert(const FrontierPoint& point);

  std::size_t size() const { return points_.size(); }
  bool contains(const FrontierPoint& point) const;
  std::vector<FrontierPoint> points() const;  // sorted by latency
  void clear() { points_.clear(); }
  /// How many points were ever added, an index lowered counts too: has it changed?
  std::uint64_t additions() const { return additions_; }

 private:
  struct Entry {
    double loss;
    std::int64_t index;
  };
  std::map<double, Entry> points_;  // by latency; loss falls strictly
  std::uint64_t additions_ = 0;
};

/// The frontier of two, each sorted by latency. O(n).
FrontierPoints merged(const FrontierPoints& a, const FrontierPoints& b);

/// Area dominated by `points` in (log10 latency, loss) up to a reference; points beyond the
/// reference count nothing. Any order, dominated points allowed. O(n log n).
/// @throws DomainError if a number is NaN or a latency is not positive
double hypervolume(std::span<const FrontierPoint> points, double reference_latency_s,
                   double reference_loss);

/// Where hypervolume is measured from unless a job says otherwise: 1.1 x the largest latency,
/// 0.1 + the largest loss. Zeros for an empty frontier.
struct HypervolumeReference {
  double latency_s = 0;
  double loss = 0;
};
template <class Archive>
void fields(Archive& a, HypervolumeReference& x) {
  a(not_negative(x.latency_s), finite(x.loss));
}
HypervolumeReference default_reference(std::span<const FrontierPoint> frontier);

/// By how much more points enlarge a frontier's hypervolume, as a share of it; reference:
/// default_reference of the frontier. 0 without a frontier.
double hypervolume_gain(std::span<const FrontierPoint> frontier,
                        std::span<const FrontierPoint> more);

/// How a frontier compares with the true one of the same space, both sorted by latency: the most
/// loss it lacks at any latency that it reaches, infinite where it is not as fast as the true one;
/// and its share of the true hypervolume (reference: that of the true frontier). 0 and 1 for two
/// empty frontiers.
double largest_loss_gap(std::span<const FrontierPoint> frontier,
                        std::span<const FrontierPoint> whole);
double hypervolume_share(std::span<const FrontierPoint> frontier,
                         std::span<const FrontierPoint> whole);

}  // namespace rooflaw::search
