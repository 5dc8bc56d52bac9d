#pragma once
// The optimal shape at a given width in closed form, one case per set of budgets that bind.
//
//   D1, P1   only decode (prefill) binds; activation rate at its minimum
//   D2 = P2  only memory binds
//   D3, P3   decode (prefill) and memory both bind
//
// These are stationary points before clipping: a gqa below 1 or an activation rate above 1 can
// occur. The best shape inside a box, under any set of budgets, is in optimum.hpp.
//
// D1, P1, D2. With the binding budget spent in full, l = 1/g where g = c_0 + c_1/gqa + c_2 r is the
// share of the budget that a layer takes, the loss is stationary in r and gqa at
//
//   r   = [alpha_r Phi / (alpha_l kappa_l c_2 g^(alpha_l-1))]^(1/(alpha_r+1))
//   gqa = [alpha_l kappa_l c_1 g^(alpha_l-1) d^alpha_m / (alpha_m kappa_m)]^(1/(alpha_m+1))
//
// Phi r^-alpha_r the FFN terms of the loss. These are implicit, but only through the one number g:
// the fixed point is one equation in t = log g, h(t) = t - log g(r(t), gqa(t)) = 0. h is concave
// (log g is a log of a sum of exponentials) and its slope is bounded below by a positive number (by
// 1 if alpha_l >= 1, else by alpha_l at least), so Newton's method converges from anywhere.
//
// D3, P3. Decode l g_T <= X_T and memory l g_M <= X_M both tight make the activation rate a
// function of r and gqa. It is linear: d3_activation_rate. The remaining minimisation is convex in
// the logarithms (geometric_program.hpp) and solved as such.
//
// Source: [S] arXiv:2602.10377 sec. 5 and its appendix, with corrections. [S] Eq. 11 and 109-117
// (D3) divide the KV term by xi_all twice, so that their solution breaks the decode budget, and the
// paper's rule for which case applies is reversed: a small ratio of decode budget to memory budget
// means that decode binds. published_activation_rate and published_regime give the paper's
// versions.
//
// Units as in xi_model.hpp; multipliers in nats per unit of their budget, >= 0. Precision: D1, P1,
// D2 to rounding; D3, P3 to a KKT residual of 1e-8. Cost: 1 microsecond a case, D3 and P3 100.

#include <optional>
#include <string_view>

#include "rooflaw/theory/xi_model.hpp"

namespace rooflaw::theory {

/// A case solved: the shape, its loss, what one more unit of each budget is worth (0 if not
/// binding).
struct CaseSolution {
  Shape shape;
  double loss = 0;
  double mu_decode = 0;   // nats per byte of an output token
  double mu_prefill = 0;  // nats per FLOP of a prompt token
  double mu_memory = 0;   // nats per byte
};

/// Which of a latency budget and a memory budget bind.
enum class Regime { latency, memory, both };

/// "D1" "D2" "D3" for decode, "P1" "P2" "P3" for prefill.
std::string_view case_name(Regime regime, Resource latency);

/// D1 (latency = decode) or P1 (latency = prefill).
/// @throws DomainError for a law, width, budget or rate out of range, or a result beyond doubles
CaseSolution solve_latency_case(const model::Law& law, const XiModel& xi, double width,
                                Resource latency, double budget, double min_activation_rate);

/// Where only memory binds the activation rate has an optimum of its own, if alpha_rho > alpha_r:
/// [alpha_r kappa_d / ((alpha_rho - alpha_r) kappa_rho)]^(1/alpha_rho)
/// d^((beta_1-beta_2)/alpha_rho).
/// @throws DomainError if alpha_rho <= alpha_r: more experts then pay without end
double memory_activation_rate(const model::Law& law, double width);

/// D2 = P2.
/// @throws DomainError as memory_activation_rate and solve_latency_case
CaseSolution solve_memory_case(const model::Law& law, const XiModel& xi, double width,
                               double memory_bytes);

/// Activation rate at which a shape spends a latency and a memory budget in full together; its own
/// activation rate and layers do not matter. eta is the latency budget over the memory budget.
/// Decode: 3 eta r / (A(1-eta) + 3r + delta); prefill: 3 eta b_w r / (A(2 - eta b_w) + 6r), with
/// A = 2 + 2/gqa. NaN where no rate does.
double d3_activation_rate(const XiModel& xi, const Shape& shape, double eta);
double p3_activation_rate(const XiModel& xi, const Shape& shape, double eta);

/// The multipliers at a shape that spends both budgets in full: of memory from stationarity in the
/// activation rate, of latency from stationarity in the layers.
struct PairOfMultipliers {
  double latency = 0;
  double memory = 0;
};
PairOfMultipliers multipliers_where_both_bind(const model::Law& law, const XiModel& xi,
                                              const Shape& shape, Resource latency);

/// D3 or P3; empty if not both budgets bind when the activation rate is free.
/// @throws DomainError as solve_latency_case
std::optional<CaseSolution> solve_case_of_both(const model::Law& law, const XiModel& xi,
                                               double width, Resource latency,
                                               double latency_budget, double memory_bytes);

/// All cases that the budgets allow, and which of them applies. A total-time budget has no closed
/// form and is ignored. d2 is empty too if the law has no such optimum (alpha_rho <= alpha_r).
struct ClosedForms {
  std::optional<CaseSolution> d1, d2, d3, p1, p3;
  std::optional<Regime> decode_regime;   // if there is a decode budget
  std::optional<Regime> prefill_regime;  // if there is a prefill budget
};

/// By solving: D1 if its shape fits the memory, else D2 if its shape fits the latency, else D3,
/// which is solved only then.
/// @throws DomainError as the above, and unless 0 < min_activation_rate <= 1
ClosedForms closed_forms(const model::Law& law, const XiModel& xi, double width,
                         const Budgets& budgets, double min_activation_rate);

/// What [S] prints in the place of d3_activation_rate: eta xi^2 - (A+3r) xi - delta = 0 for xi =
/// xi_all, then rho = 3r/(xi - A). Exact only if delta = 0. NaN where xi <= A.
double published_activation_rate(const XiModel& xi, const Shape& shape, double eta);

/// The regime that the rule of [S] names where `regime` is the right one: latency and memory
/// swapped.
Regime published_regime(Regime regime);

}  // namespace rooflaw::theory
