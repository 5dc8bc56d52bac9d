#include "rooflaw/model/device.hpp"

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

namespace {
/// The id of an entry whose fields were changed has "+" and a hash behind the entry's own.
std::string unchanged(const std::string& id) { return id.substr(0, id.find('+')); }
}  // namespace

Efficiency Device::efficiency(const std::string& precision_id) const {
  for (const auto& key : {unchanged(precision_id), std::string("*")})
    if (const auto found = efficiencies.find(key); found != efficiencies.end())
      return found->second;
  return {};
}

bool Device::calibrated(const std::string& precision_id) const {
  return efficiencies.contains(unchanged(precision_id)) || efficiencies.contains("*");
}

std::optional<UsableMemory> usable_memory(const Device& device) {
  if (device.usable_memory_bytes) return UsableMemory{*device.usable_memory_bytes, false};
  if (!device.memory_bytes) return std::nullopt;
  const bool own_memory = device.kind == "gpu" || device.kind == "accelerator";
  return UsableMemory{*device.memory_bytes * (own_memory ? 0.95 : 0.85), true};
}

ComputeType attention_type(const Device& device, const Precision& precision) {
  for (const ComputeType type : {precision.attention, ComputeType::fp16, ComputeType::bf16,
                                 ComputeType::fp32, precision.matmul})
    if (device.has(type)) return type;
  throw DomainError("device " + device.id + " has no compute type for attention at precision " +
                    precision.id);
}

}  // namespace rooflaw::model
