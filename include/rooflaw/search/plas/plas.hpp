#pragma once
// PLAS: sampling, local Pareto sets and relaxed optima where the frontier is thin.
//
// For spaces too fine to score whole, and for models that do not decompose. A round works on
// stretches of each target's frontier, those with the most empty area first. A stretch
//   - relaxes its largest gap, the largest rectangle between neighbours in (log latency, loss), by
//     NLopt (relaxation.hpp), from the gap's two ends and from the closed-form optimum;
//   - proposes the lattice corners around these solutions, moves of its points along every axis, by
//     powers of two, along two and at random along several, and mixes of neighbours;
//   - predicts all of them from the scored points near by (kriging.hpp), and asks for the few that
//     promise the most area.
// What is asked for is scored once, for all targets. The search ends when rounds that ask for more
// and more find nothing, or at a limit.
//
// Source: the search of [S] arXiv:2602.10377 sec. 4 (sampling, local Pareto sets, local
// refinement); the prediction in between is ours. Everything is a function of the question, its
// seed and what was scored before, so the sequence of rounds does not depend on the ranks that
// share the stretches. The folder knows the lattice, the model and the theory; nothing of ranks.

#include <compare>
#include <set>
#include <unordered_map>
#include <vector>

#include "rooflaw/search/method.hpp"
#include "rooflaw/search/plas/relaxation.hpp"
#include "rooflaw/search/space/lattice.hpp"

namespace rooflaw::search {

/// What an architecture gives in one deployment.
struct Score {
  model::Costs<double> costs;
  std::vector<double> loss;  // by law
};

/// What became of relaxations. None is fatal: a bad one proposes corners that are of no use.
struct RelaxationCounts {
  Index calls = 0;               // of the model; one with its gradient counts twice
  Index solves = 0;              // of these:
  Index out_of_evaluations = 0;  // stopped at their limit, as most do that start far off
  Index failed = 0;              // ended by round-off, or given up
  Index infeasible = 0;          // ended above a limit
  RelaxationCounts& operator+=(const RelaxationCounts& more);
};
template <class Archive>
void fields(Archive& a, RelaxationCounts& x) {
  a(counted(x.calls), counted(x.solves), counted(x.out_of_evaluations), counted(x.failed),
    counted(x.infeasible));
}

/// What a stretch asks for.
struct Proposal {
  std::vector<Index> points;
  RelaxationCounts relaxations;
};
template <class Archive>
void fields(Archive& a, Proposal& x) {
  a(x.points, x.relaxations);
}

struct PlasCounts {
  Index rounds = 0;
  Index requested = 0;  // architectures asked for
  Index scored = 0;     // each once
  Index repeated = 0;   // asked for again
  RelaxationCounts relaxations;
  Index evaluations() const { return scored + relaxations.calls; }
  PlasCounts& operator+=(const PlasCounts& more);
};
template <class Archive>
void fields(Archive& a, PlasCounts& x) {
  a(counted(x.rounds), counted(x.requested), counted(x.scored), counted(x.repeated), x.relaxations);
}

/// A gap of a target's frontier, by the points at its ends.
struct GapEnds {
  std::uint64_t target = 0;
  Index left = 0, right = 0;
  auto operator<=>(const GapEnds&) const = default;
};
template <class Archive>
void fields(Archive& a, GapEnds& x) {
  a(x.target, x.left, x.right);
}

// A search ends after so many rounds in a row that find nothing, or that gain too little.
inline constexpr int most_idle_rounds = 6;
inline constexpr int most_slow_rounds = 3;

/// All that a search has gathered between two rounds: with the question and what it started from,
/// enough to go on as if it had never stopped. Points are scored again: that takes a hundredth of
/// the time that finding them did, and no state can hold false scores.
struct PlasState {
  std::vector<Index> points;  // scored, in order
  std::vector<HypervolumeReference> reference;
  std::vector<GapEnds> relaxed;
  PlasCounts counts;
  double hypervolume = 0;
  int idle_rounds = 0;
  int slow_rounds = 0;
};
template <class Archive>
void fields(Archive& a, PlasState& x) {
  a(x.points, x.reference, x.relaxed, x.counts, not_negative(x.hypervolume),
    within(x.idle_rounds, 0, most_idle_rounds), within(x.slow_rounds, 0, most_slow_rounds));
}

/// A frontier found before, as points of the lattice.
struct KnownPoint {
  LatticePoint point;
  double latency_s = 0;
  double loss = 0;
};
using KnownFrontier = std::vector<KnownPoint>;  // sorted by latency

/// One step: score what is wanted, absorb the scores; then, unless finished, propose for every
/// stretch and accept the proposals, which makes the next architectures wanted.
class Plas {
 public:
  /// From a Latin hypercube. Keeps a reference to the question.
  Plas(const Question& question, const PlasOptions& options);
  /// From known frontiers, by target: their points are taken as they are and some of them scored to
  /// predict from.
  Plas(const Question& question, const PlasOptions& options,
       const std::vector<KnownFrontier>& known);

