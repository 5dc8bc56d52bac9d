#pragma once
// Method `sample`: points of a Latin hypercube over the axes of the space, in pieces that any rank
// can score. The result does not depend on the cut.

#include <functional>
#include <string>

#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

class SamplePlan {
 public:
  SamplePlan(const Question& question, Index points);

  Index pieces() const;
  std::string name(Index piece) const;
  /// Scores a piece; `between` is called now and then.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between = {}) const;

 private:
  void score_sample(Index number, Scanner& scanner) const;

  const Question& question_;
  Index points_;
  std::vector<ExpertOption> routings_;
};

/// Sample `number` of a Latin hypercube of `samples` over the axes: along each axis the samples
/// fall into as many equal strata, one in each.
Digits latin_hypercube(const Space& space, std::uint64_t seed, Index samples, Index number);

}  // namespace rooflaw::search
