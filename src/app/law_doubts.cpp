// In plain words, what runs do not tell.

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "law_fit.hpp"

namespace rooflaw::app {

namespace {

using fit::Column;

constexpr double hardly_better = 1.1;  // of the errors of N and tokens alone

std::string of_four_digits(double x) { return fmt::format("{:.4g}", x); }

const char* words_of(Column column) {
  switch (column) {
    case Column::layers:
      return "depth (l)";
    case Column::width:
      return "width (d)";
    case Column::kv_dim:
      return "the KV cache (dm)";
    case Column::ffn_ratio:
      return "the FFN ratio (r)";
    case Column::activation_rate:
      return "sparsity (rho)";
    case Column::tokens:
      return "training tokens";
    case Column::parameters:
      break;
  }
  return "total parameters";
}

bool depends_on(const FittedLaw& law, Column column) {
  return std::any_of(law.terms.begin(), law.terms.end(), [&](const std::string& name) {
    const auto& powers = fit::find_term(name)->powers;
    return law.ranges[static_cast<std::size_t>(column)] &&
           std::any_of(powers.begin(), powers.end(),
                       [&](const fit::PowerForm& p) { return p.column == column; });
  });
}

std::string doubt_of(const fit::Told& told) {
  std::string text = told.name;
  if (told.at_bound)
    text += fmt::format(
        " lies on its bound, {}: the fit would have it beyond, and it is no "
        "estimate.",
        of_four_digits(told.value));
  else
    text += fmt::format(" is hardly told: nineteen of twenty resamples have it from {} to {}.",
                        of_four_digits(told.low), of_four_digits(told.high));
  if (told.profile_low < told.profile_high)
    text += fmt::format(" With {} to {} the rest makes up for it, at 1 % more of the objective.",
                        of_four_digits(told.profile_low), of_four_digits(told.profile_high));
  return text;
}

}  // namespace

std::vector<std::string> doubts_of(const FittedLaw& law) {
  std::vector<std::string> all;
  for (const auto& told : law.report.coefficients)
    if (!told.flags.empty()) all.push_back(doubt_of(told));
  if (!all.empty())
    all.emplace_back(
        "Hardly told are coefficients whose interval spans a factor of five or more, exponents and "
        "limits that may be nearly anything. They trade off against others, which move along with "
        "them: read predictions off the law, not the sizes of its terms; runs over a wider range "
        "of "
        "that column would tell them, --terms leaves the term out.");
  std::vector<std::string> unknown;
  for (const Column c : {Column::layers, Column::width, Column::ffn_ratio, Column::activation_rate,
                         Column::kv_dim, Column::tokens})
    if (!depends_on(law, c)) unknown.emplace_back(words_of(c));
  if (!unknown.empty())
    all.push_back(
        fmt::format("It has no opinion on {}: that is not to say that they do not matter.",
                    fmt::join(unknown, ", ")));
  if (depends_on(law, Column::parameters))
    all.emplace_back("With its term in total parameters it scores, but no search may take it.");
  const auto& shapes = law.report.held_out[static_cast<int>(fit::HeldOut::shapes)];
  if (law.report.has_size_only && shapes.law.mean * hardly_better > shapes.size_only.mean)
    all.emplace_back(
        "On shapes that were held out, parameters and tokens alone do as well or nearly: these "
        "runs say little of which shape is better.");
  return all;
}

}  // namespace rooflaw::app
