#include "rooflaw/model/latency.hpp"

namespace rooflaw::model {

std::string_view to_string(LatencyKind kind) {
  switch (kind) {
    case LatencyKind::prefill:
      return "prefill";
    case LatencyKind::tpot:
      return "tpot";
    case LatencyKind::total:
      return "total";
  }
  return "";
}

std::optional<LatencyKind> latency_kind_from(std::string_view name) {
  for (const auto kind : {LatencyKind::prefill, LatencyKind::tpot, LatencyKind::total})
    if (to_string(kind) == name) return kind;
  return std::nullopt;
}

}  // namespace rooflaw::model
