#pragma once
// Random architectures, chips, number formats, workloads and engines as JSON, the same in every
// run. They reach every branch of the operator table: both attentions, both FFNs, shared experts,
// odd byte counts, efficiencies under "*" or an id, workloads without input or without output.

#include <algorithm>
#include <cmath>
#include <random>

#include "unit/model_json.hpp"

namespace rooflaw::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double real(double low, double high) { return low + (high - low) * unit_(engine_); }
  double log_real(double low, double high) { return std::exp(real(std::log(low), std::log(high))); }
  bool chance(double probability) { return unit_(engine_) < probability; }
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  template <class T>
  T pick(const std::vector<T>& list) {
    return list.at(
        static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(list.size()) - 1)));
  }
  /// A non-empty random subset, order kept.
  template <class T>
  std::vector<T> some(const std::vector<T>& list, double probability) {
    std::vector<T> out;
    for (const auto& x : list)
      if (chance(probability)) out.push_back(x);
    if (out.empty()) out.push_back(pick(list));
    return out;
  }
  template <class T>
  void shuffle(std::vector<T>& list) {
    std::shuffle(list.begin(), list.end(), engine_);
  }

 private:
  std::mt19937_64 engine_;
  std::uniform_real_distribution<double> unit_{0.0, 1.0};
};

inline std::int64_t random_divisor(Random& random, std::int64_t n) {
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = 1; d <= n; ++d)
    if (n % d == 0) divisors.push_back(d);
  return random.pick(divisors);
}

inline json random_mla_ranks(Random& random) {
  json ranks = {{"kv_lora_rank", random.integer(16, 600)},
                {"qk_nope_head_dim", random.integer(8, 160)},
                {"qk_rope_head_dim", random.pick<std::int64_t>({1, 16, 32, 64})},
                {"v_head_dim", random.integer(8, 160)}};
  if (random.chance(0.5)) ranks["q_lora_rank"] = random.integer(16, 1600);
  return ranks;
}

inline json random_architecture(Random& random) {
  json a = {{"layers", random.integer(1, 64)},
            {"width", random.integer(32, 6000)},
            {"heads", random.integer(1, 64)},
            {"vocab", random.integer(100, 200000)},
            {"expert_ffn", random.integer(1, 12000)}};
  if (random.chance(0.4)) {
    a["attention"] = "mla";
    a.update(random_mla_ranks(random));
  } else {
    if (random.chance(0.5)) a["attention"] = "gqa";
    a["head_dim"] = random.pick<std::int64_t>({16, 48, 64, 80, 128, 256});
    a["kv_heads"] = random_divisor(random, a.at("heads").get<std::int64_t>());
    if (random.chance(0.3)) a["window"] = random.integer(1, 4000);
  }
  if (random.chance(0.6)) {
    a["experts"] = random.pick<std::int64_t>({2, 3, 8, 16, 60, 64, 128, 256});
    a["top_k"] = random.integer(1, std::min<std::int64_t>(8, a.at("experts").get<std::int64_t>()));
  }
  if (random.chance(0.4)) a["shared_ffn"] = random.integer(1, 8000);
  if (a.contains("shared_ffn") && random.chance(0.1)) a["expert_ffn"] = 0;
  if (random.chance(0.4)) a["ffn"] = "plain";
  if (random.chance(0.4)) a["ffn_sparsity"] = random.pick<double>({0.0, 0.3, 0.9, 0.95});
  if (random.chance(0.5)) a["tied"] = random.chance(0.5);
  if (random.chance(0.1)) a["positions"] = random.integer(1, 4096);
  return a;
}

/// Groups of layers of all kinds, some fields common.
inline json random_layered_architecture(Random& random) {
  json common = random_architecture(random);
  json a = {{"width", common["width"]}, {"vocab", common["vocab"]}};
  for (const char* key : {"tied", "positions"})
    if (common.contains(key)) a[key] = common[key];
  for (std::int64_t n = random.integer(1, 4); n > 0; --n) {
    json group = random_architecture(random);
    for (const char* key : {"width", "vocab", "tied", "positions"}) group.erase(key);
    if (random.chance(0.3)) {
      for (const char* key : {"heads", "head_dim", "kv_heads", "window"}) group.erase(key);
      group["attention"] = random.chance(0.7) ? "recurrent" : "none";
      if (group["attention"] == "recurrent")
        group.update({{"mixer_weights", random.integer(1000, 100'000'000)},
                      {"mixer_width", random.integer(16, 16000)},
                      {"state_elements", random.integer(16, 1'000'000)},
                      {"state_flops", random.integer(16, 10'000'000)}});
    } else if (random.chance(0.2)) {
      for (const char* key : {"expert_ffn", "experts", "top_k", "shared_ffn", "ffn_sparsity"})
        group.erase(key);
      group["ffn"] = "none";
    }
    a["group"].push_back(group);
  }
  if (random.chance(0.3))
    for (auto& group : a["group"]) {
      a["layers"] = group["layers"];
      group.erase("layers");
    }
  return a;
}

