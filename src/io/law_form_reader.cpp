#include "law_form_reader.hpp"

#include <fmt/format.h>

#include "foreign_names.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::io {

namespace {

using model::FormNumber;

// With these a loss stays finite for any model that may be written down.
constexpr format::NumberRule exponent{-1, true, 1, true, "must be a finite number from -1 to 1"};
constexpr format::NumberRule exponent_per_log{-0.1, true, 0.1, true,
                                              "must be a finite number from -0.1 to 0.1"};
constexpr format::NumberRule experts{1, true, 1e6, true, "must be a finite number from 1 to 1e6"};

const format::NumberRule& rule_of(FormNumber kind) {
  switch (kind) {
    case FormNumber::factor:
    case FormNumber::constant:
      return format::rules::non_negative;
    case FormNumber::exponent:
      return exponent;
    case FormNumber::exponent_per_log:
      return exponent_per_log;
    case FormNumber::experts:
      return experts;
    case FormNumber::multiplier:
      break;
  }
  return format::rules::signed_number;
}

/// What is none of the form's, of all forms.
void explain_other(format::TableReader& reader, const model::LawForm& form) {
  const auto explain = [&](std::string_view coefficient, const std::string& of) {
    reader.explain(coefficient, fmt::format("is a coefficient of {}, which this law is not", of));
  };
  if (!std::holds_alternative<std::monostate>(form))
    for (const auto& c : model::law_coefficients<>) explain(c.name, "a law without a form");
  if (!std::holds_alternative<model::JointMoeLaw>(form))
    for (const auto& c : model::joint_moe_coefficients) explain(c.name, "form \"joint-moe\"");
  if (!std::holds_alternative<model::ConditionalLaw>(form))
    for (const auto& c : model::conditional_coefficients) explain(c.name, "form \"conditional\"");
}

template <class Form, class Coefficients>
void read_coefficients(format::TableReader& reader, Form& form, const Coefficients& coefficients) {
  for (const auto& c : coefficients)
    form.*c.member = reader.required_number(c.name, rule_of(c.kind));
}

}  // namespace

std::optional<model::LawForm> read_law_form(format::TableReader& reader) {
  model::LawForm form;
  if (reader.has("form")) {
    const auto named = reader.word<model::LawForm>(
        "form", model::law_form_from,
        "must be \"joint-moe\" or \"conditional\"; a sum of terms has no form",
        HintFrom{{"joint-moe", "conditional"}});
    if (!named) {
      for (const auto& c : model::law_coefficients<>) reader.allow({c.name});
      for (const auto& c : model::joint_moe_coefficients) reader.allow({c.name});
      for (const auto& c : model::conditional_coefficients) reader.allow({c.name});
      return std::nullopt;
    }
    form = *named;
  }
  explain_other(reader, form);
  const std::size_t before = reader.faults().size();
  if (auto* law = std::get_if<model::JointMoeLaw>(&form)) {
    read_coefficients(reader, *law, model::joint_moe_coefficients);
    if (reader.faults().size() == before && !(law->e_s < law->e_m))
      reader.fault("e_m", "must be larger than e_s");
  } else if (auto* multiplier = std::get_if<model::ConditionalLaw>(&form)) {
    read_coefficients(reader, *multiplier, model::conditional_coefficients);
  }
  return form;
}

}  // namespace rooflaw::io
