#pragma once
// Which pieces rank 0 hands out next, and how many of them at once.

#include <boost/icl/interval_set.hpp>

#include "rooflaw/cluster/queue.hpp"

namespace rooflaw::cluster {

/// Pieces as the runs that they form.
using Pieces = boost::icl::interval_set<std::int64_t>;
/// Those that are left of what was begun.
Pieces open_pieces(const QueueState& state);

class RunSource {
 public:
  /// Keeps a reference to the work.
  RunSource(const QueueState& state, const Work& work, int ranks);

  /// The next run; empty: none are left. So long that rank 0 is not asked too often, and so short
  /// that all ranks end together.
  PieceRun take();
  /// How long pieces took somewhere.
  void measured(std::int64_t pieces, double seconds);
  void done(const PieceRun& run);

  QueueState state() const;

 private:
  std::int64_t length() const;
  std::int64_t end_of_run(std::int64_t first, std::int64_t last) const;

  const Work& work_;
  std::int64_t next_;
  std::int64_t pieces_;
  int ranks_;
  Pieces again_;              // left over from an earlier run
  Pieces under_way_;          // handed out, not done
  std::int64_t longest_ = 1;  // run so far
  double measured_pieces_ = 0, measured_seconds_ = 0;
};

}  // namespace rooflaw::cluster
