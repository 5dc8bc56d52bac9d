// The closed forms for one chip: what binds, the best shape, what more of each thing is worth, and
// an architecture that can be built.

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

namespace {

Answer answer(const Question& q) {
  Answer a;
  a.optimum = theory::optimise(q.law, q.xi, q.budgets, q.box, q.scenario.precision.loss_delta);
  a.width = a.optimum.shape.width;
  a.cases = theory::closed_forms(q.law, q.xi, a.width, q.budgets, q.box.activation_rate.lo);
  a.architecture = theory::buildable(q.law, q.scenario, a.optimum.shape, q.limits, q.box, {});
  a.evaluation = model::evaluate(q.law, a.architecture, q.scenario);
  return a;
}

}  // namespace

ExitCode advise_command(const Arguments& arguments) {
  const auto values = parse_arguments(
      arguments, advise_usage,
      "The best shape of a model for a chip and its budgets, in closed form: what binds, what more "
      "of each is worth, and an architecture to build.",
      advise_options(), {});
  if (!values) return ExitCode::done;
  const Question q = read_question(*values);
  const Answer a = answer(q);
  const bool published = (*values)["published"].as<bool>();
  if ((*values)["json"].as<bool>())
    fmt::print("{}\n", to_json(q, a, published).dump(2));
  else
    print_text(q, a, published);
  return ExitCode::done;
}

}  // namespace rooflaw::app
