#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "rooflaw/core/clones.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw {
namespace {

// No table, no branch and no function in these loops: what the compiler does to many elements at
// once it does to the last few one by one with the same operations, so that they are the same bits.
// They are two as one would become branches.

/// Beyond, exp is 0 or infinite; a NaN is not beyond, and stays one.
ROOFLAW_CLONES
void clamp(std::size_t size, double* __restrict x) {
  for (std::size_t i = 0; i < size; ++i) {
    const double low = x[i] > 1000.0 ? 1000.0 : x[i];
    x[i] = low < -1000.0 ? -1000.0 : low;
  }
}

/// exp of each, of which none is beyond +-1000.
ROOFLAW_CLONES
void exponentials_of(std::size_t size, double* __restrict x) {
  // Adding 1.5 * 2^52 rounds to an integer, and leaves that in the last bits.
  constexpr double rounder = 0x1.8p52;
  constexpr double per_ln_2 = 0x1.71547652b82fep+0;
  constexpr double ln_2_hi = 0x1.62e42feep-1;  // 32 bits: products with k are exact
  constexpr double ln_2_lo = 0x1.a39ef35793c76p-33;
  constexpr std::uint64_t one = std::uint64_t{1023} << 52;
  for (std::size_t i = 0; i < size; ++i) {
    const double z = x[i];
    const double k = (z * per_ln_2 + rounder) - rounder;
    // z = k ln(2) + r + r_lo
    const double near = z - k * ln_2_hi;
    const double rest = k * ln_2_lo;
    const double r = near - rest;
    const double r_lo = (near - r) - rest;
    // 1 / n!; the first left out is below 2^-57.
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    // The inner sums are known to 0.41 * 2^-53; the last adds half of 2^-52, or of 2^-53 below 1.
    const double result = 1.0 + (r + (r * r * p + r_lo));
    // 2^k in two factors, as it may be below the least or beyond the largest normal number.
    const double half = k * 0.5 + rounder;
    const double other_half = (k - (half - rounder)) + rounder;
    const auto factor = std::bit_cast<double>((std::bit_cast<std::uint64_t>(half) << 52) + one);
    const auto other =
        std::bit_cast<double>((std::bit_cast<std::uint64_t>(other_half) << 52) + one);
    x[i] = result * factor * other;
  }
}

}  // namespace

void exponentials(std::span<double> x) {
  constexpr std::size_t block = 1024;  // stays in the nearest cache
  for (std::size_t first = 0; first < x.size(); first += block) {
    const std::span<double> part = x.subspan(first, std::min(block, x.size() - first));
    clamp(part.size(), part.data());
    exponentials_of(part.size(), part.data());
  }
}

}  // namespace rooflaw
