#pragma once
// What the model needs of a number. Every formula of the model is a template over T, where T is
//   double                     (evaluate, tests),
//   Eigen::Array<double, N, 1> (search: N shapes at once),
//   Eigen::AutoDiffScalar      (sensitivities),
// so that one piece of code serves all three and gives the same bits in the first two: a lane of an
// array goes through the same + - * / and max in the same order as the scalar (the build sets
// -ffp-contract=off), and no power or logarithm is ever taken of an array.

#include <cmath>

#include <Eigen/Core>
#include <unsupported/Eigen/AutoDiff>

#include "rooflaw/core/powers.hpp"

namespace rooflaw::model {

template <class T>
inline constexpr bool is_array = std::is_base_of_v<Eigen::ArrayBase<T>, T>;

/// A number that does not vary.
template <class T>
T constant(double x) {
  if constexpr (is_array<T>)
    return T::Constant(x);
  else
    return T(x);
}

/// condition ? a : b, lane by lane.
template <class T>
T select(bool condition, const T& a, const T& b) {
  return condition ? a : b;
}
template <class T, class Condition>
requires is_array<T> T select(const Condition& condition, const T& a, const T& b) {
  return condition.select(a, b);
}

/// The larger of two; of equals the first, so that a tie of compute and memory time counts as
/// compute-bound, also for the derivative.
template <class T>
T larger(const T& a, const T& b) {
  return select<T>(a >= b, a, b);
}

/// The number without its derivatives.
inline double value(double x) { return x; }
template <class T>
requires is_array<T>
const T& value(const T& x) { return x; }
template <class D>
double value(const Eigen::AutoDiffScalar<D>& x) {
  return x.value();
}

/// The powers of core/powers.hpp with derivatives; Eigen's own call the C library.
using rooflaw::exponential_minus_one;
using rooflaw::log_one_plus;
using rooflaw::power;
template <class D>
using Differentiable =
    Eigen::AutoDiffScalar<typename Eigen::internal::remove_all<D>::type::PlainObject>;
template <class D>
Differentiable<D> power(const Eigen::AutoDiffScalar<D>& x, double y) {
  return {power(x.value(), y), x.derivatives() * (y * power(x.value(), y - 1.0))};
}
template <class D>
Differentiable<D> power(double x, const Eigen::AutoDiffScalar<D>& y) {
  const double value = power(x, y.value());
  return {value, y.derivatives() * (value * natural_log(x))};
}
template <class D>
Differentiable<D> log_one_plus(const Eigen::AutoDiffScalar<D>& x) {
  return {log_one_plus(x.value()), x.derivatives() / (1.0 + x.value())};
}
template <class D>
Differentiable<D> exponential_minus_one(const Eigen::AutoDiffScalar<D>& x) {
  const double value = exponential_minus_one(x.value());
  return {value, x.derivatives() * (value + 1.0)};
}

/// Eigen cuts its matrix products into blocks by the sizes of the processor's caches, and the sum
/// of a product is taken block by block. With these sizes it is the same on all processors. To be
/// called before such products; costs nothing.
inline void fix_block_sizes() {
  Eigen::setCpuCacheSizes(std::ptrdiff_t{32} << 10, std::ptrdiff_t{512} << 10,
                          std::ptrdiff_t{8} << 20);
}

inline double round_down(double x) { return std::floor(x); }
inline double round_up(double x) { return std::ceil(x); }
template <class T>
requires is_array<T> T round_down(const T& x) { return x.floor(); }
template <class T>
requires is_array<T> T round_up(const T& x) { return x.ceil(); }

}  // namespace rooflaw::model
