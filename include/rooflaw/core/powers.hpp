#pragma once
// Powers, exponentials and logarithms that are the same bits on every processor. Those of the C
// library are not: it has other code for processors with FMA or AVX-512, whose last bit differs.
// Here is nothing but + - * / of doubles in a fixed order, pairs of doubles where one does not do,
// and tables that the compiler computes. Largest errors, in units in the last place of the exact
// value (ulp; 2^-1074 below 2^-1022), as shown in the sources, as measured against MPFR, and beyond
// which powers_mpfr_test.cpp fails:
//
//                           shown  measured  asserted
//   power                   0.503    0.5004     0.501
//   exponential             0.501    0.5001     0.501
//   exponential_minus_one   0.51     0.505      0.51
//   natural_log             0.501    0.5001     0.501
//   log_one_plus            0.501    0.5001     0.501
//   common_log              0.501    0.5001     0.501
//   exponentials            1        0.85       1
//
// An exact value that is itself a double is returned as it is: power(x, 1) is x, power(4, 0.5) is
// 2, common_log(1000) is 3. Special values are those of annex F of C, without errno and
// floating-point exceptions:
//   power(x, 0) and power(1, y) are 1, also of a NaN; power(-1, +-inf) is 1;
//   power(x, y) of a negative x is NaN unless y is an integer; it is negative if y is odd;
//   power(0, y) is inf for a negative y, otherwise 0, with the sign of the zero if y is odd;
//   a logarithm of 0 is -inf, of less NaN, of inf inf;
//   a NaN gives a NaN; what is too large is inf, what is too small a subnormal number or 0.

#include <span>

namespace rooflaw {

/// x to the power y.
double power(double x, double y);

/// e to the power x.
double exponential(double x);

/// e to the power x, less 1; accurate also where x is next to 0.
double exponential_minus_one(double x);

/// Logarithm to the base e.
double natural_log(double x);

/// Logarithm to the base e of 1 + x; accurate also where x is next to 0.
double log_one_plus(double x);

/// Logarithm to the base 10.
double common_log(double x);

/// Replaces each element by e to its power, many at once and so several times as fast; what becomes
/// of an element depends on nothing but its value. The last bit may differ from exponential()'s.
void exponentials(std::span<double> x);

}  // namespace rooflaw
