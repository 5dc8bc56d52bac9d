#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "law_fit.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/core/version.hpp"

namespace rooflaw::app {

namespace {

using fit::Column;

// Keys of [law.range], by column; none for what is no axis of a search.
constexpr std::array<std::string_view, fit::column_count> range_keys = {
    "layers", "width", "kv_dim", "ffn_ratio", "activation_rate", "", ""};

/// A basic string of TOML; those of JSON are.
std::string toml_string(const std::string& text) { return nlohmann::json(printable(text)).dump(); }

std::string toml_strings(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const auto& text : texts) all.push_back(toml_string(text));
  return fmt::format("[{}]", fmt::join(all, ", "));
}

std::string interval(double low, double high) { return fmt::format("[{}, {}]", low, high); }

/// What of its errors a law has.
std::string accuracy_line(std::string_view key, const fit::Accuracy& a) {
  if (a.runs == 0) return "";
  return fmt::format(
      "{} = {{ runs = {}, r2 = {:.6g}, mean_error = {:.6g}, largest_error = {:.6g}, bias = "
      "{:.6g}, rank_correlation = {:.6g} }}\n",
      key, a.runs, a.r2, a.mean, a.largest, a.bias, a.rank);
}

std::string resample_tables(const FittedLaw& law, const std::vector<std::string>& names) {
  std::vector<fit::Member> members;
  for (const auto& name : names)
    for (const auto& c : model::law_coefficients<double>)
      if (c.name == name) members.push_back(c.member);
  std::string text =
      fmt::format("\n[law.fit.covariance]\ncoefficients = {}\nmatrix = [\n", toml_strings(names));
  for (const auto& row : law.report.covariance)
    text += fmt::format("  [{}],\n", fmt::join(row, ", "));
  text +=
      fmt::format("]\n\n[law.resamples]\ncoefficients = {}\nvectors = [\n", toml_strings(names));
  for (const auto& resample : law.report.resamples) {
    std::vector<double> values;
    for (const auto member : members) values.push_back(resample.*member);
    text += fmt::format("  [{}],\n", fmt::join(values, ", "));
  }
  return text + "]\n";
}

}  // namespace

void describe_runs(FittedLaw& law, const fit::Runs& runs, const fit::LawStudy& study) {
  for (std::size_t c = 0; c < fit::column_count; ++c) {
    if (!runs.has[c]) continue;
    model::Interval range{runs.rows.front().values[c], runs.rows.front().values[c]};
    for (const auto& run : runs.rows)
      range = {std::min(range.lo, run.values[c]), std::max(range.hi, run.values[c])};
    law.ranges[c] = range;
  }
  const auto& rows = study.problem().rows();
  double logs = 0;
  for (const auto& run : rows) logs += natural_log(run[Column::tokens]);
  if (std::find(law.terms.begin(), law.terms.end(), "tokens") != law.terms.end())
    law.tokens = exponential(logs / static_cast<double>(rows.size()));
  if (!study.problem().groups().empty()) law.group = study.problem().groups().front();
  law.ignored = runs.ignored;
}

std::string law_file(const FittedLaw& law) {
  const auto& r = law.report;
  std::vector<std::string> names;
  for (const auto& told : r.coefficients) names.push_back(told.name);
  std::string text = fmt::format(
      "{}\n#\n#   L = {}\n#\n# [law.fit] says how sure it is: intervals hold 95 % of the "
      "resamples by shape, errors are\n# those of runs that were held out, relative to the loss. "
      "[law.resamples] are laws of their own.\n\n[[law]]\nid = \"{}\"\nname = {}\n",
      law_begins, formula_of(law), law.id,
      toml_string(fmt::format("fitted to {} runs of {} shapes", r.runs, r.shapes)));
  for (const auto& told : r.coefficients) text += fmt::format("{} = {}\n", told.name, told.value);
  // A term has all of its exponents, those of what the runs do not state, too.
  for (const auto& term : law.terms)
    for (const auto& power : fit::find_term(term)->powers)
      if (const std::string name(fit::name_of(power.exponent));
          std::find(names.begin(), names.end(), name) == names.end()) {
        text += fmt::format("{} = 0\n", name);
        names.push_back(name);
      }
  names.resize(r.coefficients.size());
  if (law.tokens > 0) text += fmt::format("tokens = {}\n", law.tokens);
  text += fmt::format(
      "source = {}\nconfidence = \"fitted\"\n",
      toml_string(fmt::format("fitted by rooflaw {} to {}", program_version(), law.data)));
  if (const auto doubts = doubts_of(law); !doubts.empty())
    text += fmt::format("notes = {}\n", toml_string(fmt::format("{}", fmt::join(doubts, " "))));

  text += "\n[law.range]\n";
  for (std::size_t c = 0; c < fit::column_count; ++c)
    if (law.ranges[c] && !range_keys[c].empty())
      text +=
          fmt::format("{} = {}\n", range_keys[c], interval(law.ranges[c]->lo, law.ranges[c]->hi));

  text += fmt::format(
      "\n[law.fit]\nprogram = {}\ncommit = {}\ndata = {}\nsha256 = \"{}\"\nrows = {}\nrows_of_data "
      "= "
      "{}\nshapes = {}\nseed = {}\nterms = {}\nobjective = {}\ngradient_norm = {}\nstarts = "
      "{}\nstarts_within_1_percent = {}\nresamples_without_a_fit = {}\n",
      toml_string(std::string(program_version())), toml_string(std::string(git_commit())),
      toml_string(law.data), law.sha256, r.runs, law.rows, r.shapes, law.seed,
      toml_strings(law.terms), r.sum_of_huber, r.gradient_norm, r.starts, r.starts_near,
      r.resamples_lost);
  text +=
      fmt::format("at_bound = {}\nflagged = {}\npinned = {}\n",
                  toml_strings(names_where(law, [](const auto& t) { return t.at_bound; })),
                  toml_strings(names_where(law, [](const auto& t) { return !t.flags.empty(); })),
                  toml_strings(names_where(law, [](const auto& t) { return t.pinned; })));
  if (!law.group.empty()) {
    text += fmt::format("group = {}\n", toml_string(law.group));
    for (const auto& told : r.offsets)
      text += fmt::format("{} = {}\n", toml_string(told.name), told.value);
  }
  text += accuracy_line("fitted", r.fitted.law) +
          accuracy_line("held_out_runs", r.held_out[0].law) +
          accuracy_line("held_out_shapes", r.held_out[1].law) +
          accuracy_line("held_out_largest", r.held_out[2].law);
  text += "\n[law.fit.intervals]\n";
  for (const auto& told : r.coefficients)
    text += fmt::format("{} = {}\n", told.name, interval(told.low, told.high));
  return text + resample_tables(law, names);
}

std::string formula_of(const FittedLaw& law) {
  std::string text;
  for (const auto& name : law.terms) {
    const auto* form = fit::find_term(name);
    text += fit::name_of(form->coefficient);
    for (const auto& power : form->powers)
      if (law.ranges[static_cast<std::size_t>(power.column)])
        text += fmt::format(" {}^{}{}", fit::name_of(power.column), power.sign < 0 ? "-" : "",
                            fit::name_of(power.exponent));
    text += " + ";
  }
  return text + "l_inf";
}

}  // namespace rooflaw::app
