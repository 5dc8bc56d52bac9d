#pragma once
// Published laws that are no sum of powers of a shape: they score architectures, and no search can
// use them.
//
// joint-moe, arXiv:2502.05172 table 3: the loss of a model that routes each token to one of E
// experts, with N active parameters, embeddings included, after D training tokens,
//
//   L = a E'^delta N^(alpha + gamma ln E') + b E'^omega D^(beta + zeta ln E') + c
//   1 / E' = 1 / (E - 1 + 1 / (1 / e_s - 1 / e_m)) + 1 / e_m
//
// Fitted on E 1 (dense) to 32, gated FFNs of 3 d, D 0.5 to 80 billion.
//
// conditional, arXiv:2510.18245: by what a loss is multiplied, at fixed depth and fixed size, with
// the width d and with what the FFN has of the parameters,
//
//   M = (a_0 + a_1 ln x + a_2 / x) (b_0 + b_1 ln q + b_2 / q)
//
// x = d / sqrt(N), N without embeddings; q parameters of the FFN / of attention. Fitted on dense
// models of 80 million to 3 billion parameters and q 0.5 to 5. Of a mixture of experts we count
// what a token passes through, without the router: our extension.

#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "rooflaw/model/architecture.hpp"

namespace rooflaw::model {

struct JointMoeLaw {
  double a = 0, alpha = 0, delta = 0, gamma = 0;
  double b = 0, beta = 0, omega = 0, zeta = 0;
  double c = 0;
  double e_s = 0, e_m = 0;  // 1 <= e_s < e_m
  bool operator==(const JointMoeLaw&) const = default;
};

struct ConditionalLaw {
  double a_0 = 0, a_1 = 0, a_2 = 0;
  double b_0 = 0, b_1 = 0, b_2 = 0;
  bool operator==(const ConditionalLaw&) const = default;
};

/// Nothing: the sum of terms of law.hpp.
using LawForm = std::variant<std::monostate, JointMoeLaw, ConditionalLaw>;

/// "sum", "joint-moe", "conditional".
std::string_view name_of(const LawForm& form);
/// A form of its own, coefficients 0.
std::optional<LawForm> law_form_from(std::string_view name);

/// What a coefficient of a form may be.
enum class FormNumber { factor, exponent, exponent_per_log, constant, experts, multiplier };

template <class Form>
struct FormCoefficient {
  std::string_view name;
  double Form::*member;
  FormNumber kind;
};
inline constexpr std::array joint_moe_coefficients = {
    FormCoefficient<JointMoeLaw>{"a", &JointMoeLaw::a, FormNumber::factor},
    FormCoefficient<JointMoeLaw>{"alpha", &JointMoeLaw::alpha, FormNumber::exponent},
    FormCoefficient<JointMoeLaw>{"delta", &JointMoeLaw::delta, FormNumber::exponent},
    FormCoefficient<JointMoeLaw>{"gamma", &JointMoeLaw::gamma, FormNumber::exponent_per_log},
    FormCoefficient<JointMoeLaw>{"b", &JointMoeLaw::b, FormNumber::factor},
    FormCoefficient<JointMoeLaw>{"beta", &JointMoeLaw::beta, FormNumber::exponent},
    FormCoefficient<JointMoeLaw>{"omega", &JointMoeLaw::omega, FormNumber::exponent},
    FormCoefficient<JointMoeLaw>{"zeta", &JointMoeLaw::zeta, FormNumber::exponent_per_log},
    FormCoefficient<JointMoeLaw>{"c", &JointMoeLaw::c, FormNumber::constant},
    FormCoefficient<JointMoeLaw>{"e_s", &JointMoeLaw::e_s, FormNumber::experts},
    FormCoefficient<JointMoeLaw>{"e_m", &JointMoeLaw::e_m, FormNumber::experts}};
inline constexpr std::array conditional_coefficients = {
    FormCoefficient<ConditionalLaw>{"a_0", &ConditionalLaw::a_0, FormNumber::multiplier},
    FormCoefficient<ConditionalLaw>{"a_1", &ConditionalLaw::a_1, FormNumber::multiplier},
    FormCoefficient<ConditionalLaw>{"a_2", &ConditionalLaw::a_2, FormNumber::multiplier},
    FormCoefficient<ConditionalLaw>{"b_0", &ConditionalLaw::b_0, FormNumber::multiplier},
    FormCoefficient<ConditionalLaw>{"b_1", &ConditionalLaw::b_1, FormNumber::multiplier},
    FormCoefficient<ConditionalLaw>{"b_2", &ConditionalLaw::b_2, FormNumber::multiplier}};

/// Of joint-moe, nats per token; it is the sum of these. All arguments > 0.
struct JointMoeTerms {
  double size = 0;
  double tokens = 0;
  double constant = 0;
  double sum() const { return size + tokens + constant; }
};
JointMoeTerms joint_moe_terms(const JointMoeLaw& law, double active_parameters, double experts,
                              double tokens);
/// Of an architecture; of several kinds of layers the most experts count.
JointMoeTerms joint_moe_terms(const JointMoeLaw& law, const Architecture& a, double tokens);

/// Near 1. It compares models of one depth and size and says nothing of others. NaN where the
/// architecture has no attention or no FFN.
double conditional_multiplier(const ConditionalLaw& law, const Architecture& a);

}  // namespace rooflaw::model
