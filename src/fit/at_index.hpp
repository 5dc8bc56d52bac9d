#pragma once

#include <Eigen/Core>

namespace rooflaw::fit {

inline Eigen::Index at_index(std::size_t i) { return static_cast<Eigen::Index>(i); }

}  // namespace rooflaw::fit
