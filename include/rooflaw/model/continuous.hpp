#pragma once
// A whole model: groups of identical layers, tables of the vocabulary; its costs and what the law
// takes from it. Sizes may lie between whole numbers, over any number type: evaluation takes
// double, sensitivities and relaxation take numbers with derivatives. All of them start from `lift`
// and vary the fields they mean to vary.
//
// Every sum is taken in the order of latency.hpp and memory.hpp, so a model of one group has the
// bits that search finds for it.

#include <vector>

#include "rooflaw/model/latency.hpp"
#include "rooflaw/model/law.hpp"
#include "rooflaw/model/memory.hpp"
#include "rooflaw/model/objective.hpp"

namespace rooflaw::model {

template <class T>
struct LayerGroup {
  T layers{};
  AttentionShape<T> attention;
  FfnShape<T> ffn;
};

/// All groups share the width.
template <class T>
struct ContinuousArchitecture {
  std::vector<LayerGroup<T>> groups;  // at least one
  Tables tables;
  const T& width() const { return groups.front().attention.width; }
};

ContinuousArchitecture<double> lift(const Architecture& a);

/// In a number type that may then vary sizes.
template <class T>
ContinuousArchitecture<T> lift(const ContinuousArchitecture<double>& a) {
  ContinuousArchitecture<T> lifted{.groups = {}, .tables = a.tables};
  for (const auto& g : a.groups)
    lifted.groups.push_back({T(g.layers), lift<T>(g.attention), lift<T>(g.ffn)});
  return lifted;
}

/// A sum over the layers of all groups.
template <class T, class PerLayer>
T over_layers(const ContinuousArchitecture<T>& a, PerLayer per_layer) {
  T sum = a.groups.front().layers * per_layer(a.groups.front());
  for (std::size_t g = 1; g < a.groups.size(); ++g)
    sum = sum + a.groups[g].layers * per_layer(a.groups[g]);
  return sum;
}

/// Ratio, rate and KV dimension of several groups are those of all their layers together: quotients
/// of whole numbers, each rounded once, so that equal shapes have equal losses to the last bit.
template <class T>
LawPoint<T> law_point(const ContinuousArchitecture<T>& a) {
  const auto& first = a.groups.front();
  if (a.groups.size() == 1)
    return {.layers = first.layers,
            .width = a.width(),
            .ffn_ratio = first.ffn.ffn_ratio(),
            .activation_rate = first.ffn.activation_rate(),
            .kv_dim = first.attention.kv_dim()};
  using Group = LayerGroup<T>;
  const T layers = over_layers(a, [](const Group&) { return T(1.0); });
  const T active = over_layers(
      a, [](const Group& g) { return T(ffn_matrices(g.ffn.kind) * g.ffn.active_hidden()); });
  const T stored = over_layers(
      a, [](const Group& g) { return T(ffn_matrices(g.ffn.kind) * g.ffn.stored_hidden()); });
  const T cache = over_layers(a, [](const Group& g) { return g.attention.cache_elements(); });
  return {.layers = layers,
          .width = a.width(),
          .ffn_ratio = active / (3.0 * layers * a.width()),
          .activation_rate = active / stored,
          .kv_dim = cache / (2.0 * layers)};
}

/// A phase of the workload: its time, and what compute-bound and bandwidth-bound operators and the
/// overheads take of it.
template <class T>
struct PhaseTime {
  T seconds{};
  T compute_bound_s{};
  T bandwidth_bound_s{};
  T overhead_s{};
};

template <class T, class R>
PhaseTime<Seconds<T, R>> time_of(const ContinuousArchitecture<T>& a, const BasicScenario<R>& s,
                                 Phase phase) {
  using S = Seconds<T, R>;
  const R overhead = layer_overhead(s, phase);
  const Duration<S> head = head_time(a.width(), a.tables.vocab, s, phase);
  PhaseTime<S> sum{S(0.0), S(0.0), S(0.0), S(0.0)};
  S busy(0.0);
  for (const auto& group : a.groups) {
    const auto& ffn_block = group.ffn;
    const auto attention = attention_time(group.attention, s, phase);
    const auto ffn = ffn_time(ffn_block, s, phase, [&](double tokens) {
      return RoutedTokens<T>{distinct_experts<T>(ffn_block.experts, ffn_block.top_k, tokens),
                             down_rows_read(ffn_block.sparsity, tokens)};
    });
    sum.seconds =
        sum.seconds + group.layers * layer_time<S>(attention.seconds, ffn.seconds, overhead);
    sum.compute_bound_s =
        sum.compute_bound_s + group.layers * S(attention.compute_bound_s + ffn.compute_bound_s);
    busy = busy + group.layers * S(attention.seconds + ffn.seconds);
    sum.overhead_s = sum.overhead_s + group.layers * overhead;
  }
  const S fixed = fixed_time<S>(head.seconds, s, phase);
  sum.seconds = phase_time<S>(sum.seconds, fixed);
  sum.compute_bound_s = sum.compute_bound_s + head.compute_bound_s;
  sum.bandwidth_bound_s = busy + head.seconds - sum.compute_bound_s;
  sum.overhead_s = sum.overhead_s + (fixed - head.seconds);
  return sum;
}

template <class T>
Memory<T> memory(const ContinuousArchitecture<T>& a, const Scenario& s) {
  using Group = LayerGroup<T>;
  const auto& p = s.precision;
  const T weights = over_layers(a, [&](const Group& g) {
    return T(attention_weight_bytes(g.attention, p) + ffn_weight_bytes(g.ffn, p));
  });
  const T kv = over_layers(a, [&](const Group& g) { return T(kv_cache_bytes(g.attention, s)); });
  T widest(0.0), scratch(0.0);
  for (const auto& g : a.groups) {
    widest =
        larger<T>(widest, larger<T>(attention_activations(g.attention), ffn_activations(g.ffn)));
    scratch = larger<T>(scratch, attention_scratch_bytes(g.attention, s));
  }
  return {.weights = weights + table_bytes(a.width(), a.tables, p),
          .kv = kv,
          .workspace = workspace_bytes<T>(a.width(), widest, scratch,
                                          logit_bytes(a.tables.vocab, s), activation_bytes(s))};
}

/// What a target, a limit or a budget asks for.
template <class T>
Costs<T> costs(const ContinuousArchitecture<T>& a, const Scenario& s) {
  return {.prefill_s = time_of(a, s, Phase::prefill).seconds,
          .decode_s = time_of(a, s, Phase::decode).seconds,
          .memory_bytes = memory(a, s).total()};
}

/// Parameters stored, and those a token passes through (top_k experts instead of all).
struct Parameters {
  double total = 0;
  double active = 0;
};
Parameters parameters(const ContinuousArchitecture<double>& a);

}  // namespace rooflaw::model
