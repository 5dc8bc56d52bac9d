#pragma once
// Numbers in two doubles, and the tables of powers.cpp, which the compiler computes with them.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rooflaw::pairs {

/// The sum of both; lo is at most some 2^-52 of hi.
struct Pair {
  double hi = 0;
  double lo = 0;
};

/// The first 26 bits of x; x - upper(x) are the other 27. A product of two of the former is exact.
constexpr double upper(double x) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & 0xfffffffff8000000U);
}

/// a + b, exact if |a| >= |b| or a is 0.
constexpr Pair fast_sum(double a, double b) {
  const double sum = a + b;
  return {sum, (a - sum) + b};
}

/// a + b, exact.
constexpr Pair sum(double a, double b) {
  const double sum = a + b;
  const double part_of_b = sum - a;
  return {sum, (a - (sum - part_of_b)) + (b - part_of_b)};
}

/// a * b to 2^-104 of it.
constexpr Pair product(double a, double b) {
  const double a_hi = upper(a);
  const double b_hi = upper(b);
  const double a_lo = a - a_hi;
  const double b_lo = b - b_hi;
  const double p = a * b;
  return {p, ((a_hi * b_hi - p) + (a_hi * b_lo + a_lo * b_hi)) + a_lo * b_lo};
}

constexpr Pair operator+(const Pair& a, const Pair& b) {
  const Pair hi = sum(a.hi, b.hi);
  const Pair lo = sum(a.lo, b.lo);
  const Pair c = fast_sum(hi.hi, hi.lo + lo.hi);
  return fast_sum(c.hi, c.lo + lo.lo);
}

constexpr Pair operator*(const Pair& a, const Pair& b) {
  const Pair p = product(a.hi, b.hi);
  return fast_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

constexpr Pair operator/(const Pair& a, const Pair& b) {
  const double q = a.hi / b.hi;
  const Pair p = product(q, b.hi);
  return fast_sum(q, (((a.hi - p.hi) - p.lo) + (a.lo - q * b.lo)) / b.hi);
}

/// ln(a / b) by its series in (a - b) / (a + b), of which the given terms are taken.
constexpr Pair log_of_ratio(double a, double b, int terms) {
  const Pair s = Pair{a - b} / Pair{a + b};
  const Pair square = s * s;
  Pair result;
  for (int n = 2 * terms - 1; n >= 1; n -= 2)
    result = result * square + Pair{2.0} / Pair{static_cast<double>(n)};
  return result * s;
}

/// exp(x) by its series, to 2^-100 for x in 0 .. 1.
constexpr Pair series_of_exponential(const Pair& x) {
  Pair result{1.0};
  for (int n = 27; n >= 1; --n) result = Pair{1.0} + result * x / Pair{static_cast<double>(n)};
  return result;
}

inline constexpr Pair ln_2 = log_of_ratio(2.0, 1.0, 32);
static_assert(ln_2.hi == 0x1.62e42fefa39efp-1);
inline constexpr Pair ln_10 = Pair{3.0} * ln_2 + log_of_ratio(5.0, 4.0, 17);

/// x without what is below 2^-42; the magnitude of x is at most 2^9.
constexpr double multiple_of_2_to_minus_42(double x) { return (x + 0x1.8p10) - 0x1.8p10; }

/// A number x = 2^k z with z in about 0.71 .. 1.41 has the line of its z, intervals being those of
/// the bits of z; ln(z) = ln(z * inverse) + log, and z * inverse is within 2^-10 of 1.
struct LogLine {
  double inverse = 0;  // 24 bits
  double log_hi = 0;   // a multiple of 2^-42
  double log_lo = 0;
};

inline constexpr int log_bits = 9;
inline constexpr std::size_t log_lines = std::size_t{1} << log_bits;
inline constexpr std::uint64_t log_step = std::uint64_t{1} << (52 - log_bits);

/// The interval of 1, whose inverse is 1 and log 0, so that logarithms near 0 are accurate too. It
/// goes as far to the left as to the right: below 1 doubles are twice as dense.
inline constexpr std::size_t line_of_1 = 299;
inline constexpr std::uint64_t log_first =
    std::bit_cast<std::uint64_t>(1.0) - line_of_1 * log_step - 2 * log_step / 3;

constexpr std::array<LogLine, log_lines> make_log_table() {
  std::array<LogLine, log_lines> table;
  table[line_of_1] = {1.0, 0.0, 0.0};
  // From 1 to either side, so that the largest errors, 2^-95, are where logarithms are large.
  for (const int direction : {1, -1}) {
    Pair log;
    double before = 1.0;
    for (std::size_t i = line_of_1; i != (direction > 0 ? log_lines - 1 : 0);) {
      i = direction > 0 ? i + 1 : i - 1;
      const double middle = std::bit_cast<double>(log_first + i * log_step + log_step / 2);
      const double inverse = static_cast<float>(1.0 / middle);
      log = log + log_of_ratio(before, inverse, 6);
      const double hi = multiple_of_2_to_minus_42(log.hi);
      table[i] = {inverse, hi, (log.hi - hi) + log.lo};
      before = inverse;
    }
  }
  return table;
}

/// ln(2) as the table has logarithms.
inline constexpr double ln_2_hi = multiple_of_2_to_minus_42(ln_2.hi);
inline constexpr double ln_2_lo = (ln_2.hi - ln_2_hi) + ln_2.lo;

/// 2^(i / 128); hi has 26 bits.
inline constexpr int exponential_bits = 7;
inline constexpr std::size_t exponential_lines = std::size_t{1} << exponential_bits;

constexpr std::array<Pair, exponential_lines> make_exponential_table() {
  std::array<Pair, exponential_lines> table;
  for (std::size_t i = 0; i < exponential_lines; ++i) {
    const Pair x = series_of_exponential(ln_2 * Pair{static_cast<double>(i) / exponential_lines});
    const double hi = upper(x.hi);
    table[i] = {hi, (x.hi - hi) + x.lo};
  }
  return table;
}

/// ln(2) / 128; hi has 35 bits, so that its products with integers up to 2^18 are exact.
inline constexpr double step_of_exponential_hi =
    std::bit_cast<double>(std::bit_cast<std::uint64_t>(ln_2.hi) & 0xfffffffffffc0000U) /
    exponential_lines;
inline constexpr double step_of_exponential_lo =
    (ln_2.hi / exponential_lines - step_of_exponential_hi) + ln_2.lo / exponential_lines;

}  // namespace rooflaw::pairs
