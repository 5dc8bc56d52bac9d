#include "rooflaw/model/latency.hpp"

namespace rooflaw::model {

std::string_view to_string(Objective kind) {
  switch (kind) {
    case Objective::prefill:
      return "prefill";
    case Objective::tpot:
      return "tpot";
    case Objective::total:
      return "total";
  }
  return "";
}

std::optional<Objective> objective_from(std::string_view name) {
  for (const auto kind : {Objective::prefill, Objective::tpot, Objective::total})
    if (to_string(kind) == name) return kind;
  return std::nullopt;
}

}  // namespace rooflaw::model
