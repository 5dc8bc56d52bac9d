// The operators of a layer in one pass, each costed anew. Inner header of the reference
// implementation.
#ifndef ROOFLAW_TESTS_REFERENCE_OPERATORS_HPP
#define ROOFLAW_TESTS_REFERENCE_OPERATORS_HPP

#include <string>
#include <vector>

#include "case.hpp"

namespace rooflaw::reference {

/// A prefill pass over t new tokens of each sequence, or a decode step of one.
struct Pass {
  bool decode;
  double t;  ///< new tokens of each sequence
  double C;  ///< context at the end of the pass, the new tokens included
};

struct Operator {
  std::string name;
  double flops;
  double bytes;     ///< weights and activations
  double kv_bytes;  ///< cache, read or written
  std::string type;
  double seconds = 0;
  bool compute_bound = false;  ///< a tie is compute-bound
};

/// The prefill passes of a workload in their order; none without input tokens.
std::vector<Pass> prefill_passes(const Setting& s);

/// The decode pass that makes output token `step` = 1, 2, ...
Pass decode_pass(const Setting& s, long long step);

/// The operators of one layer of a group, in the order in which they run.
std::vector<Operator> layer_operators(const Architecture& a, const Group& g, const Setting& s,
                                      const Pass& pass);

/// Once at the end of the prefill and once per decode pass, for one token of each sequence.
Operator lm_head_operator(const Architecture& a, const Setting& s);

}  // namespace rooflaw::reference

#endif
