#pragma once
// Work that is cut into pieces for any number of ranks: an accumulator. Every rank has one; what it
// has done since its last report goes to rank 0, which takes it in.
//
// Taking in must be commutative and idempotent: what the pieces give together depends neither on
// their order nor on who did them, and a piece may be done, and reported, twice. Then a run that is
// stopped, or killed, goes on from any state of it on any number of ranks.

#include <cstdint>
#include <functional>
#include <string>

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

  /// A worker: what its pieces gave since the last report.
  virtual Bytes report() = 0;
  /// Rank 0: takes in such a report.
  virtual void absorb(const Bytes& report) = 0;

  /// Rank 0: what this worker should know of the finds of others; a worker: takes it in.
  virtual Bytes news(int /*worker*/) { return {}; }
  virtual void learn(const Bytes&) {}
};

}  // namespace rooflaw
