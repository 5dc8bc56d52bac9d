#include "rooflaw/model/scenario.hpp"

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::model {

namespace {
Engine as_fitted(Engine engine, const FittedEngine& fitted) {
  engine.flash = fitted.flash.value_or(engine.flash);
  engine.query_heads = fitted.query_heads.value_or(engine.query_heads);
  engine.mla_expanded = fitted.mla_expanded.value_or(engine.mla_expanded);
  // A count without elementwise kernels is the user's choice.
  if (engine.elementwise != Elementwise::ignored)
    engine.elementwise = fitted.elementwise.value_or(engine.elementwise);
  return engine;
}
}  // namespace

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
             .engine = as_fitted(engine, device.fitted_engine),
             .attention_type = attention_type(device, precision),
             .trust = device.trust(precision.id),
             .rates = {}};
  s.rates = rates(device, precision, s.attention_type, device.efficiency(precision.id));
  return s;
}

}  // namespace rooflaw::model
