#include "rooflaw/core/powers.hpp"

#include "power_tables.hpp"
#include "rooflaw/core/numbers.hpp"

// Why the errors are what the header says. logarithm() keeps its result to 2^-71: what one double
// does for, the sum from the third power of r on, is below 2^-21 of the result and has eight
// roundings of 2^-53. (The worst is beside the interval of 1; away from there it is far better.)
// power() keeps y ln x to 2^-79, and as |y ln x| < 2^9.5 where the result is finite, the exponent
// to 2^-61.5, which is 0.0028 ulp of the result. exponential_parts() keeps its result to 2^-68.
// Then there is one rounding, 0.5 ulp.

namespace rooflaw {
namespace {

using pairs::Pair;

constexpr auto log_table = pairs::make_log_table();
constexpr auto exponential_table = pairs::make_exponential_table();
constexpr Pair per_ln_10 = Pair{1.0} / pairs::ln_10;

constexpr std::uint64_t bits_of_infinity = 0x7ff0000000000000U;
constexpr std::uint64_t bits_of_least_normal = 0x0010000000000000U;
constexpr std::uint64_t sign_bit = 0x8000000000000000U;

std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }

bool is_positive_normal(std::uint64_t x) {
  return x - bits_of_least_normal < bits_of_infinity - bits_of_least_normal;
}

/// ln(x 2^shift) of a normal x > 0 as hi + lo, hi having at most 53 bits and lo being small against
/// it, but not as small as half a unit in its last place.
Pair logarithm(std::uint64_t x, std::int64_t shift = 0) {
  const std::uint64_t from_first = x - pairs::log_first;
  const std::int64_t exponent = static_cast<std::int64_t>(from_first) >> 52;
  const pairs::LogLine& line = log_table[(from_first >> (52 - pairs::log_bits)) % pairs::log_lines];
  const double z = std::bit_cast<double>(x - (static_cast<std::uint64_t>(exponent) << 52));
  const double k = static_cast<double>(exponent + shift);

  // r + r_lo = z * inverse - 1, exact; |r| < 2^-10.
  const double z_hi = pairs::upper(z);
  const double near = z_hi * line.inverse - 1.0;
  const double rest = (z - z_hi) * line.inverse;
  const double r = near + rest;
  const double r_lo = (near - r) + rest;

  // ln(1 + r) = r - r^2 / 2 + r^3 (1 / 3 - r / 4 + ...), the first two in two doubles.
  const double r_hi = pairs::upper(r);
  const double half_square = 0.5 * (r_hi * r_hi);
  const double half_square_lo = 0.5 * (((r - r_hi) + r_lo) * (r_hi + r));
  const double r2 = r * r;
  const double cubic = r * r2 *
                       ((1.0 / 3.0 - r * (1.0 / 4.0)) +
                        r2 * ((1.0 / 5.0 - r * (1.0 / 6.0)) + r2 * (1.0 / 7.0 - r * (1.0 / 8.0))));

  const double integral = k * pairs::ln_2_hi + line.log_hi;  // exact
  const Pair first = pairs::fast_sum(integral, r);
  const Pair second = pairs::fast_sum(first.hi, -half_square);
  const double lo = ((k * pairs::ln_2_lo + line.log_lo) + (first.lo + second.lo)) +
                    (r_lo - half_square_lo) + cubic;
  return {second.hi, lo};
}

Pair logarithm_of_positive(double x) {
  return is_positive_normal(bits(x)) ? logarithm(bits(x)) : logarithm(bits(x * 0x1p52), -52);
}

/// (hi + lo) 2^exponent with hi in 1/2 .. 4, rounded once.
double scaled(double hi, double lo, std::int64_t exponent) {
  const double x = hi + lo;
  if (exponent > -1021 && exponent < 1022)
    return std::bit_cast<double>(bits(x) + (static_cast<std::uint64_t>(exponent) << 52));
  const auto power_of_2 = [](std::int64_t k) {
    return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + k) << 52);
  };
  if (exponent > 0) return x * 0x1p1020 * power_of_2(exponent - 1020);
  const double scale = power_of_2(exponent + 1022);
  if (x * scale >= 1.0) return x * scale * 0x1p-1022;
  // Beside a 1 the last bit is where that of a subnormal number is.
  const Pair with_1 = pairs::fast_sum(1.0, hi * scale);
  return ((with_1.hi + (with_1.lo + lo * scale)) - 1.0) * 0x1p-1022;
}

/// exp = (hi + lo) 2^exponent, hi in 0.9 .. 2.1.
struct ExponentialParts {
  double hi;
  double lo;
  std::int64_t exponent;
};

/// exp(x + x_lo) for |x| < 760; x_lo at most 2^-25 of x.
ExponentialParts exponential_parts(double x, double x_lo) {
  // Adding 1.5 * 2^52 rounds to an integer, and leaves that in the last bits.
  constexpr double rounder = 0x1.8p52;
  constexpr double steps_per_1 = pairs::exponential_lines / pairs::ln_2.hi;
  const double rounded = x * steps_per_1 + rounder;
  const double k = rounded - rounder;
  const auto step = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits(rounded)));
  const Pair& line = exponential_table[bits(rounded) % pairs::exponential_lines];

  // near + rest is what remains; near is exact, |near| < 2^-8.5.
  const double near = x - k * pairs::step_of_exponential_hi;
  const double rest = x_lo - k * pairs::step_of_exponential_lo;
  const double r = near + rest;
  const double r2 = r * r;
  const double beyond_first =
      r2 * ((1.0 / 2.0 + r * (1.0 / 6.0)) +
            r2 * ((1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0))));

  // line * (1 + near + rest + beyond_first), of which line.hi * (1 + near_hi) is exact.
  const double near_hi = pairs::upper(near);
  const Pair sum = pairs::fast_sum(line.hi, line.hi * near_hi);
  const double lo = (sum.lo + line.lo) + (line.hi * (near - near_hi) + line.lo * near) +
                    (line.hi + line.lo) * (rest + beyond_first);
  return {sum.hi, lo, step >> pairs::exponential_bits};
}

