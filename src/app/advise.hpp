#pragma once
// The parts of `rooflaw advise`: question from the command line, answer, report.

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/buildable.hpp"
#include "rooflaw/theory/closed_forms.hpp"

namespace rooflaw::app {

extern const char* const advise_usage;

/// Everything the question fixes.
struct Question {
  model::Law law;
  model::Scenario scenario;
  model::Limits limits;
  theory::Budgets budgets;
  theory::XiModel xi;
  theory::ShapeBox box;
  bool width_given = false;
};

struct Answer {
  theory::Optimum optimum;
  double width = 0;  // of the closed forms
  theory::ClosedForms cases;
  model::Architecture architecture;
  model::Evaluation evaluation;
};

boost::program_options::options_description advise_options();

/// @throws InputError for a bad option; what the tables and theory throw for the rest
Question read_question(const boost::program_options::variables_map& values);

nlohmann::json to_json(const Question& q, const Answer& a, bool published);
void print_text(const Question& q, const Answer& a, bool published);

}  // namespace rooflaw::app
