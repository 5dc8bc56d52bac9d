#pragma once
// What a small change of the architecture or the chip does, at any point of the full operator
// model.
//
// Loss: partial derivatives in layers l, width d, FFN ratio r, activation rate rho and KV dimension
// d_m, each with the other four held fixed.
// Latency: one layer more costs the time of a layer, exactly. For d, r and d_m the operators are
// taken as continuous in the sizes that follow from them, all else (head_dim, experts, top_k,
// shared FFN, MLA ranks but one) held fixed:
//   d     moves the query heads in proportion, and with r the expert size
//   r     moves the expert size f = (3 r d / matrices - f_shared) / K
//   d_m   moves the KV heads, or the rank kv_lora_rank of MLA
// At a crossing of compute and memory time the derivative is one-sided: a tie is compute-bound.
// Exchange rates: lambda_x = -(dL/dx) / (dT/dx), the loss that a second of latency buys by way of
// x. At an interior optimum of a continuous design all agree, and are the shadow price of latency.
//
// Source: [S] arXiv:2602.10377 Eq. 2 and 15 for the loss, operators of model/operators.hpp for the
// latency; both differentiated by Eigen::AutoDiffScalar through the very templates that evaluate
// them. Units: nats per token, seconds; T is the target's own latency (prefill_s, tpot_s or
// total_s), lm_head included. Cost: 1 to 2 microseconds a point.

#include <limits>

#include "rooflaw/model/continuous.hpp"

namespace rooflaw::theory {

/// One row of the /sensitivity datasets, under their names.
struct Sensitivity {
  double dloss_dlayers = 0;
  double dloss_dwidth = 0;
  double dloss_dffn_ratio = 0;
  double dloss_dactivation_rate = 0;
  double dloss_dkv_dim = 0;

  double dlatency_dlayers = 0;  // seconds; not stored
  double dlatency_dwidth = 0;
  double dlatency_dffn_ratio = 0;
  double dlatency_dkv_dim = 0;

  // Nats per second; NaN where the latency does not depend on the quantity.
  double exchange_layers = 0;
  double exchange_width = 0;
  double exchange_ffn_ratio = 0;
  double exchange_kv_dim = 0;

  // Shares of the latency, all >= 0, sum 1 (all 0 of a zero latency): a rate that is x % higher, or
  // an overhead that is x % lower, lowers the latency by share * x %. d ln T / d ln peak =
  // -compute.
  double elasticity_compute = 0;
  double elasticity_bandwidth = 0;
  double elasticity_overhead = 0;

  // What 1 % more is worth, in nats, positive when the loss falls: of compute and bandwidth at a
  // fixed latency budget, of memory at a fixed latency 0 unless it binds (memory_binds).
  double worth_compute = 0;
  double worth_bandwidth = 0;
  double worth_memory = 0;
};

/// Does memory bind at a point? If it fits the budget and one more layer would not: then depth, the
/// one axis in which a model grows by the least, is held back by memory.
bool memory_binds(const model::ContinuousArchitecture<double>& a, const model::Scenario& s,
                  double memory_budget);

/// worth_memory where memory binds is 0.01 M mu_M, with mu_M = (-dL/dl) / (weight bytes of a
/// layer): the multiplier of closed_forms.hpp's case D2, alpha_l kappa_l / (l^(alpha_l+1) xi_all
/// d^2 b_w).
///
/// @param memory_budget  bytes; infinite: none
/// @throws DomainError if the workload has no such objective, an architecture is not sound, or no
///         search can use the law (why_not_searched)
Sensitivity sensitivity(const model::Law& law, const model::Architecture& a,
                        const model::Scenario& s, model::Objective objective,
                        double memory_budget = std::numeric_limits<double>::infinity());
/// The same of an architecture of one group.
Sensitivity sensitivity(const model::Law& law, const model::ContinuousArchitecture<double>& a,
                        const model::Scenario& s, model::Objective objective,
                        double memory_budget = std::numeric_limits<double>::infinity());

}  // namespace rooflaw::theory
