#pragma once
// Which terms of the law a table of runs can tell, and what of them stays at the prior.
//
// An exponent is pinned to that of the published law where its column does not vary, where it is
// the only one of its term and has two values, and where the logarithms of its column and of
// another one that counts are correlated by more than 0.98. Where terms are not named, those are
// taken whose columns vary on their own, and of these what Schwarz's criterion keeps: a term goes
// where the fit without it loses less than its parameters cost.

#include <cstdint>
#include <string>
#include <vector>

#include "rooflaw/fit/law_problem.hpp"

namespace rooflaw::fit {

inline constexpr double too_correlated = 0.98;
inline constexpr std::size_t least_runs_per_parameter = 3;

struct Identified {
  LawTerms terms;
  std::vector<std::string> notes;     // what is pinned or left out, and why: whole sentences
  std::vector<std::string> refusals;  // why these runs do not suffice; empty if they do
};

/// @param named  of --terms; empty: those that the runs can tell
/// @throws Error (exit 2) if a named term lacks all of its columns
/// Cost: some ten fits where no terms are named.
Identified identify(const Runs& runs, const std::vector<const TermForm*>& named,
                    std::uint64_t seed);

}  // namespace rooflaw::fit
