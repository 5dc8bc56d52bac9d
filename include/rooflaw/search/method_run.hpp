#pragma once
// What any method gives those who run it, alone or on many ranks.
//
// A run goes in rounds: `exact` in levels, `plas` in rounds of stretches, `grid` and `sample` in
// one. The pieces of a round are Work: any rank may do any of them, in any order. At its end what
// rank 0 has gathered goes to all, and every rank enters the next round by itself. All that follows
// is a function of the question and the pieces, so that every rank has the same next round.

#include <memory>

#include "rooflaw/core/work.hpp"
#include "rooflaw/search/findings.hpp"
#include "rooflaw/search/method.hpp"
#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

/// Who runs it.
struct Role {
  int rank = 0;
  int ranks = 1;
  bool is_root() const { return rank == 0; }
};

/// How far a run is.
struct Progress {
  Index done = 0;  // pieces of the round; of plas, evaluations
  Index of = 0;
  std::size_t frontier_points = 0;  // so far, all targets
  Index level = 0, levels = 0;      // of exact; from 1
  // Of plas:
  Index rounds = 0;
  double hypervolume = 0;
  double largest_gap = 0;
};

/// What goes in rounds, with or without frontiers at its end.
class Rounds : public Work {
 public:
  /// Pieces of the round in which a run was that left this `state`. @throws Error, ArchiveError if
  /// it cannot be of this question and method
  virtual std::int64_t check(const Bytes& state) const = 0;
  /// Before the first round, on all ranks: anew (no bytes), or from a state that passed `check`.
  virtual void begin(const Bytes& state) = 0;

  /// Before `begin`: how much memory the ranks of a node would do well to have in common; one of
  /// them makes it ready; it is there for as long as a rank holds it.
  virtual std::size_t common_bytes() const { return 0; }
  virtual void make_ready(std::span<std::byte> /*memory*/) const {}
  virtual void use_in_common(std::shared_ptr<std::byte[]> /*memory*/) {}

  /// Are there no more rounds?
  virtual bool finished() const = 0;
  /// Rank 0, when all pieces of a round are done: what the others need of it.
  virtual Bytes gathered() const = 0;
  /// All ranks: ends the round and makes the next one ready. Rank 0 has what it gathered.
  virtual void next_round(const Bytes& gathered) = 0;

  /// Rank 0: all that `begin` needs to go on from here, with pieces done as far as reported.
  virtual Bytes state() const = 0;
  /// @param begun  pieces of the round
  virtual Progress progress(std::int64_t begun) const = 0;
};

class MethodRun : public Rounds {
 public:
  /// Rank 0; `complete` and `serving` are not its to know.
  virtual Outcome found() const = 0;
};

/// Keeps a reference to the question.
std::unique_ptr<MethodRun> start(const Method& method, const Question& question, Role role = {});
// Each in the folder of its method:
std::unique_ptr<MethodRun> start(const Exact& method, const Question& question, Role role);
std::unique_ptr<MethodRun> start(const Grid& method, const Question& question, Role role);
std::unique_ptr<MethodRun> start(const Sample& method, const Question& question, Role role);
std::unique_ptr<MethodRun> start(const PlasOptions& method, const Question& question, Role role);

}  // namespace rooflaw::search
