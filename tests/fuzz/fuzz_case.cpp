// CASE.toml: whatever the text, an InputError or an evaluation with sound numbers.

#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "rooflaw/app/evaluation_json.hpp"

using namespace rooflaw;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto files = fuzz::sources("case.toml", {data, data + size});
  try {
    const io::Case c = io::read_case(files, "case.toml");
    const auto e = model::evaluate(c.law, c.architecture, c.scenario);
    fuzz::require_sound(e, c.scenario);
    const std::string text = app::evaluation_json(c, e).dump();
    fuzz::require(text.find("null") == std::string::npos || e.loss > 709 ||
                      c.scenario.workload.output_tokens == 0 || !c.scenario.engine.lm_head,
                  "null stands for what is not there, not for an overflow");
  } catch (const InputError& e) {
    fuzz::require(!e.faults().empty(), "an InputError names a fault");
  }
  return 0;
}
