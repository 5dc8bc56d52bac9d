// CASE.toml: whatever the text, an InputError or an evaluation with sound numbers.

#include <cmath>
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
    const auto numbers = app::evaluation_json(c, e).flatten();
    for (const auto& [key, value] : numbers.items())
      fuzz::require(!value.is_number_float() || std::isfinite(value.get<double>()) ||
                        (key == "/perplexity" && e.loss > 709),
                    "null stands for what is not there, not for an overflow");
  } catch (const InputError& e) {
    fuzz::require(!e.faults().empty(), "an InputError names a fault");
  }
  return 0;
}
