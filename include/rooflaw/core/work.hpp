#pragma once
// Work that is cut into pieces for any number of ranks: an accumulator. Every rank has one; what it
// has done since its last report goes up a tree of ranks to rank 0, each taking in the reports of
// those below it.
//
// Taking in must be commutative and idempotent: what the pieces give together depends neither on
// their order nor on who did them, and a piece may be done, and reported, twice. Then a run that is
// stopped, or killed, goes on from any state of it on any number of ranks.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rooflaw/core/archive.hpp"

namespace rooflaw {

/// Called often while a piece is worked on: it answers others, and may throw; the piece is then
/// void.
using Between = std::function<void()>;

class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;

  virtual std::int64_t pieces() const = 0;
  /// For messages.
  virtual std::string name(std::int64_t piece) const = 0;
  virtual void score(std::int64_t piece, const Between& between) = 0;
  /// Few long pieces: a rank asks for the next one when it has finished, not while it works.
  virtual bool long_pieces() const { return false; }

  /// The end of the pieces in a row that share work with this one: best done by one rank.
  virtual std::int64_t end_of_kin(std::int64_t piece) const { return piece + 1; }
  /// Pieces count as done after it: a rank may leave a part of one for when it does the next. Also
  /// after a piece that threw, for those before it.
  virtual void settle() {}

  /// What rank 0 has and another needs for pieces that it is handed; nothing where each has it.
  virtual Bytes needed_for(std::int64_t /*first*/, std::int64_t /*end*/) const { return {}; }
  /// Takes it in, before the first of them is scored and after the last of those before.
  virtual void take_needed(std::int64_t /*first*/, const Bytes&) {}

  /// What the pieces of this rank gave since its last report, and the reports it took in since. It
  /// is theirs above from now on. May be called while a piece is scored.
  virtual Bytes report() = 0;
  /// Takes in such a report.
  virtual void absorb(const Bytes& report) = 0;
  /// Bytes that a report would have, about: one that has grown long need not be waited for.
  virtual std::size_t unreported() const { return 0; }

  /// What each of these ranks should know of the finds of others since the last time, to save it
  /// work; nothing for one that has nothing to learn. And one takes it in.
  virtual std::vector<Bytes> news(std::span<const int> ranks) {
    return std::vector<Bytes>(ranks.size());
  }
  virtual void learn(int /*from*/, const Bytes&) {}
  /// Do the ranks of this node know in common what one of them finds? Then news is for others.
  virtual bool knows_in_common() const { return false; }
};

}  // namespace rooflaw
