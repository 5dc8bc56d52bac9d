#pragma once
// Random numbers as a function of (seed, stream, index), never of the rank or of what was drawn
// before: any rank can draw any sample.

#include <cstdint>

namespace rooflaw {

/// 64 well-mixed bits; SplitMix64's finaliser (Steele, Lea, Flood 2014) over the three numbers.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

/// Uniform in [0, 1), 53 bits.
double random_unit(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

/// Place of `index` in a pseudo-random permutation of 0 .. size-1: a Feistel network of four
/// rounds, walked until it falls inside. O(1) memory, so a permutation of 10^9 costs nothing to
/// hold. Requires index < size.
std::uint64_t permuted(std::uint64_t seed, std::uint64_t stream, std::uint64_t size,
                       std::uint64_t index);

}  // namespace rooflaw
