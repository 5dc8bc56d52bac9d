#pragma once
// The xi model: a transformer as three numbers per layer, simple enough for closed forms.
//
// It counts weights only (heads * head_dim = width, no lm_head, no activations, no overhead) and
// lets every size be continuous. In units of width^2, per layer:
//
//   xi_F   = 4 + 4/gqa + 6 r        FLOP of one prompt token
//   xi_dec = 2 + 2/gqa + 3 r        weights that one decode step reads
//   xi_all = 2 + 2/gqa + 3 r/rho    weights stored
//   delta  = 2 S b_kv / (gqa d b_w) KV cache that one decode step reads, in weights
//
// d width, r activated FFN ratio, rho activation rate, S mean context, b_w and b_kv bytes per
// weight and per cached element. Three resources are linear in the layers l:
//
//   prefill  l xi_F d^2                   <=  T_prefill peak / (B S_in)    [FLOP per prompt token]
//   decode   l (xi_dec + delta) d^2 b_w   <=  T_decode bandwidth / S_out   [bytes per output token]
//   memory   l xi_all d^2 b_w             <=  M                            [bytes]
//
// and so is the total time, a weighted sum of the first two. Prefill is taken as compute-bound and
// decode as bandwidth-bound, which is what makes the model simple; with many experts and a short
// prompt the first is not true (the operators of model/ know better).
//
// Source: [S] arXiv:2602.10377 sec. 5. Our extensions: a batch multiplies the KV cache a step
// reads, and a budget for the total time. Valid for positive finite shapes; costs a few nanoseconds
// each.

#include <array>
#include <optional>
#include <string_view>

#include "rooflaw/core/fixed_vector.hpp"
#include "rooflaw/model/law.hpp"
#include "rooflaw/model/objective.hpp"

namespace rooflaw::theory {

/// A transformer with continuous sizes. The KV dimension of the loss law is width / gqa.
struct Shape {
  double layers = 0;
  double width = 0;
  double ffn_ratio = 0;
  double gqa = 1;
  double activation_rate = 1;
};
template <class Archive>
void fields(Archive& a, Shape& x) {
  a(x.layers, x.width, x.ffn_ratio, x.gqa, x.activation_rate);
}

/// What the xi model takes from precision, workload and engine.
struct XiModel {
  double weight_bytes = 0;  // b_w
  double kv_bytes = 0;      // b_kv, scaled by e_b / e_kv if the cache is read at another efficiency
  double cached_tokens =
      0;  // tokens whose keys and values a decode step reads: B times mean context
};

/// Mean context of a decode step, the new token included: S_in + (S_out + 1) / 2.
double mean_context(const model::Workload& workload);

/// @throws DomainError unless bytes are positive and tokens not negative, all finite
void require_valid(const XiModel& xi);

/// The xi model of a scenario.
XiModel xi_model(const model::Scenario& scenario);

enum class Resource { prefill, decode, total, memory };
inline constexpr std::array all_resources = {Resource::prefill, Resource::decode, Resource::total,
                                             Resource::memory};
std::string_view to_string(Resource resource);
std::string_view unit(Resource resource);

/// Sums of powers of a shape's sizes. All that is said of the xi model here is evaluated from them,
/// and the geometric programs of shape_program.hpp are made of them.
struct ShapePowers {
  double layers = 0, width = 0, ffn_ratio = 0, gqa = 0, activation_rate = 0;
};
struct ShapeTerm {
  double coefficient = 0;
  ShapePowers powers;
};
using ShapeSum = FixedVector<ShapeTerm, 8>;
double value_at(const ShapeSum& sum, const Shape& shape);

/// What a layer takes of a resource: FLOP per prompt token, bytes per output token, bytes stored.
/// @throws DomainError for the total time, which needs rates
ShapeSum layer_work(const XiModel& xi, Resource resource);

/// In units of width^2 (and of b_w).
double xi_prefill(const Shape& shape);
double xi_decode(const Shape& shape);
double xi_all(const Shape& shape);
double xi_delta(const XiModel& xi, const Shape& shape);
double xi_effective(const XiModel& xi, const Shape& shape);  // xi_decode + xi_delta

/// FLOP per prompt token, bytes per output token, bytes stored; of one layer.
double prefill_flop_per_layer(const Shape& shape);
double decode_bytes_per_layer(const XiModel& xi, const Shape& shape);
double memory_bytes_per_layer(const XiModel& xi, const Shape& shape);

model::LawPoint<double> law_point(const Shape& shape);
double loss(const model::Law& law, const Shape& shape, double loss_delta = 0.0);

/// What a geometric program needs of a law: that a search can use it, and no negative term.
/// @throws DomainError
void require_posynomial(const model::Law& law);

/// What the closed forms need: every kappa and alpha of the terms in a shape positive, all finite.
/// (beta_1 and beta_2 may have any sign.)
/// @throws DomainError
void require_usable(const model::Law& law);

/// Rates that an engine reaches, not data-sheet peaks: e_c * peak and e_b * bandwidth.
struct EffectiveRates {
  double flop_per_s = 0;
  double bytes_per_s = 0;
};
EffectiveRates effective_rates(const model::Scenario& scenario);

/// A limit on prefill time + decode time, with what turns work into time.
struct TotalBudget {
  double seconds = 0;
  double s_per_prefill_flop = 0;  // per FLOP of each prompt token: B S_in / peak
  double s_per_decode_byte = 0;   // per byte of each output token: S_out / bandwidth
};

/// Limits on the resources of the xi model; absent = none.
struct Budgets {
  std::optional<double> prefill_flop_per_token = std::nullopt;
  std::optional<double> decode_bytes_per_token = std::nullopt;
  std::optional<TotalBudget> total = std::nullopt;
  std::optional<double> memory_bytes = std::nullopt;
};

/// From what a user limits to work. Several limits on one resource: the tightest.
/// @throws DomainError for a bound that is not positive (or NaN), for rates that are not positive,
///         for a limit on a phase that the workload does not have, and for two limits that weigh
///         the phases differently
Budgets to_budgets(const model::Limits& limits, const model::Scenario& scenario);

/// The budgets under which a scenario takes `bound` of an objective and no more memory than given.
/// @throws DomainError as to_budgets
Budgets budgets_at(const model::Scenario& scenario, model::Objective objective, double bound,
                   double memory_bytes);

/// Drops infinite limits.
/// @throws DomainError for a limit that is not positive, or NaN
Budgets checked(const Budgets& budgets);

/// The limit on a resource, if there is one, and how much of it a shape uses, in the same unit.
/// Usage of the total time needs its budget, which holds the rates.
std::optional<double> limit(const Budgets& budgets, Resource resource);
double usage(const XiModel& xi, const Budgets& budgets, const Shape& shape, Resource resource);

}  // namespace rooflaw::theory
