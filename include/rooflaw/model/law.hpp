#pragma once
// The loss law: nats per token from the shape of an architecture.
//
//   L = kappa_l l^-alpha_l                                    depth
//     + kappa_rho rho^alpha_rho r^-alpha_r d^-beta_1          sparsity
//     + kappa_d r^-alpha_r d^-beta_2                          capacity
//     + kappa_m d_m^-alpha_m                                  KV
//     + kappa_p P^-alpha_p                                    parameters
//     + L_inf + kappa_t D^-alpha_t + delta(precision)         the same for all architectures
//
// Source: [S] arXiv:2602.10377 Eq. 2 and 15. l layers, d width, r activated FFN ratio, rho
// activation rate, d_m KV dimension. The term in the training tokens D is that of other published
// laws (arXiv:2602.05970), that in the total parameters P, embeddings included, of
// arXiv:2502.06857; a law with the latter scores architectures but is no sum of what their parts
// lose, so that no search can use it. A term that a law lacks, whose coefficient is 0, is no
// opinion, not no effect. With the published beta_1 < 0 the loss is not monotone in the width.
// Outside the ranges it was fitted on, a law extrapolates; `extrapolates` says so point by point.
//
// law_terms says which term is made of what; all that evaluates, bounds, tabulates or
// differentiates a law goes through it. law_coefficients lists the coefficients: reader and
// checks are loops over it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/law_forms.hpp"
#include "rooflaw/model/numeric.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::model {

/// Both ends included.
struct Interval {
  double lo = 0;
  double hi = 0;
  bool contains(double x) const { return x >= lo && x <= hi; }
  bool operator==(const Interval&) const = default;
};

/// Where a law was fitted. What a law does not state does not limit it.
struct LawRange {
  std::optional<Interval> layers;
  std::optional<Interval> width;
  std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> experts_top_k;
  std::optional<std::vector<std::int64_t>> kv_heads;  // all_heads stands for kv_heads = heads
  std::optional<std::vector<AttentionKind>> attention;
  std::optional<std::vector<FfnKind>> ffn;
  std::optional<Interval> shared_ffn;
  std::optional<Interval> ffn_ratio, activation_rate, kv_dim;
  bool operator==(const LawRange&) const = default;
};

/// The coefficients, as numbers or as what they are fitted in.
template <class T>
struct LawCoefficients {
  T kappa_l{}, alpha_l{};
  T kappa_rho{}, alpha_rho{}, alpha_r{}, beta_1{};
  T kappa_d{}, beta_2{};
  T kappa_m{}, alpha_m{};
  T kappa_t{}, alpha_t{};
  T kappa_p{}, alpha_p{};
  T l_inf{};
};

/// D where nobody says how many tokens are planned.
inline constexpr double usual_tokens = 1e10;

struct Law : LawCoefficients<double> {
  std::string id;
  double tokens = usual_tokens;  // D
  LawRange range;
  std::vector<LawCoefficients<double>> resamples;  // fits to resampled runs: how sure it is
  LawForm form{};  // if it has one of its own, the coefficients above are 0
};

/// What a coefficient is.
enum class CoefficientKind { factor, exponent, constant };

