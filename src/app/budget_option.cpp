#include "budget_option.hpp"

#include <cmath>

#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

namespace {

using model::Objective;

/// Joules have no other unit here: "2J" or a bare number.
double joules_from(const std::string& text, std::string number) {
  if (number.ends_with('J')) number.pop_back();
  const auto quantity = format::read_quantity(number, format::Dimension::none);
  if (quantity.value && *quantity.value > 0.0 && std::isfinite(*quantity.value))
    return *quantity.value;
  throw bad_option("budget", text, "must be a number of joules > 0, as in energy=2J");
}

}  // namespace

model::Limit budget_from(const std::string& text) {
  const auto equals = text.find('=');
  const std::string kind = text.substr(0, equals);
  const auto objective = kind == "memory" ? Objective::memory : model::objective_from(kind);
  if (equals == std::string::npos || !objective)
    throw bad_option("budget", text,
                     "must be prefill=TIME, tpot=TIME, total=TIME, energy=JOULES or memory=SIZE");
  if (text.find(',') != std::string::npos)
    throw bad_option("budget", text, "is one budget; each of several has a --budget of its own");
  const std::string value = text.substr(equals + 1);
  if (*objective == Objective::energy) return {*objective, joules_from(text, value)};
  const auto dimension =
      *objective == Objective::memory ? format::Dimension::bytes : format::Dimension::seconds;
  return {*objective, positive_quantity("budget", value, dimension)};
}

}  // namespace rooflaw::app