  /// The architectures to score next, and their scores: wanted() by deployment.
  const std::vector<LatticePoint>& wanted() const { return wanted_; }
  std::vector<Score> score() const;
  void absorb(const std::vector<Score>& scores);

  bool finished() const { return finished_; }
  /// Stretches of the next round, and what each proposes. `propose` changes nothing.
  std::size_t stretches() const { return stretches_.size(); }
  Proposal propose(std::size_t stretch) const;
  void accept(const std::vector<Proposal>& proposals);

  /// Between absorb and accept. The state goes to a Plas made of the same question, options and
  /// known frontiers, in place of its first scores.
  PlasState state() const;
  void restore(const PlasState& state);
  /// Is every number of a state one that such a search could have? @throws Error if not
  void check(const PlasState& state) const;
  /// Are these what a stretch may propose?
  void check(const Proposal& proposal) const;

  const std::vector<Frontier>& frontiers() const { return frontiers_; }
  const PlasCounts& counts() const { return counts_; }
  // Of all targets together, each from the default reference of its first frontier.
  double hypervolume() const { return hypervolume_; }
  double largest_gap() const { return largest_gap_; }  // as a share of its target's hypervolume

 private:
  struct Stretch {
    std::size_t target = 0;
    std::size_t first = 0, last = 0;  // of the target's frontier
    double empty_area = 0;            // between its points, as a share of the hypervolume
    std::vector<std::size_t> gaps{};  // to relax; each by its left end
  };
  class Candidates;
  struct NothingYet {};
  Plas(const Question& question, const PlasOptions& options, NothingYet);

  static constexpr int evaluations_per_start = 10;
  // From three starts; each answer is looked at once more, and a gradient counts as much as a
  // value.
  static constexpr Index most_calls_per_gap = Index{3} * 2 * (evaluations_per_start + 1);
  Eigen::Index feature_count() const { return static_cast<Eigen::Index>(axis_features_.size()); }
  Eigen::RowVectorXd features(const model::Architecture& a) const;

  const Score& score_of(std::size_t point, std::size_t deployment) const;
  void want(const LatticePoint& point);            // unless the evaluations are used up
  void take_in(const std::vector<Score>& scores);  // of what is wanted
  void measure();
  void plan_round();
  void plan_target(std::size_t target);
  std::vector<std::size_t> base_points(const Stretch& stretch) const;
  std::vector<std::size_t> training_set(const std::vector<std::size_t>& base) const;
  void add_moves(const std::vector<std::size_t>& base, std::size_t stretch,
                 Candidates& candidates) const;
  RelaxationCounts add_relaxed(std::size_t target, std::size_t gap, Candidates& candidates) const;
  void add_corners(const model::Architecture& kinds, const RelaxedSizes& sizes,
                   Candidates& candidates) const;
  std::vector<Index> most_promising(const Stretch& stretch,
                                    const std::vector<std::size_t>& training,
                                    const Candidates& candidates) const;

  const Question& question_;
  PlasOptions options_;
  Lattice lattice_;
  std::vector<AxisFeature> axis_features_;
  theory::ShapeBox box_;

  std::vector<LatticePoint> points_;               // scored, in the order they were wanted
  std::unordered_map<Index, std::size_t> number_;  // of a scored point, by index
  std::vector<Score> scores_;                      // by point, then deployment
  Eigen::MatrixXd features_;                       // a row a point
  Eigen::RowVectorXd spread_;                      // of the features
  std::vector<Frontier> frontiers_;
  std::vector<std::vector<FrontierPoint>> frontier_points_;  // after the last round
  std::vector<HypervolumeReference> reference_;              // by target

  std::vector<LatticePoint> wanted_;
  std::set<Index> wanted_indices_;
  std::vector<Stretch> stretches_;
  std::set<GapEnds> relaxed_;  // gaps that were
  PlasCounts counts_;
  double hypervolume_ = 0;
  double largest_gap_ = 0;
  int idle_rounds_ = 0;
  int slow_rounds_ = 0;
  bool finished_ = false;
};

}  // namespace rooflaw::search
