#include "rooflaw/model/scenario.hpp"

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

Scenario make_scenario(const Device& device, const Precision& precision, const Workload& workload,
                       const Engine& engine) {
  if (workload.batch < 1) throw DomainError("workload.batch: must be at least 1");
  if (workload.input_tokens < 0) throw DomainError("workload.input_tokens: must not be negative");
  if (workload.output_tokens < 0) throw DomainError("workload.output_tokens: must not be negative");
  if (engine.flash && !engine.causal && engine.prefill_chunk > 0 &&
      engine.prefill_chunk < workload.input_tokens)
    throw DomainError(fmt::format(
        "engine.prefill_chunk: flash attention that is not causal takes the prompt in one pass: "
        "must be 0 or at least the {} input tokens",
        workload.input_tokens));
  if (!device.has(precision.matmul))
    throw DomainError(fmt::format("device {} has no {} arithmetic, which precision {} needs",
                                  device.id, to_string(precision.matmul), precision.id));
  Scenario s{.device = device,
             .precision = precision,
             .workload = workload,
             .engine = engine,
             .attention_type = attention_type(device, precision),
             .calibrated = device.calibrated(precision.id),
             .rates = {}};
  const Efficiency e = device.efficiency(precision.id);
  const double bandwidth = device.bandwidth_bytes_per_s;
  s.rates = {.s_per_matmul_flop = 1.0 / (e.compute * device.peak_flops.at(precision.matmul)),
             .s_per_attention_flop = 1.0 / (e.attention * device.peak_flops.at(s.attention_type)),
             .s_per_vector_flop = 1.0 / (e.compute * device.peak_flops.at(s.attention_type)),
             .s_per_byte = 1.0 / (e.bandwidth * bandwidth),
             .s_per_kv_byte = 1.0 / (e.kv_bandwidth * bandwidth),
             .layer_overhead_s = e.layer_overhead_s,
             .pass_overhead_s = e.pass_overhead_s};
  return s;
}

}  // namespace rooflaw::model
