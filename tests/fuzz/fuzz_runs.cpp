// Tables of training runs: whatever the text, faults or runs that a law can be fitted to.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/fit/law_identify.hpp"
#include "rooflaw/fit/law_minimum.hpp"
#include "rooflaw/io/runs_csv.hpp"

using namespace rooflaw;

namespace {

constexpr std::size_t most_fitted = 40;  // runs, so that an input takes no second

void require_sound(const fit::Runs& runs) {
  for (const auto& run : runs.rows) {
    for (const double x : run.values)
      fuzz::require(std::isfinite(x) && x > 0, "what a run is of is finite and positive");
    fuzz::require(run[fit::Column::activation_rate] <= 1, "an activation rate is a share");
    fuzz::require(std::isfinite(run.loss) && run.loss > 0, "a loss is finite and positive");
    fuzz::require(std::isfinite(run.weight) && run.weight > 0, "so is a weight");
    fuzz::require(run.line > 1, "a run has a line");
  }
}

/// A fit of a few steps to runs that are enough for it.
void fit_some(const fit::Runs& runs) {
  std::vector<const fit::TermForm*> forms;
  for (const auto& form : fit::term_forms())
    if (runs.knows(form.powers.front().column)) forms.push_back(&form);
  if (forms.empty()) return;
  fit::Identified found;
  try {
    found = fit::identify(runs, forms, 1);
  } catch (const Error& error) {
    fuzz::require(error.exit_code() == ExitCode::bad_input, "only the input is to blame");
    return;
  }
  const fit::LawProblem problem(runs, found.terms);
  const auto starts = fit::best_starts(problem, problem.whole(), {1, 4, 1});
  for (const auto& start : starts) {
    const auto minimum = fit::polish(problem, problem.whole(), start);
    const auto law = problem.coefficients(minimum.at);
    for (const auto& c : model::law_coefficients<double>)
      fuzz::require(!std::isnan(law.*c.member), "a coefficient is a number");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return -1;
  auto files = fuzz::sources("runs.csv", {data + 1, data + size});
  format::Faults faults;
  const auto runs = io::read_runs("runs.csv", files, (data[0] & 1) != 0, faults);
  fuzz::require(!runs.rows.empty() || faults.size() > 0, "there are runs, or it is said why not");
  require_sound(runs);
  try {
    faults.throw_if_any();
  } catch (const InputError&) {
    return 0;
  }
  if (runs.rows.size() <= most_fitted) fit_some(runs);
  return 0;
}
