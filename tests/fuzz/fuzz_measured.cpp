// Measurements in any of their formats: whatever the text, faults or rows that can be computed.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/io/measurements.hpp"

using namespace rooflaw;

namespace {

void require_sound(const io::Measurement& m, const io::Measurements& all) {
  const auto amount = [](double x) { return std::isfinite(x) && x >= 0; };
  fuzz::require(amount(m.tokens_per_second) && m.tokens_per_second > 0, "a speed is positive");
  for (const auto& number : {m.weights_bytes, m.threads, m.input_tokens, m.output_tokens,
                             m.context_depth, m.stddev, m.ubatch})
    fuzz::require(!number || amount(*number), "numbers are finite and not negative");
  fuzz::require(m.batch >= 1, "there is a sequence");
  fuzz::require(!m.engine.empty() && !m.place.empty(), "a row has an engine and a place");
  const auto device = all.devices.find(m.device);
  fuzz::require(device != all.devices.end(), "the device is known");
  fuzz::require(device->second.peak_flops.contains(m.precision.matmul), "and has the rate");
  const auto model = all.models.find(m.model);
  fuzz::require(model != all.models.end(), "the model is known");
  fuzz::require(!model::find_fault(model->second), "and sound");
  const double bytes = io::weight_bytes(model->second, m.precision);
  fuzz::require(amount(bytes) && bytes > 0, "the weights have a size");
  if (m.phase == model::Phase::prefill)
    fuzz::require(m.input_tokens && *m.input_tokens > 0, "a prefill test has a prompt");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto files = fuzz::sources("bench.txt", {data, data + size});
  const io::MeasurementOptions options{
      .device = "jetson-agx-orin-64gb", .engine = {}, .models = {}};
  format::Faults faults;
  const auto all = io::read_measurements({"bench.txt"}, options, files, faults);
  fuzz::require(!all.rows.empty() || !all.left_out.empty() || !faults.empty(),
                "a file holds tests, or it is said that it does not");
  for (const auto& row : all.rows) require_sound(row, all);
  try {
    faults.throw_if_any();
  } catch (const InputError& e) {
    fuzz::require(!e.faults().empty(), "an InputError names a fault");
  }
  return 0;
}
