#pragma once
// How far a workload can grow before a model no longer fits a memory.

#include <cstdint>

#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::model {

/// Counts above this are not looked at.
inline constexpr std::int64_t most_tokens = 1'000'000'000;

/// The longest prompt, and the largest batch, with which `memory_bytes` suffice, all else as in the
/// scenario; 0 if none does, most_tokens if that many do. Flash attention that is not causal takes
/// no more than its chunk. Cost: thirty evaluations of the memory.
std::int64_t largest_input_tokens(const Architecture& a, const Scenario& s, double memory_bytes);
std::int64_t largest_batch(const Architecture& a, const Scenario& s, double memory_bytes);

}  // namespace rooflaw::model