template <class T>
struct LawCoefficient {
  std::string_view name;
  T LawCoefficients<T>::*member;
  CoefficientKind kind;
  std::string_view
      factor{};  // that an exponent goes with; of alpha_r there are two, either will do
};
template <class T = double>
inline constexpr std::array law_coefficients = {
    LawCoefficient<T>{"kappa_l", &LawCoefficients<T>::kappa_l, CoefficientKind::factor},
    LawCoefficient<T>{"alpha_l", &LawCoefficients<T>::alpha_l, CoefficientKind::exponent,
                      "kappa_l"},
    LawCoefficient<T>{"kappa_rho", &LawCoefficients<T>::kappa_rho, CoefficientKind::factor},
    LawCoefficient<T>{"alpha_rho", &LawCoefficients<T>::alpha_rho, CoefficientKind::exponent,
                      "kappa_rho"},
    LawCoefficient<T>{"alpha_r", &LawCoefficients<T>::alpha_r, CoefficientKind::exponent},
    LawCoefficient<T>{"beta_1", &LawCoefficients<T>::beta_1, CoefficientKind::exponent,
                      "kappa_rho"},
    LawCoefficient<T>{"kappa_d", &LawCoefficients<T>::kappa_d, CoefficientKind::factor},
    LawCoefficient<T>{"beta_2", &LawCoefficients<T>::beta_2, CoefficientKind::exponent, "kappa_d"},
    LawCoefficient<T>{"kappa_m", &LawCoefficients<T>::kappa_m, CoefficientKind::factor},
    LawCoefficient<T>{"alpha_m", &LawCoefficients<T>::alpha_m, CoefficientKind::exponent,
                      "kappa_m"},
    LawCoefficient<T>{"kappa_t", &LawCoefficients<T>::kappa_t, CoefficientKind::factor},
    LawCoefficient<T>{"alpha_t", &LawCoefficients<T>::alpha_t, CoefficientKind::exponent,
                      "kappa_t"},
    LawCoefficient<T>{"kappa_p", &LawCoefficients<T>::kappa_p, CoefficientKind::factor},
    LawCoefficient<T>{"alpha_p", &LawCoefficients<T>::alpha_p, CoefficientKind::exponent,
                      "kappa_p"},
    LawCoefficient<T>{"l_inf", &LawCoefficients<T>::l_inf, CoefficientKind::constant},
};

/// What the law takes from an architecture.
template <class T>
struct LawPoint {
  T layers{};
  T width{};
  T ffn_ratio{};
  T activation_rate{};
  T kv_dim{};
  T parameters{};  // in total, embeddings included; only of laws that have a term in them
};

/// The same by number, in the order in which a term multiplies its powers.
enum class LawVariable { layers, activation_rate, ffn_ratio, width, kv_dim, parameters };
inline constexpr std::size_t law_variable_count = 6;
inline constexpr std::array law_variables = {LawVariable::layers,    LawVariable::activation_rate,
                                             LawVariable::ffn_ratio, LawVariable::width,
                                             LawVariable::kv_dim,    LawVariable::parameters};
std::string_view to_string(LawVariable variable);
template <class T>
const T& value_of(const LawPoint<T>& x, LawVariable variable) {
  switch (variable) {
    case LawVariable::layers:
      return x.layers;
    case LawVariable::activation_rate:
      return x.activation_rate;
    case LawVariable::ffn_ratio:
      return x.ffn_ratio;
    case LawVariable::width:
      return x.width;
    case LawVariable::kv_dim:
      return x.kv_dim;
    case LawVariable::parameters:
      break;
  }
  return x.parameters;
}

/// coefficient * the product of its variables' powers.
template <class T>
struct LawTerm {
  T coefficient{};
  std::array<std::optional<T>, law_variable_count> exponents{};  // by LawVariable
  std::optional<T> exponent(LawVariable v) const { return exponents[static_cast<std::size_t>(v)]; }
  bool has(LawVariable v) const { return exponent(v).has_value(); }
};

template <class T>
struct LossTerms {
  T depth{};
  T sparsity{};
  T capacity{};
  T kv{};
  T parameters{};
};

/// The law as a sum of monomials.
template <class T>
LossTerms<LawTerm<T>> law_terms(const LawCoefficients<T>& law) {
  using enum LawVariable;
  const auto term = [](const T& coefficient,
                       std::initializer_list<std::pair<LawVariable, T>> powers) {
    LawTerm<T> t{.coefficient = coefficient};
    for (const auto& [variable, exponent] : powers)
      t.exponents[static_cast<std::size_t>(variable)] = exponent;
    return t;
  };
  return {term(law.kappa_l, {{layers, -law.alpha_l}}),
          term(law.kappa_rho,
               {{activation_rate, law.alpha_rho}, {ffn_ratio, -law.alpha_r}, {width, -law.beta_1}}),
          term(law.kappa_d, {{ffn_ratio, -law.alpha_r}, {width, -law.beta_2}}),
          term(law.kappa_m, {{kv_dim, -law.alpha_m}}),
          term(law.kappa_p, {{parameters, -law.alpha_p}})};
}

/// Does the loss depend on it? Of what a law is silent on it has no opinion. In the number of
/// parameters, where a law has one, everything plays a part; that is no opinion on each of them.
/// Forms of their own: joint-moe on parameters and activation rate (its experts), conditional on
/// width and FFN ratio (its d / sqrt(N) and its share of the FFN).
bool has_opinion(const LawCoefficients<double>& law, LawVariable variable);
bool has_opinion(const Law& law, LawVariable variable);
/// Does the loss depend on the training tokens?
bool has_tokens_term(const Law& law);

