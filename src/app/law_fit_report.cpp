#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "law_fit.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace {

using Lines = std::vector<std::vector<std::string>>;

std::string number_or_dash(double x) { return std::isnan(x) ? "-" : fmt::format("{:.4g}", x); }
std::string percent_or_dash(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.2f}", 100 * share);
}

std::vector<std::string> row_of(const fit::Told& told) {
  return {told.name, number_or_dash(told.value),
          told.pinned
              ? "not fitted"
              : fmt::format("{} .. {}", number_or_dash(told.low), number_or_dash(told.high)),
          fmt::format("{}", fmt::join(told.flags, ", "))};
}

void add_accuracy(Lines& lines, const std::string& what, const fit::Accuracy& a) {
  if (a.runs == 0) return;
  const auto places = [](double x) { return std::isnan(x) ? "-" : fmt::format("{:.4f}", x); };
  lines.push_back({what, fmt::format("{}", a.runs), places(a.r2), percent_or_dash(a.mean),
                   percent_or_dash(a.largest), fmt::format("{:+.2f}", 100 * a.bias),
                   places(a.rank)});
}

void add_compared(Lines& lines, const std::string& what, const fit::Compared& c) {
  add_accuracy(lines, what, c.law);
  add_accuracy(lines, "  size and tokens alone", c.size_only);
  add_accuracy(lines, "  mean", c.mean);
}

}  // namespace

std::string law_report(const FittedLaw& law, std::size_t width) {
  const auto& r = law.report;
  std::string text = fmt::format("{}: {} runs of {} shapes, {} parameters fitted\n", law.data,
                                 r.runs, r.shapes, r.free_parameters) +
                     wrapped(fmt::format("L = {}", formula_of(law)), width, 2);
  if (law.rows > r.runs)
    text += wrapped(fmt::format("Of {} runs those of lowest loss, equal ones together.", law.rows),
                    width);
  if (!law.group.empty())
    text += wrapped(fmt::format("The law is that of group {}.", law.group), width, 2);
  for (const auto& note : law.notes) text += wrapped(note, width, 2);
  if (!law.ignored.empty())
    text += wrapped(fmt::format("Ignored columns: {}.", fmt::join(law.ignored, ", ")), width, 2);

  Lines lines{{"coefficient", "value", "95 % of resamples", "doubt"}};
  for (const auto& told : r.coefficients) lines.push_back(row_of(told));
  for (const auto& told : r.offsets) lines.push_back(row_of(told));
  text += fmt::format("\n{}", text_table(lines, width));
  text += wrapped(
      fmt::format("Sum of Huber {:.6g}; {} of the {} best of 400 starts end within 1 % of it; "
                  "largest gradient {:.1e}; {} resamples by shape, {} without a fit.",
                  r.sum_of_huber, r.starts_near, r.starts, r.gradient_norm,
                  r.resamples.size() + r.resamples_lost, r.resamples_lost),
      width);

  lines = {{"errors", "runs", "R2", "mean %", "largest %", "bias %", "rank"}};
  add_compared(lines, "fitted", r.fitted);
  add_compared(lines, "a fifth held out", r.held_out[0]);
  add_compared(lines, "a fifth of the shapes", r.held_out[1]);
  add_compared(lines, "the fifth of most compute", r.held_out[2]);
  text += fmt::format("\n{}", text_table(lines, width));

  text += wrapped(
      law.ranges[static_cast<std::size_t>(fit::Column::parameters)]
          ? "Size is params_total."
          : "Size is what l, d, dm, r and rho say of the weights: there is no params_total.",
      width);
  if (law.tokens > 0)
    text += wrapped(fmt::format("The law's level is that after {:.3g} tokens, the geometric mean "
                                "of the runs (key tokens; law.tokens of a job replaces it).",
                                law.tokens),
                    width);

  lines = {{"worst runs", "loss", "by the law", "off %"}};
  for (const auto& w : r.worst)
    lines.push_back({fmt::format("{}:{}", law.data, w.line), fmt::format("{:.4f}", w.measured),
                     fmt::format("{:.4f}", w.predicted),
                     fmt::format("{:+.2f}", 100 * (w.predicted / w.measured - 1))});
  text += fmt::format("\n{}", text_table(lines, width));

  if (const auto doubts = doubts_of(law); !doubts.empty()) {
    text += "\nwhat these runs do not tell\n";
    for (const auto& doubt : doubts) text += wrapped(doubt, width, 2);
  }
  return text;
}

}  // namespace rooflaw::app
