// The best architecture to build for one chip, proven; what binds, what more of each thing is
// worth, and the closed forms beside it.

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

ExitCode advise_command(const Arguments& arguments) {
  const auto values = parse_arguments(
      arguments, advise_usage,
      "The best architecture that can be built for a chip and its budgets, proven: what binds, "
      "what "
      "more of each is worth, what would reach a loss, and the closed forms beside it.\nExample: "
      "rooflaw advise --device jetson-agx-orin-64gb --precision int8 --workload vla --total-budget "
      "100ms",
      advise_options(), {});
  if (!values) return ExitCode::done;
  const Question q = read_question(*values);
  const Answer a = answer(q);
  const bool published = (*values)["published"].as<bool>();
  if ((*values)["json"].as<bool>())
    fmt::print("{}\n", to_json(q, a, published).dump(2));
  else
    print_text(q, a, published);
  if (a.built) return ExitCode::done;
  fmt::print(stderr, "rooflaw: no architecture of the box meets the budgets{}{}\n",
             a.shortfall.empty() ? "" : ": ", a.shortfall);
  return ExitCode::bad_input;
}

}  // namespace rooflaw::app
