#pragma once
// A scenario is device x precision x workload under one engine: all that latency and memory depend
// on beside the architecture.

#include "rooflaw/model/device.hpp"
#include "rooflaw/model/precision.hpp"
#include "rooflaw/model/workload.hpp"

namespace rooflaw::model {

/// Seconds per unit of work, efficiencies applied. R is double, or a number with derivatives where
/// efficiencies are fitted.
template <class R>
struct BasicRates {
  R s_per_matmul_flop{};
  R s_per_attention_flop{};
  R s_per_state_flop{};   // recurrent states
  R s_per_vector_flop{};  // router, norms, activations
  R s_per_byte{};
  R s_per_kv_byte{};
  R layer_overhead_s{};  // per layer and pass
  R pass_overhead_s{};   // per pass
};
using Rates = BasicRates<double>;

template <class R>
struct BasicScenario {
  Device device;
  Precision precision;
  Workload workload;
  Engine engine;
  ComputeType attention_type{};  // that of the precision, or what the device has instead
  Trust trust{};
  BasicRates<R> rates;
};
using Scenario = BasicScenario<double>;

/// What the peaks of a device are worth at these efficiencies.
template <class R>
BasicRates<R> rates(const Device& device, const Precision& precision, ComputeType attention_type,
                    const BasicEfficiency<R>& e) {
  const double bandwidth = device.bandwidth_bytes_per_s;
  const double matmul = device.peak_flops.at(precision.matmul);
  const double attention = device.peak_flops.at(attention_type);
  return {.s_per_matmul_flop = 1.0 / (e.compute * matmul),
          .s_per_attention_flop = 1.0 / (e.attention * attention),
          .s_per_state_flop = 1.0 / (e.state.value_or(e.attention) * attention),
          .s_per_vector_flop = 1.0 / (e.compute * attention),
          .s_per_byte = 1.0 / (e.bandwidth * bandwidth),
          .s_per_kv_byte = 1.0 / (e.kv_bandwidth * bandwidth),
          .layer_overhead_s = e.layer_overhead_s,
          .pass_overhead_s = e.pass_overhead_s};
}

/// Settings that the device's efficiencies were fitted with take the place of the engine's.
/// @throws DomainError if the device lacks the precision's matmul type, if B < 1, S_in < 0,
///         S_out < 0, or if flash attention that is not causal would need more than one prefill
///         pass.
Scenario make_scenario(const Device& device, const Precision& precision, const Workload& workload,
                       const Engine& engine);

}  // namespace rooflaw::model
