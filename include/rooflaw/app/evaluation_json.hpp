#pragma once
// One architecture evaluated, as the JSON object of `evaluate --json` and `advise --json`.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rooflaw/io/case_file.hpp"
#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::app {

/// The type an operator computes in on the scenario's device.
std::string_view compute_type(const model::Operator<double>& op, const model::Scenario& s);

/// How far the device's efficiencies can be trusted, where they are not measured; else empty.
std::string efficiency_note(const model::Scenario& s);

/// What a reader must know of the numbers, in words.
std::vector<std::string> notes_on(const io::Case& c);

nlohmann::json evaluation_json(const io::Case& c, const model::Evaluation& e);

}  // namespace rooflaw::app
