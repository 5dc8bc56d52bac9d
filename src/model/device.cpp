#include "rooflaw/model/device.hpp"

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

std::string_view to_string(Basis basis) {
  switch (basis) {
    case Basis::ideal:
      return "ideal";
    case Basis::prior:
      return "prior";
    case Basis::measured:
      break;
  }
  return "measured";
}

std::optional<Basis> basis_from(std::string_view name) {
  for (const auto each : {Basis::ideal, Basis::prior, Basis::measured})
    if (to_string(each) == name) return each;
  return std::nullopt;
}

namespace {
/// The id of an entry whose fields were changed has "+" and a hash behind the entry's own.
std::string unchanged(const std::string& id) { return id.substr(0, id.find('+')); }
}  // namespace

namespace {
/// Of a precision, else of "*"; null if there is neither.
template <class T>
const T* of_precision(const std::map<std::string, T>& all, const std::string& precision_id) {
  for (const auto& key : {unchanged(precision_id), std::string("*")})
    if (const auto found = all.find(key); found != all.end()) return &found->second;
  return nullptr;
}
}  // namespace

Efficiency Device::efficiency(const std::string& precision_id) const {
  const auto* found = of_precision(efficiencies, precision_id);
  return found == nullptr ? Efficiency{} : *found;
}

Trust Device::trust(const std::string& precision_id) const {
  if (of_precision(efficiencies, precision_id) == nullptr)
    return {.prefill = {.basis = Basis::ideal}, .decode = {.basis = Basis::ideal}};
  const auto* found = of_precision(trusts, precision_id);
  return found == nullptr ? Trust{} : *found;
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
