#include "rooflaw/model/law_forms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rooflaw/model/continuous.hpp"

namespace rooflaw::model {

std::string_view name_of(const LawForm& form) {
  if (std::holds_alternative<JointMoeLaw>(form)) return "joint-moe";
  return std::holds_alternative<ConditionalLaw>(form) ? "conditional" : "sum";
}

std::optional<LawForm> law_form_from(std::string_view name) {
  for (const LawForm& form : {LawForm(JointMoeLaw{}), LawForm(ConditionalLaw{})})
    if (name_of(form) == name) return form;
  return std::nullopt;
}

JointMoeTerms joint_moe_terms(const JointMoeLaw& law, double active_parameters, double experts,
                              double tokens) {
  const double start = 1.0 / (1.0 / law.e_s - 1.0 / law.e_m);
  const double effective = 1.0 / (1.0 / (experts - 1.0 + start) + 1.0 / law.e_m);
  const double log_effective = natural_log(effective);
  return {.size = law.a * power(effective, law.delta) *
                  power(active_parameters, law.alpha + law.gamma * log_effective),
          .tokens = law.b * power(effective, law.omega) *
                    power(tokens, law.beta + law.zeta * log_effective),
          .constant = law.c};
}

JointMoeTerms joint_moe_terms(const JointMoeLaw& law, const Architecture& a, double tokens) {
  std::int64_t experts = 1;
  for_each_group(a, [&](const Layers& group) { experts = std::max(experts, group.experts); });
  return joint_moe_terms(law, parameters(lift(a)).active, static_cast<double>(experts), tokens);
}

double conditional_multiplier(const ConditionalLaw& law, const Architecture& a) {
  if (!law_has_opinion(a)) return std::numeric_limits<double>::quiet_NaN();
  using Group = LayerGroup<double>;
  const auto x = lift(a);
  const double attention = over_layers(x, [](const Group& g) { return g.attention.weights(); });
  const double ffn = over_layers(x, [](const Group& g) { return g.ffn.active_weights(); });
  const double width = x.width() / std::sqrt(attention + ffn);
  const double ratio = ffn / attention;
  return (law.a_0 + law.a_1 * natural_log(width) + law.a_2 / width) *
         (law.b_0 + law.b_1 * natural_log(ratio) + law.b_2 / ratio);
}

}  // namespace rooflaw::model
