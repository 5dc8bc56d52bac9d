#pragma once
// Which pieces rank 0 hands out next, and how many of them at once.

#include <boost/icl/interval_set.hpp>

#include "rooflaw/cluster/queue.hpp"

namespace rooflaw::cluster {

class RunSource {
 public:
  /// @param one_by_one  pieces that are long
  RunSource(const QueueState& state, std::int64_t pieces, int ranks, bool one_by_one);

  /// The next run; empty: none are left. So long that rank 0 is not asked too often, and so short
  /// that all ranks end together.
  PieceRun take();
  /// How long pieces took somewhere.
  void measured(std::int64_t pieces, double seconds);
  void done(const PieceRun& run);

  QueueState state() const;

 private:
  using Pieces = boost::icl::interval_set<std::int64_t>;
  std::int64_t length() const;

  std::int64_t next_;
  std::int64_t pieces_;
  int ranks_;
  bool one_by_one_;
  Pieces again_;      // left over from an earlier run
  Pieces under_way_;  // handed out, not done
  double measured_pieces_ = 0, measured_seconds_ = 0;
};

}  // namespace rooflaw::cluster
