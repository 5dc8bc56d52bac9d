#include "rooflaw/search/exact/levels.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

namespace {

std::vector<std::size_t> digits_by_value(const Space& space, Axis axis) {
  const auto key_of = home_of(axis).key_of;
  auto digits = digits_within(space, axis);
  std::stable_sort(digits.begin(), digits.end(), [&](std::size_t a, std::size_t b) {
    return key_of(space, a) < key_of(space, b);
  });
  return digits;
}

/// Of digits by value about `most`, spread evenly over the logarithms of the values; the ends are
/// always among them.
std::vector<std::size_t> thinned(const Space& space, Axis axis,
                                 const std::vector<std::size_t>& digits, std::size_t most) {
  if (most == 0 || digits.size() <= most) return digits;
  const auto log_at = [&](std::size_t digit) { return natural_log(number_at(space, axis, digit)); };
  const double low = log_at(digits.front());
  const double high = log_at(digits.back());
  std::vector<std::size_t> kept;
  double next = low;
  for (const std::size_t digit : digits) {
    const double now = log_at(digit);
    if (now < next - 1e-9) continue;
    kept.push_back(digit);
    next = now + (high - low) / static_cast<double>(most - 1);
  }
  if (kept.back() != digits.back()) kept.push_back(digits.back());
  return kept;
}

}  // namespace

double size_of(const Subspace& level) {
  double size = 1;
  for (const auto& digits : level.values) size *= static_cast<double>(digits.size());
  return size;
}

std::vector<Subspace> exact_levels(const Space& space) {
  std::vector<Subspace> levels(3);
  for (const Axis axis : all_axes) {
    const AxisHome& home = home_of(axis);
    auto digits = digits_by_value(space, axis);
    levels[0][axis] = thinned(space, axis, digits, home.coarse);
    levels[1][axis] = thinned(space, axis, digits, home.medium);
    levels[2][axis] = std::move(digits);
  }
  // A level that leaves little out only repeats the work.
  constexpr double worth_it = 8.0;
  for (std::size_t i = levels.size() - 1; i-- > 0;)
    if (size_of(levels[i]) * worth_it > size_of(levels[i + 1]))
      levels.erase(levels.begin() + static_cast<std::ptrdiff_t>(i));
  return levels;
}

}  // namespace rooflaw::search
