#include "rooflaw/model/workload.hpp"

#include <algorithm>

namespace rooflaw::model {

LatencyLimits tighter(const LatencyLimits& a, const LatencyLimits& b) {
  return {.prefill_s = std::min(a.prefill_s, b.prefill_s),
          .tpot_s = std::min(a.tpot_s, b.tpot_s),
          .total_s = std::min(a.total_s, b.total_s)};
}

}  // namespace rooflaw::model
