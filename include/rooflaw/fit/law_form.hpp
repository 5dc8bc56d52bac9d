#pragma once
// Terms of the loss law (model/law.hpp) as a fit sees them: which coefficients, in which bounds,
// and of which columns of a table of runs. law_form_test.cpp holds them against law_terms.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "rooflaw/fit/runs.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::fit {

using Coefficients = model::LawCoefficients<double>;
using Member = double Coefficients::*;
std::string_view name_of(Member member);

/// An exponent: the sign that physics gives it, and what it is where runs do not tell: that of the
/// published law (arXiv:2602.10377; tokens arXiv:2602.05970; parameters arXiv:2502.06857).
struct ExponentForm {
  Member member;
  double low, high;              // bounds
  double start_low, start_high;  // where starts are drawn
  double prior;
};
const ExponentForm& exponent_form(Member member);

/// coefficient * product of column^(sign * exponent)
struct PowerForm {
  Column column;
  Member exponent;
  double sign;
};
struct TermForm {
  std::string_view name;  // as of --terms
  Member coefficient;
  double prior;
  std::vector<PowerForm> powers;
};
/// depth, sparsity, capacity, kv, tokens, parameters
std::span<const TermForm> term_forms();
/// Null if there is none of the name.
const TermForm* find_term(std::string_view name);

}  // namespace rooflaw::fit
