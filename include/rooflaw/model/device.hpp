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
  double bandwidth = 1;         // of bandwidth, weights and activations, (0, 1.5]
  double kv_bandwidth = 1;      // of bandwidth, KV cache, (0, 1.5]
  double layer_overhead_s = 0;  // per layer and pass
};

struct Device {
  std::string id;
  std::optional<double> memory_bytes;  // unknown if absent
  double bandwidth_bytes_per_s = 0;
  std::map<ComputeType, double> peak_flops;        // dense FLOP/s; a missing type is not supported
  std::map<std::string, Efficiency> efficiencies;  // by precision id, "*" for the others
  std::string confidence;  // how the numbers are known: datasheet, derived, estimate; may be empty

  bool has(ComputeType type) const { return peak_flops.contains(type); }

  /// Efficiency at a precision: its own entry as a whole, else "*", else the ideal roofline.
  Efficiency efficiency(const std::string& precision_id) const;

  /// Is there a measured efficiency for this precision?
  bool calibrated(const std::string& precision_id) const;
};

/// The type attention and router run in: the precision's own if the device has it, else the first
/// of fp16, bf16, fp32 and the matmul type that it has.
/// @throws DomainError if the device lacks all of them.
ComputeType attention_type(const Device& device, const Precision& precision);

}  // namespace rooflaw::model
