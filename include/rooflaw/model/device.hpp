#pragma once
// A chip as the roofline sees it: peaks, and how much of them an engine reaches.

#include <array>
#include <map>
#include <optional>
#include <string>

#include "rooflaw/model/precision.hpp"

namespace rooflaw::model {

/// What share of the data-sheet peaks is reached. Defaults are the ideal roofline.
struct Efficiency {
  double compute = 1;           // of peak FLOP/s, (0, 1.5]
  double attention = 1;         // the same in attention and in recurrent states; default compute
  double bandwidth = 1;         // of bandwidth, weights and activations, (0, 1.5]
  double kv_bandwidth = 1;      // of bandwidth, KV cache, (0, 1.5]; default bandwidth
  double layer_overhead_s = 0;  // per layer and pass
  double pass_overhead_s = 0;   // per pass
};

struct Device {
  std::string id;
  std::string kind;                           // gpu-soc, npu-soc, cpu, accelerator, gpu; or empty
  std::optional<double> memory_bytes;         // unknown if absent
  std::optional<double> usable_memory_bytes;  // what the system leaves, where a source states it
  double bandwidth_bytes_per_s = 0;
  std::map<ComputeType, double> peak_flops;        // dense FLOP/s; a missing type is not supported
  std::map<std::string, Efficiency> efficiencies;  // by precision id, "*" for the others
  std::optional<double> prefill_power_w;           // drawn in that phase; unknown if absent
  std::optional<double> decode_power_w;
  std::string confidence;  // how the numbers are known: datasheet, derived, estimate; may be empty

  bool has(ComputeType type) const { return peak_flops.contains(type); }

  /// Efficiency at a precision, also a changed one ("int8+0123abcd"): its own entry as a whole, else "*", else the ideal roofline.
  Efficiency efficiency(const std::string& precision_id) const;

  /// Is there a measured efficiency for this precision?
  bool calibrated(const std::string& precision_id) const;
};

/// Are the powers of both phases known?
inline bool has_powers(const Device& device) {
  return device.prefill_power_w && device.decode_power_w;
}

/// What of the memory a model can use.
struct UsableMemory {
  double bytes = 0;
  bool assumed = false;  // a share of the capacity, since no source states it
};
/// As stated; else 95 % of the capacity of a card of its own, 85 % of any other device, whose
/// memory the system shares; empty if the capacity is unknown.
std::optional<UsableMemory> usable_memory(const Device& device);

/// The type attention, router, norms and activations run in: the precision's own if the device has
/// it, else the first of fp16, bf16, fp32 and the matmul type that it has.
/// @throws DomainError if the device lacks all of them.
ComputeType attention_type(const Device& device, const Precision& precision);

}  // namespace rooflaw::model
