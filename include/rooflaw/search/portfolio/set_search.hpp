#pragma once
// Which architectures serve which targets, and the best of them for any group of targets: one pass
// over the space, pruned as strategy `exact` prunes (exact/exact.hpp), from its boxes and levels.
//
// A target is served by what meets its budget, and the further limits of its deployment. At one
// attention block and one depth the fastest and smallest corner of a box of FFN blocks meets the
// budgets of a set S+ of targets that nothing in the box goes beyond. The opposite corner has the
// least loss. If that is larger than the best known among those that serve all of S+ or more, no
// block of the box is the best for any group, and the box is dropped; else it is cut, down to
// blocks. S+ falls as the depth grows, so that as many depths are looked at as there are targets.
// What is dropped has strictly more loss than something that was found (bounds moved outwards as in
// exact/slack.hpp): the table is that of all points, ties by index included, whatever the order or
// the number of ranks. Under a law that does not let boxes be bounded (model::is_monotone) every
// block is looked at.

#include "rooflaw/search/exact/boxes.hpp"
#include "rooflaw/search/exact/slack.hpp"
#include "rooflaw/search/portfolio/set_table.hpp"

namespace rooflaw::search {

/// What a target needs at least: the lowest budget that an architecture of the space meets within
/// the target's other limits (infinite: none does), and the least memory of any.
struct LeastNeed {
  double objective = std::numeric_limits<double>::infinity();
  double memory_bytes = std::numeric_limits<double>::infinity();
  bool operator==(const LeastNeed&) const = default;
};
template <class Archive>
void fields(Archive& a, LeastNeed& x) {
  constexpr double most = std::numeric_limits<double>::infinity();
  a(within(x.objective, 0, most), within(x.memory_bytes, 0, most));
}

struct SetFindings {
  SetTable table;
  std::vector<LeastNeed> least;  // by target
  std::int64_t pairs_scored = 0;
};

/// What a target asks of an architecture: its budget and its deployment's limits; without the
/// budget, the others alone.
model::WeightedLimits limits_of(const Question& question, const Target& target,
                                double budget = std::numeric_limits<double>::infinity());

/// A level of the search. The question has one law and at most most_set_targets targets.
class SetLevel {
 public:
  /// Keeps references. @param budgets  by target, in the units of their objectives
  SetLevel(const Question& question, const std::vector<double>& budgets, const PowerTables& tables,
           const Subspace& subspace);

  /// FFN kind x width.
  Index pieces() const { return static_cast<Index>(frames_.size()); }
  std::string name(Index piece) const;
  /// Adds what a piece has, pruned by what is found already. `between` is called now and then.
  void score(Index piece, SetFindings& found, const std::function<void()>& between) const;

 private:
  friend class SetPiece;
  const Question& question_;
  const PowerTables& tables_;
  const Subspace& subspace_;
  std::vector<Frame> frames_;
  Depths depths_;
  std::vector<double> least_depth_loss_;  // of depths up to this one
  Routes routes_;
  bool monotone_;
  std::vector<model::WeightedLimits> limits_;        // by target, the budget among them
  std::vector<model::WeightedLimits> other_limits_;  // the same without it
};

}  // namespace rooflaw::search
