#pragma once
// Short names of two numbers.

#include <limits>

namespace rooflaw {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace rooflaw
