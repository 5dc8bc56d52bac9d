#pragma once
// Cases written as JSON in the field names of CASE.toml, turned into the types of the
// program. The slow reference reads the same JSON, so both sides of a comparison start from one
// text.

#include <fstream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::testing {

using nlohmann::json;

/// The worked cases that were handed over with the specification.
inline const json& golden() {
  static const json data = [] {
    const std::string path = std::string(ROOFLAW_TEST_DIR) + "/golden/golden.json";
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    return json::parse(file);
  }();
  return data;
}

inline std::int64_t integer_of(const json& table, const char* key, std::int64_t otherwise) {
  return table.contains(key) ? table.at(key).get<std::int64_t>() : otherwise;
}

inline model::MlaRanks mla_ranks_from(const json& j) {
  return {.kv_lora_rank = j.at("kv_lora_rank"),
          .q_lora_rank = integer_of(j, "q_lora_rank", 0),
          .qk_nope_head_dim = j.at("qk_nope_head_dim"),
          .qk_rope_head_dim = j.at("qk_rope_head_dim"),
          .v_head_dim = j.at("v_head_dim")};
}

inline model::Workload work(std::int64_t batch, std::int64_t in, std::int64_t out) {
  return {.id = "work", .batch = batch, .input_tokens = in, .output_tokens = out};
}

/// A group of layers; what it lacks stands in `common`.
inline model::Layers layers_from(json j, const json& common) {
  for (const auto& [key, value] : common.items())
    if (key != "group" && !j.contains(key)) j[key] = value;
  using enum model::AttentionKind;
  model::Layers g;
  g.layers = j.at("layers");
  g.attention = model::attention_kind_from(j.value("attention", std::string("gqa"))).value();
  if (g.attention == gqa || g.attention == mla) g.heads = j.at("heads");
  if (g.attention == mla) g.mla = mla_ranks_from(j);
  if (g.attention == gqa) {
    g.head_dim = j.at("head_dim");
    g.kv_heads = j.at("kv_heads");
    g.window = integer_of(j, "window", 0);
  }
  if (g.attention == recurrent)
    g.recurrent = {.mixer_weights = j.at("mixer_weights"),
                   .mixer_width = j.at("mixer_width"),
                   .state_elements = j.at("state_elements"),
                   .state_flops = j.at("state_flops")};
  g.ffn = model::ffn_kind_from(j.value("ffn", std::string("gated"))).value();
  if (g.ffn == model::FfnKind::none) return g;
  g.expert_ffn = j.at("expert_ffn");
  g.experts = integer_of(j, "experts", 1);
  g.top_k = integer_of(j, "top_k", 1);
  g.shared_ffn = integer_of(j, "shared_ffn", 0);
  g.ffn_sparsity = j.value("ffn_sparsity", 0.0);
  return g;
}

inline model::Architecture architecture_from(const json& j) {
  model::Architecture a;
  const json groups = j.value("group", json::array({json::object()}));
  static_cast<model::Layers&>(a) = layers_from(groups.at(0), j);
  for (std::size_t g = 1; g < groups.size(); ++g) a.further.push_back(layers_from(groups[g], j));
  a.width = j.at("width");
  a.vocab = j.at("vocab");
  a.tied = j.value("tied", true);
  a.positions = integer_of(j, "positions", 0);
  return a;
}

inline model::ComputeType compute_type(const std::string& name) {
  return model::compute_type_from(name).value();
}

inline model::Precision precision_from(const json& j) {
  model::Precision p;
  p.id = j.value("id", std::string("custom"));
  p.weight_bytes = j.at("weight_bytes");
  p.attention_weight_bytes = j.value("attention_weight_bytes", p.weight_bytes);
  p.ffn_weight_bytes = j.value("ffn_weight_bytes", p.weight_bytes);
  p.activation_bytes = j.at("activation_bytes");
  p.kv_bytes = j.at("kv_bytes");
  p.input_bytes = j.value("input_bytes", p.activation_bytes);
  p.head_bytes = j.value("head_bytes", p.weight_bytes);
  p.embedding_bytes = j.value("embedding_bytes", p.head_bytes);
  p.matmul = compute_type(j.at("matmul"));
  p.attention = compute_type(j.value("attention", std::string("fp16")));
  p.loss_delta = j.value("loss_delta", 0.0);
  return p;
}

