#pragma once
// What the files of the command `fit` share.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/fit/law_study.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::app {

/// A law, and where it comes from.
struct FittedLaw {
  std::string id;
  std::string data;    // name of the file
  std::string sha256;  // of its text
  std::uint64_t seed = 0;
  std::size_t rows = 0;  // of the file; the fit may be to those of lowest loss only
  std::vector<std::string> terms;
  std::vector<std::string> ignored;  // columns of the file
  std::array<std::optional<model::Interval>, fit::column_count> ranges;
  double tokens = 0;  // geometric mean, where the law has a term in them
  std::string group;  // that the law is for; empty without groups
  std::vector<std::string> notes;
  fit::LawReport report;
};

/// Ranges, tokens and group.
void describe_runs(FittedLaw& law, const fit::Runs& runs, const fit::LawStudy& study);

inline constexpr std::string_view law_begins =
    "# A loss law that `rooflaw fit` fitted to training runs.";

/// As a [[law]] that a job may name.
std::string law_file(const FittedLaw& law);
/// "kappa_l l^-alpha_l + ... + L_inf"
std::string formula_of(const FittedLaw& law);
/// What the runs do not tell, a sentence each.
std::vector<std::string> doubts_of(const FittedLaw& law);

std::string law_report(const FittedLaw& law, std::size_t width);
std::string law_json(const FittedLaw& law);

/// The names of coefficients that `which` holds for.
template <class Which>
std::vector<std::string> names_where(const FittedLaw& law, const Which& which) {
  std::vector<std::string> names;
  for (const auto& told : law.report.coefficients)
    if (which(told)) names.push_back(told.name);
  return names;
}

}  // namespace rooflaw::app
