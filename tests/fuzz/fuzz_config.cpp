// config.json: whatever the text, an InputError or a sound architecture whose evaluation is finite.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/io/config_json.hpp"

using namespace rooflaw;

namespace {

model::Scenario scenario() {
  const model::Device device{
      .id = "a", .bandwidth_bytes_per_s = 1e11, .peak_flops = {{model::ComputeType::fp16, 1e13}}};
  const model::Precision precision{.id = "fp16",
                                   .weight_bytes = 2,
                                   .attention_weight_bytes = 2,
                                   .ffn_weight_bytes = 2,
                                   .activation_bytes = 2,
                                   .kv_bytes = 2,
                                   .input_bytes = 2,
                                   .head_bytes = 2,
                                   .embedding_bytes = 2};
  return make_scenario(device, precision,
                       {.id = "a", .batch = 2, .input_tokens = 3000, .output_tokens = 100}, {});
}

/// Any law: the shape is what is tried.
model::Law law() {
  model::Law l;
  l.tokens = 1e12;
  for (const auto& coefficient : model::law_coefficients<>) l.*coefficient.member = 1.0;
  return l;
}

void require_finite(const model::Evaluation& e) {
  for (const double amount :
       {e.prefill.seconds, e.decode.seconds, e.total_s, e.tpot_s, e.memory.weights, e.memory.kv,
        e.memory.workspace, e.params_total, e.params_active, e.has_loss ? e.loss : 0.0})
    fuzz::require(std::isfinite(amount) && amount >= 0, "an evaluation is finite");
  fuzz::require(e.params_active <= e.params_total * (1 + 1e-9), "active parameters are of all");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const model::Scenario s = scenario();
  static const model::Law l = law();
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const io::ConfigModel m = io::read_config_json(text, "folder/config.json");
    fuzz::require(!model::find_fault(m.architecture), "the architecture is sound");
    fuzz::require(!m.id.empty() && !m.notes.empty(), "the model has an id and notes");
    require_finite(evaluate(l, m.architecture, s));
  } catch (const InputError& e) {
    fuzz::require(!e.faults().empty(), "an InputError names a fault");
  }
  return 0;
}
