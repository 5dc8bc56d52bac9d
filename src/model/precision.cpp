#include "rooflaw/model/precision.hpp"

namespace rooflaw::model {

std::string_view to_string(ComputeType type) {
  switch (type) {
    case ComputeType::fp32:
      return "fp32";
    case ComputeType::fp16:
      return "fp16";
    case ComputeType::bf16:
      return "bf16";
    case ComputeType::int8:
      return "int8";
    case ComputeType::int4:
      return "int4";
    case ComputeType::fp8:
      return "fp8";
    case ComputeType::fp4:
      return "fp4";
  }
  return "";
}

std::string_view to_string(PenaltyKind kind) { return kind == PenaltyKind::ptq ? "ptq" : "qat"; }

std::optional<PenaltyKind> penalty_kind_from(std::string_view name) {
  for (const PenaltyKind kind : all_penalty_kinds)
    if (to_string(kind) == name) return kind;
  return std::nullopt;
}

std::optional<ComputeType> compute_type_from(std::string_view name) {
  for (const ComputeType type : all_compute_types)
    if (to_string(type) == name) return type;
  return std::nullopt;
}

}  // namespace rooflaw::model
