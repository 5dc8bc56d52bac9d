#include "rooflaw/fit/law_form.hpp"

#include <algorithm>
#include <array>

#include "rooflaw/core/error.hpp"

namespace rooflaw::fit {

namespace {

using C = Coefficients;

constexpr double least_exponent = 1e-6;  // at 0 a term would be part of L_inf
const std::array exponents = {
    ExponentForm{&C::alpha_l, least_exponent, 5, 0.05, 2.5, 1.63},
    ExponentForm{&C::alpha_rho, least_exponent, 3, 0.02, 2, 1.09},
    ExponentForm{&C::alpha_r, least_exponent, 3, 0.02, 1, 0.17},
    ExponentForm{&C::beta_1, -3, 3, -1, 1.5, -0.33},
    ExponentForm{&C::beta_2, least_exponent, 5, 0.05, 2, 0.97},
    ExponentForm{&C::alpha_m, least_exponent, 3, 0.01, 1, 0.05},
    ExponentForm{&C::alpha_t, least_exponent, 3, 0.05, 1, 0.2990961372835},
    ExponentForm{&C::alpha_p, least_exponent, 3, 0.05, 1, 0.5055007692},
};

const std::array<TermForm, 6> all_terms = {{
    {"depth", &C::kappa_l, 9.96, {{Column::layers, &C::alpha_l, -1}}},
    {"sparsity",
     &C::kappa_rho,
     0.031,
     {{Column::activation_rate, &C::alpha_rho, 1},
      {Column::ffn_ratio, &C::alpha_r, -1},
      {Column::width, &C::beta_1, -1}}},
    {"capacity",
     &C::kappa_d,
     500,
     {{Column::ffn_ratio, &C::alpha_r, -1}, {Column::width, &C::beta_2, -1}}},
    {"kv", &C::kappa_m, 0.2, {{Column::kv_dim, &C::alpha_m, -1}}},
    {"tokens", &C::kappa_t, 528.8321689482242, {{Column::tokens, &C::alpha_t, -1}}},
    {"parameters", &C::kappa_p, 2605, {{Column::parameters, &C::alpha_p, -1}}},
}};

}  // namespace

std::string_view name_of(Member member) {
  for (const auto& c : model::law_coefficients<double>)
    if (c.member == member) return c.name;
  throw Error("a law has no such coefficient");
}

const ExponentForm& exponent_form(Member member) {
  const auto found = std::find_if(exponents.begin(), exponents.end(),
                                  [&](const ExponentForm& e) { return e.member == member; });
  if (found == exponents.end()) throw Error("a law has no such exponent");
  return *found;
}

std::span<const TermForm> term_forms() { return all_terms; }

const TermForm* find_term(std::string_view name) {
  const auto found = std::find_if(all_terms.begin(), all_terms.end(),
                                  [&](const TermForm& t) { return t.name == name; });
  return found == all_terms.end() ? nullptr : &*found;
}

}  // namespace rooflaw::fit
