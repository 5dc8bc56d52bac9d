#pragma once
// The loss law: nats per token from the shape of an architecture.
//
//   L = kappa_l l^-alpha_l                                    depth
//     + kappa_rho rho^alpha_rho r^-alpha_r d^-beta_1          sparsity
//     + kappa_d r^-alpha_r d^-beta_2                          capacity
//     + kappa_m d_m^-alpha_m                                  KV
//     + L_inf + delta(precision)
//
// Source: [S] arXiv:2602.10377 Eq. 2 and 15. l layers, d width, r activated FFN ratio, rho
// activation rate, d_m KV dimension. With the published beta_1 < 0 the loss is not monotone in the
// width. Outside the ranges it was fitted on, a law extrapolates; `extrapolates` says so point by
// point.

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rooflaw/model/architecture.hpp"

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
};

struct Law {
  std::string id;
  double kappa_l = 0, alpha_l = 0;
  double kappa_rho = 0, alpha_rho = 0, alpha_r = 0, beta_1 = 0;
  double kappa_d = 0, beta_2 = 0;
  double kappa_m = 0, alpha_m = 0;
  double l_inf = 0;
  LawRange range;
};

/// What the law takes from an architecture.
template <class T>
struct LawPoint {
  T layers{};
  T width{};
  T ffn_ratio{};
  T activation_rate{};
  T kv_dim{};
};

/// The powers the law is made of. Scalar code only: search reads them from tables.
template <class T>
T depth_power(const Law& law, const T& layers) {
  using std::pow;
  return pow(layers, -law.alpha_l);
}
template <class T>
T activation_power(const Law& law, const T& activation_rate) {
  using std::pow;
  return pow(activation_rate, law.alpha_rho);
}
template <class T>
T ratio_power(const Law& law, const T& ffn_ratio) {
  using std::pow;
  return pow(ffn_ratio, -law.alpha_r);
}
template <class T>
T sparsity_width_power(const Law& law, const T& width) {
  using std::pow;
  return pow(width, -law.beta_1);
}
template <class T>
T capacity_width_power(const Law& law, const T& width) {
  using std::pow;
  return pow(width, -law.beta_2);
}
template <class T>
T kv_power(const Law& law, const T& kv_dim) {
  using std::pow;
  return pow(kv_dim, -law.alpha_m);
}

/// The terms, from powers. + and * only, so that lanes and scalars agree to the bit.
template <class T>
T depth_term(const Law& law, const T& depth_power) {
  return law.kappa_l * depth_power;
}
template <class T>
T sparsity_term(const Law& law, const T& activation_power, const T& ratio_power,
                const T& width_power) {
  return law.kappa_rho * activation_power * ratio_power * width_power;
}
template <class T>
T capacity_term(const Law& law, const T& ratio_power, const T& width_power) {
  return law.kappa_d * ratio_power * width_power;
}
template <class T>
T kv_term(const Law& law, const T& kv_power) {
  return law.kappa_m * kv_power;
}

template <class T>
struct LossTerms {
  T depth{};
  T sparsity{};
  T capacity{};
  T kv{};
};

/// Their sum, in the one order that search uses too: FFN part, KV part, depth part, then
/// the precision's penalty.
template <class T>
T ffn_loss(const T& sparsity, const T& capacity) {
  return sparsity + capacity;
}
template <class T>
T depth_loss(const Law& law, const T& depth) {
  return depth + law.l_inf;
}
template <class T>
T shape_loss(const T& ffn_part, const T& kv_part, const T& depth_part) {
  return (ffn_part + kv_part) + depth_part;
}

template <class T>
LossTerms<T> loss_terms(const Law& law, const LawPoint<T>& x) {
  const T ratio = ratio_power<T>(law, x.ffn_ratio);
  return {depth_term<T>(law, depth_power<T>(law, x.layers)),
          sparsity_term<T>(law, activation_power<T>(law, x.activation_rate), ratio,
                           sparsity_width_power<T>(law, x.width)),
          capacity_term<T>(law, ratio, capacity_width_power<T>(law, x.width)),
          kv_term<T>(law, kv_power<T>(law, x.kv_dim))};
}

template <class T>
T loss(const Law& law, const LossTerms<T>& t, double loss_delta) {
  return shape_loss<T>(ffn_loss<T>(t.sparsity, t.capacity), t.kv, depth_loss<T>(law, t.depth)) +
         loss_delta;
}

LawPoint<double> law_point(const Architecture& a);

/// Is a value of one axis, or a pair of axes, inside the range the law was fitted on?
bool layers_in_range(const LawRange& range, double layers);
bool width_in_range(const LawRange& range, double width);
bool experts_in_range(const LawRange& range, std::int64_t experts, std::int64_t top_k);
bool attention_in_range(const LawRange& range, AttentionKind kind, std::int64_t kv_heads,
                        std::int64_t heads);
bool ffn_in_range(const LawRange& range, FfnKind kind, double shared_ffn);

/// Does the law extrapolate there?
bool extrapolates(const LawRange& range, const Architecture& a);

}  // namespace rooflaw::model