inline model::Device device_from(const json& j) {
  model::Device d;
  d.id = j.value("id", std::string("custom"));
  if (j.contains("memory_bytes")) d.memory_bytes = j.at("memory_bytes").get<double>();
  d.bandwidth_bytes_per_s = j.at("bandwidth");
  for (const auto& [type, flops] : j.at("peak_flops").items())
    d.peak_flops[compute_type(type)] = flops;
  d.kind = j.value("kind", std::string());
  const auto known = [&](const char* key) {
    return j.contains(key) ? std::optional(j.at(key).get<double>()) : std::nullopt;
  };
  d.usable_memory_bytes = known("usable_memory_bytes");
  d.prefill_power_w = known("prefill_power");
  d.decode_power_w = known("decode_power");
  const json efficiencies = j.value("efficiency", json::object());
  for (const auto& [precision, e] : efficiencies.items()) {
    const double compute = e.value("compute", 1.0), bandwidth = e.value("bandwidth", 1.0);
    d.efficiencies[precision] = {.compute = compute,
                                 .attention = e.value("attention", compute),
                                 .bandwidth = bandwidth,
                                 .kv_bandwidth = e.value("kv_bandwidth", bandwidth),
                                 .layer_overhead_s = e.value("layer_overhead", 0.0),
                                 .pass_overhead_s = e.value("pass_overhead", 0.0)};
  }
  return d;
}

inline model::Workload workload_from(const json& j) {
  return {.id = j.value("id", std::string("custom")),
          .batch = j.at("batch"),
          .input_tokens = j.at("input_tokens"),
          .output_tokens = j.at("output_tokens")};
}

inline model::Engine engine_from(const json& j) {
  model::Engine e;
  if (j.is_null()) return e;
  e.flash = j.value("attention", std::string("flash")) == "flash";
  e.causal = j.value("causal", true);
  e.lm_head = j.value("lm_head", true);
  e.query_heads = j.value("kv_traffic", std::string("kv_heads")) == "query_heads";
  e.mla_expanded = j.value("mla", std::string("absorbed")) == "expanded";
  e.prefill_chunk = integer_of(j, "prefill_chunk", e.prefill_chunk);
  e.full_window_cache = j.value("window_cache", std::string("trimmed")) == "full";
  e.elementwise = model::elementwise_from(j.value("elementwise", std::string("separate"))).value();
  return e;
}

/// The law published in [S] arXiv:2602.10377 with the range it was fitted on.
inline model::Law published_law() {
  model::Law law;
  law.id = "codesign-2026";
  law.kappa_l = 9.96, law.alpha_l = 1.63;
  law.kappa_rho = 0.031, law.alpha_rho = 1.09, law.alpha_r = 0.17, law.beta_1 = -0.33;
  law.kappa_d = 500, law.beta_2 = 0.97;
  law.kappa_m = 0.20, law.alpha_m = 0.05;
  law.l_inf = 2.53;
  law.range.layers = {{4, 32}};
  law.range.width = {{768, 3072}};
  law.range.experts_top_k = {{1, 1}, {8, 1}, {8, 2}, {16, 1}, {16, 2}};
  law.range.kv_heads = {1, 2, 4, 8, model::all_heads};
  law.range.attention = {{model::AttentionKind::gqa}};
  law.range.ffn = {{model::FfnKind::gated}};
  law.range.shared_ffn = {{0, 0}};
  return law;
}

inline model::Scenario scenario_from(const json& c) {
  return model::make_scenario(device_from(c.at("device")), precision_from(c.at("precision")),
                              workload_from(c.at("workload")),
                              engine_from(c.value("engine", json())));
}

}  // namespace rooflaw::testing
