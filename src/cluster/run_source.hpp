#pragma once
// Which pieces rank 0 hands out next, and how many of them at once.

#include <boost/icl/interval_set.hpp>

#include "rooflaw/cluster/queue.hpp"

namespace rooflaw::cluster {

/// Pieces as the runs that they form.
using Pieces = boost::icl::interval_set<std::int64_t>;
/// Those that are left of what was begun.
Pieces open_pieces(const QueueState& state);

/// What is handed out at once. A run that has taken so many seconds of processor time ends with the
/// piece at hand, and what is left of it comes back: pieces differ, and one that is long must not
/// hold up those behind it.
struct HandedRun {
  PieceRun run{};
  double most_seconds = 0;
  bool wait = false;  // none now: what is under way may come back
  Bytes needed{};     // Work::needed_for
};
template <class Archive>
void fields(Archive& a, HandedRun& x) {
  a(x.run, x.most_seconds, x.wait, x.needed);
}

class RunSource {
 public:
  /// Keeps a reference to the work.
  RunSource(const QueueState& state, const Work& work, int ranks);

  /// The next run; empty: none are left. So long that rank 0 is not asked too often, and so short
  /// that all ranks end together.
  HandedRun take();
  /// How long pieces took somewhere.
  void measured(std::int64_t pieces, double seconds);
  /// Pieces of a run that was handed out, not begun.
  void give_back(const PieceRun& rest);
  void done(const PieceRun& run);

  QueueState state() const;

 private:
  double pieces_per_second() const { return measured_pieces_ / measured_seconds_; }
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
