#pragma once
// A scenario is device x precision x workload under one engine: all that latency and memory depend
// on beside the architecture.

#include "rooflaw/model/device.hpp"
#include "rooflaw/model/precision.hpp"
#include "rooflaw/model/workload.hpp"

namespace rooflaw::model {

/// Seconds per unit of work, efficiencies applied.
struct Rates {
  double s_per_matmul_flop = 0;
  double s_per_attention_flop = 0;  // attention and recurrent states
  double s_per_vector_flop = 0;     // router, norms, activations
  double s_per_byte = 0;
  double s_per_kv_byte = 0;
  double layer_overhead_s = 0;  // per layer and pass
  double pass_overhead_s = 0;   // per pass
};

struct Scenario {
  Device device;
  Precision precision;
  Workload workload;
  Engine engine;
  ComputeType attention_type{};  // that of the precision, or what the device has instead
  bool calibrated = false;
  Rates rates;
};

/// @throws DomainError if the device lacks the precision's matmul type, if B < 1, S_in < 0,
///         S_out < 0, or if flash attention that is not causal would need more than one prefill
///         pass.
Scenario make_scenario(const Device& device, const Precision& precision, const Workload& workload,
                       const Engine& engine);

}  // namespace rooflaw::model
