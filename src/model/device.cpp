#include "rooflaw/model/device.hpp"

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

Efficiency Device::efficiency(const std::string& precision_id) const {
  for (const auto& key : {precision_id, std::string("*")})
    if (const auto found = efficiencies.find(key); found != efficiencies.end())
      return found->second;
  return {};
}

bool Device::calibrated(const std::string& precision_id) const {
  return efficiencies.contains(precision_id) || efficiencies.contains("*");
}

ComputeType attention_type(const Device& device, const Precision& precision) {
  for (const ComputeType type : {precision.attention, ComputeType::fp16, ComputeType::bf16,
                                 ComputeType::fp32, precision.matmul})
    if (device.has(type)) return type;
  throw DomainError("device " + device.id + " has no compute type for attention at precision " +
                    precision.id);
}

}  // namespace rooflaw::model
