#include <nlohmann/json.hpp>

#include "law_fit.hpp"
#include "rooflaw/core/printable.hpp"

namespace rooflaw::app {

namespace {

using nlohmann::json;

json told_json(const fit::Told& told) {
  return {{"name", printable(told.name)},
          {"value", told.value},
          {"interval", {told.low, told.high}},
          {"profile", {told.profile_low, told.profile_high}},
          {"pinned", told.pinned},
          {"at_bound", told.at_bound},
          {"flags", told.flags}};
}

json accuracy_json(const fit::Accuracy& a) {
  if (a.runs == 0) return nullptr;
  return {{"runs", a.runs},       {"r2", a.r2},
          {"mean_error", a.mean}, {"largest_error", a.largest},
          {"bias", a.bias},       {"rank_correlation", a.rank}};
}

json compared_json(const fit::Compared& c) {
  return {{"law", accuracy_json(c.law)},
          {"size_and_tokens", accuracy_json(c.size_only)},
          {"mean", accuracy_json(c.mean)}};
}

}  // namespace

std::string law_json(const FittedLaw& law) {
  const auto& r = law.report;
  json coefficients = json::array(), offsets = json::array(), worst = json::array(),
       notes = json::array(), ignored = json::array();
  for (const auto& told : r.coefficients) coefficients.push_back(told_json(told));
  for (const auto& told : r.offsets) offsets.push_back(told_json(told));
  for (const auto& w : r.worst)
    worst.push_back({{"line", w.line}, {"loss", w.measured}, {"predicted", w.predicted}});
  for (const auto& note : law.notes) notes.push_back(printable(note));
  for (const auto& column : law.ignored) ignored.push_back(printable(column));
  json ranges = json::object();
  for (std::size_t c = 0; c < fit::column_count; ++c)
    if (law.ranges[c])
      ranges[std::string(fit::column_names[c])] = {law.ranges[c]->lo, law.ranges[c]->hi};
  const json j = {{"id", law.id},
                  {"data", printable(law.data)},
                  {"sha256", law.sha256},
                  {"seed", law.seed},
                  {"rows", r.runs},
                  {"rows_of_data", law.rows},
                  {"shapes", r.shapes},
                  {"terms", law.terms},
                  {"formula", formula_of(law)},
                  {"ignored_columns", ignored},
                  {"ranges", ranges},
                  {"tokens", law.tokens > 0 ? json(law.tokens) : json()},
                  {"group", law.group.empty() ? json() : json(printable(law.group))},
                  {"coefficients", coefficients},
                  {"offsets", offsets},
                  {"free_parameters", r.free_parameters},
                  {"objective", r.sum_of_huber},
                  {"gradient_norm", r.gradient_norm},
                  {"starts", r.starts},
                  {"starts_within_1_percent", r.starts_near},
                  {"resamples", r.resamples.size()},
                  {"resamples_without_a_fit", r.resamples_lost},
                  {"fitted", compared_json(r.fitted)},
                  {"held_out_runs", compared_json(r.held_out[0])},
                  {"held_out_shapes", compared_json(r.held_out[1])},
                  {"held_out_largest", compared_json(r.held_out[2])},
                  {"worst", worst},
                  {"notes", notes},
                  {"doubts", doubts_of(law)}};
  return j.dump(2);
}

}  // namespace rooflaw::app