double exponential_of(double x, double x_lo) {
  if (x > 710.0) return infinity;
  if (x < -746.0) return 0.0;
  const ExponentialParts e = exponential_parts(x, x_lo);
  return scaled(e.hi, e.lo, e.exponent);
}

/// x^y for a finite x > 0 whose logarithm is given, |y| < 2^64.
double power_of(const Pair& log, double y) {
  const double log_hi = pairs::upper(log.hi);
  const double log_lo = (log.hi - log_hi) + log.lo;
  const double y_hi = pairs::upper(y);
  return exponential_of(y_hi * log_hi, (y - y_hi) * log_hi + y * log_lo);
}

enum class Parity { not_an_integer, odd, even };

/// Of a finite y that is not 0.
Parity parity(double y) {
  const int exponent = static_cast<int>((bits(y) >> 52) & 0x7ffU) - 1023;
  if (exponent < 0) return Parity::not_an_integer;
  if (exponent > 52) return Parity::even;
  const std::uint64_t unit = std::uint64_t{1} << (52 - exponent);
  const std::uint64_t mantissa = bits(y) | bits_of_least_normal;
  if ((mantissa & (unit - 1)) != 0) return Parity::not_an_integer;
  return (mantissa & unit) != 0 ? Parity::odd : Parity::even;
}

/// What power() does not do at once.
double unusual_power(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (x != x || y != y) return nan;
  const bool is_negative = (bits(x) & sign_bit) != 0;
  const double size = std::bit_cast<double>(bits(x) & ~sign_bit);
  const bool y_is_infinite = y == infinity || y == -infinity;
  const Parity y_parity = y_is_infinite ? Parity::even : parity(y);
  if (is_negative && y_parity == Parity::not_an_integer && size != 0.0 && size != infinity)
    return nan;
  double result = 1.0;
  if (size == 0.0 || size == infinity || y >= 0x1p64 || y <= -0x1p64) {
    // Any x but 1 is beyond the range with such a y.
    if (size != 1.0) result = (size > 1.0) == (y > 0.0) ? infinity : 0.0;
  } else {
    result = power_of(logarithm_of_positive(size), y);
  }
  return is_negative && y_parity == Parity::odd ? -result : result;
}

/// The logarithm of what is not both positive and finite.
double unusual_log(double x) {
  if (x == 0.0) return -infinity;
  return x == infinity ? x : nan;
}

bool is_usual_log(double x) { return x > 0.0 && x < infinity; }

}  // namespace

double power(double x, double y) {
  constexpr std::uint64_t bits_of_2_to_64 = std::bit_cast<std::uint64_t>(0x1p64);
  if (is_positive_normal(bits(x)) && (bits(y) & ~sign_bit) < bits_of_2_to_64)
    return power_of(logarithm(bits(x)), y);
  return unusual_power(x, y);
}

double exponential(double x) { return x == x ? exponential_of(x, 0.0) : nan; }

double exponential_minus_one(double x) {
  if (x != x) return nan;
  if (x > 710.0) return infinity;
  if (x < -40.0) return -1.0;
  if (x > -0x1p-9 && x < 0x1p-9) {
    // What is added to x is below 2^-10 of it, and has some five roundings: 0.005 ulp.
    const double tail = 1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0));
    return x + x * x * (0.5 + x * (1.0 / 6.0 + x * tail));
  }
  const ExponentialParts e = exponential_parts(x, 0.0);
  if (e.exponent > 110) return scaled(e.hi, e.lo, e.exponent);
  const double one = std::bit_cast<double>(static_cast<std::uint64_t>(1023 - e.exponent) << 52);
  const Pair difference = pairs::sum(e.hi, -one);
  // Not scaled(): the difference may be small, but is nowhere near the least numbers.
  return (difference.hi + (difference.lo + e.lo)) / one;
}

double natural_log(double x) {
  if (!is_usual_log(x)) return unusual_log(x);
  const Pair log = logarithm_of_positive(x);
  return log.hi + log.lo;
}

double log_one_plus(double x) {
  if (x > -0x1p-28 && x < 0x1p-28) return x - x * x * (0.5 - x * (1.0 / 3.0 - x * 0.25));
  const Pair sum = pairs::sum(1.0, x);
  if (!is_usual_log(sum.hi)) return unusual_log(sum.hi);
  const Pair log = logarithm(bits(sum.hi));
  return log.hi + (log.lo + sum.lo / sum.hi);
}

double common_log(double x) {
  if (!is_usual_log(x)) return unusual_log(x);
  const Pair log = logarithm_of_positive(x);
  const Pair result = pairs::product(log.hi, per_ln_10.hi);
  return result.hi + (result.lo + (log.hi * per_ln_10.lo + log.lo * per_ln_10.hi));
}

}  // namespace rooflaw