inline json random_precision(Random& random) {
  json p = {{"id", random.pick<std::string>({"fp16", "int8", "q4_k_m", "custom"})},
            {"weight_bytes", random.pick<double>({4, 2, 1, 0.5, 1.0625, 0.606, 0.375})},
            {"activation_bytes", random.pick<double>({4, 2, 1, 1.3})},
            {"kv_bytes", random.pick<double>({2, 1, 0.5, 1.0625, 0.53125})},
            {"matmul", random.pick<std::string>({"fp16", "bf16", "int8", "int4", "fp8", "fp4"})}};
  if (random.chance(0.5)) p["input_bytes"] = random.pick<double>({2, 1, 0.5, 0.5625});
  for (const char* key : {"attention_weight_bytes", "ffn_weight_bytes", "embedding_bytes"})
    if (random.chance(0.3)) p[key] = random.pick<double>({2, 1, 0.5625, 0.53125});
  if (random.chance(0.5)) p["head_bytes"] = random.pick<double>({2, 1, 0.8203});
  if (random.chance(0.5))
    p["attention"] = random.pick<std::string>({"fp32", "fp16", "bf16", "int8", "fp8"});
  if (random.chance(0.5)) p["loss_delta"] = random.real(-0.01, 0.2);
  return p;
}

inline json random_efficiency(Random& random) {
  json e = json::object();
  for (const char* key : {"compute", "attention", "bandwidth", "kv_bandwidth"})
    if (random.chance(0.7)) e[key] = random.real(0.05, 1.5);
  if (random.chance(0.7)) e["layer_overhead"] = random.log_real(1e-6, 1e-3);
  if (random.chance(0.5)) e["pass_overhead"] = random.log_real(1e-6, 1e-2);
  return e;
}

/// A chip that has the precision's matmul type and some others.
inline json random_device(Random& random, const json& precision) {
  json d = {{"id", "chip"}, {"bandwidth", random.log_real(5e9, 4e12)}};
  d["peak_flops"] = json::object();
  for (const char* type : {"fp32", "fp16", "bf16", "int8", "int4", "fp8", "fp4"})
    if (random.chance(0.5)) d["peak_flops"][type] = random.log_real(1e11, 2e15);
  d["peak_flops"][precision.at("matmul").get<std::string>()] = random.log_real(1e11, 2e15);
  if (random.chance(0.7)) d["memory_bytes"] = random.log_real(1e9, 1e11);
  for (const char* key : {"prefill_power", "decode_power"})
    if (random.chance(0.7)) d[key] = random.real(0.5, 500);
  for (const char* key : {"*", "int8", "fp16"})
    if (random.chance(0.4)) d["efficiency"][key] = random_efficiency(random);
  return d;
}

inline json random_workload(Random& random, std::int64_t most_output_tokens) {
  return {{"id", "work"},
          {"batch", random.chance(0.5) ? 1 : random.integer(2, 40)},
          {"input_tokens", random.chance(0.15) ? 0 : random.integer(1, 5000)},
          {"output_tokens", random.chance(0.15) ? 0 : random.integer(1, most_output_tokens)}};
}

/// Null now and then: the defaults.
inline json random_engine(Random& random) {
  if (random.chance(0.2)) return json();
  json e = json::object();
  if (random.chance(0.7)) e["attention"] = random.chance(0.5) ? "flash" : "eager";
  if (random.chance(0.7)) e["causal"] = random.chance(0.5);
  if (random.chance(0.7)) e["lm_head"] = random.chance(0.6);
  if (random.chance(0.7)) e["kv_traffic"] = random.chance(0.5) ? "kv_heads" : "query_heads";
  if (random.chance(0.7)) e["mla"] = random.chance(0.5) ? "absorbed" : "expanded";
  if (random.chance(0.5)) e["window_cache"] = random.chance(0.5) ? "trimmed" : "full";
  if (random.chance(0.7))
    e["elementwise"] = random.pick<std::string>({"separate", "fused", "ignored"});
  if (random.chance(0.7)) e["prefill_chunk"] = random.chance(0.2) ? 0 : random.integer(1, 3000);
  // Flash attention that is not causal takes the prompt in one pass.
  if (e.value("attention", "flash") == "flash" && !e.value("causal", true)) e["prefill_chunk"] = 0;
  return e;
}

inline json random_case(Random& random, std::int64_t most_output_tokens) {
  const json precision = random_precision(random);
  return {{"architecture", random_architecture(random)},
          {"precision", precision},
          {"device", random_device(random, precision)},
          {"workload", random_workload(random, most_output_tokens)},
          {"engine", random_engine(random)}};
}

}  // namespace rooflaw::testing
