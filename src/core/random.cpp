#include "rooflaw/core/random.hpp"

#include <bit>

namespace rooflaw {

namespace {
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
}  // namespace

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return mix(mix(mix(seed) ^ stream) ^ index);
}

double random_unit(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return static_cast<double>(random_bits(seed, stream, index) >> 11) * 0x1p-53;
}

std::uint64_t permuted(std::uint64_t seed, std::uint64_t stream, std::uint64_t size,
                       std::uint64_t index) {
  if (size <= 1) return 0;
  const int half = (static_cast<int>(std::bit_width(size - 1)) + 1) / 2;  // bits of either half
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  std::uint64_t x = index;
  do {
    std::uint64_t left = x >> half;
    std::uint64_t right = x & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t f = random_bits(seed, mix(stream) ^ round, right) & mask;
      const std::uint64_t next = left ^ f;
      left = right;
      right = next;
    }
    x = left << half | right;
  } while (x >= size);
  return x;
}

}  // namespace rooflaw