/// On what it has an opinion, in words, and which of the shape's variables it is silent on.
std::vector<std::string_view> opinions(const Law& law);
std::vector<std::string_view> silent_on(const Law& law);
/// What a reader must know of the law beside its numbers, a sentence each: what it is silent on,
/// that it is no loss, what training tokens are assumed.
std::vector<std::string> caveats(const Law& law, bool tokens_given);

/// May a search use it? Not if it has a term in the parameters: the loss is then no sum over parts;
/// nor if it has a form of its own. Why not, as the predicate of a sentence; empty if it may.
bool is_separable(const Law& law);
std::string why_not_searched(const Law& law);

/// Is what it says a loss? Not that of a multiplier.
bool gives_loss(const Law& law);

/// Can boxes of FFN blocks be bounded by their corners? If all terms are >= 0, and the loss rises
/// neither with the FFN ratio nor with the number of experts.
bool is_monotone(const LawCoefficients<double>& law);

/// What no architecture changes: L_inf and the term in tokens.
template <class C>
C law_constant(const LawCoefficients<C>& law, double tokens) {
  if (law.kappa_t == 0.0) return law.l_inf;
  return law.l_inf + law.kappa_t * power(tokens, C(-law.alpha_t));
}
inline double law_constant(const Law& law) { return law_constant(law, law.tokens); }

/// The sum of parts, in the one order that search uses too: FFN part (sparsity and capacity), KV
/// part, depth part with the law's constant; then the precision's penalty.
template <class T>
T ffn_loss(const T& sparsity, const T& capacity) {
  return sparsity + capacity;
}
template <class T>
T depth_loss(const T& depth, double constant) {
  return depth + constant;
}
template <class T>
T shape_loss(const T& ffn_part, const T& kv_part, const T& depth_part) {
  return (ffn_part + kv_part) + depth_part;
}

/// A term at a point.
template <class T, class C>
auto term_value(const LawTerm<C>& term, const LawPoint<T>& x) {
  std::conditional_t<std::is_same_v<C, double>, T, C> value(term.coefficient);
  for (const LawVariable v : law_variables)
    if (const auto exponent = term.exponent(v)) value = value * power(value_of(x, v), *exponent);
  return value;
}

/// All of them; T or C may be what the loss is differentiated in.
template <class T, class C>
auto loss_terms(const LawCoefficients<C>& law, const LawPoint<T>& x) {
  const auto terms = law_terms(law);
  using Term = decltype(term_value(terms.depth, x));
  return LossTerms<Term>{
      term_value(terms.depth, x), term_value(terms.sparsity, x), term_value(terms.capacity, x),
      term_value(terms.kv, x),
      law.kappa_p == 0.0 ? constant<Term>(0.0) : term_value(terms.parameters, x)};
}

template <class T>
T loss(const Law& law, const LossTerms<T>& t, double loss_delta) {
  return shape_loss<T>(ffn_loss<T>(t.sparsity, t.capacity), t.kv,
                       depth_loss<T>(t.depth, law_constant(law))) +
         t.parameters + loss_delta;
}

/// Is a value of one axis, or a pair of axes, inside the range the law was fitted on?
bool layers_in_range(const LawRange& range, double layers);
bool width_in_range(const LawRange& range, double width);
bool experts_in_range(const LawRange& range, std::int64_t experts, std::int64_t top_k);
bool attention_in_range(const LawRange& range, AttentionKind kind, std::int64_t kv_heads,
                        std::int64_t heads);
bool ffn_in_range(const LawRange& range, FfnKind kind, double shared_ffn);
/// FFN ratio and activation rate.
bool ffn_block_in_range(const LawRange& range, const FfnShape<double>& ffn);
bool kv_dim_in_range(const LawRange& range, const AttentionShape<double>& attention);

/// Does the law extrapolate there? And in what, in words: "width 4096, 15 experts top-1"; empty if
/// it does not.
bool extrapolates(const LawRange& range, const Architecture& a);
std::string outside_of_range(const LawRange& range, const Architecture& a);

}  // namespace rooflaw::model
