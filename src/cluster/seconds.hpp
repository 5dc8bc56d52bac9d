#pragma once

#include <chrono>

namespace rooflaw::cluster {

inline double seconds(std::chrono::duration<double> time) { return time.count(); }

}  // namespace rooflaw::cluster
