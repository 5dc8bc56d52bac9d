#include "case.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace rooflaw::reference {

using nlohmann::json;

void require(bool condition, const std::string& rule) {
  if (!condition) {
    throw std::invalid_argument(rule);
  }
}

json table_or_empty(const json& parent, const std::string& key) {
  if (!parent.contains(key) || parent.at(key).is_null()) {
    return json::object();
  }
  return parent.at(key);
}

bool lists(const json& list, const json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

namespace {

/// A size or count: at least 1.
double size(const json& table, const std::string& key) {
  const double value = table.at(key).get<double>();
  require(value >= 1, "architecture." + key + " is at least 1");
  return value;
}

double not_negative(const json& table, const std::string& key) {
  const double value = table.value(key, 0.0);
  require(value >= 0, "architecture." + key + " is not negative");
  return value;
}

std::string one_of(const json& table, const std::string& key,
                   const std::vector<std::string>& allowed) {
  std::string value = table.value(key, allowed.front());
  require(lists(allowed, value), key + ": not one of its values: " + value);
  return value;
}

// ------------------------------------------------------------------------------------ architecture

void read_gqa(Group& g, const json& j) {
  g.mixer = Mixer::gqa;
  g.n_h = size(j, "heads");
  g.d_h = size(j, "head_dim");
  g.n_kv = size(j, "kv_heads");
  require(std::fmod(g.n_h, g.n_kv) == 0, "architecture.kv_heads divides heads");
  const double window = not_negative(j, "window");
  if (window > 0) {
    g.w = window;
  }
  g.q_dim = g.n_h * g.d_h;
  g.o_dim = g.q_dim;
  g.c_el = 2 * g.n_kv * g.d_h;
}

void read_mla(Group& g, const json& j) {
  g.mixer = Mixer::mla;
  g.n_h = size(j, "heads");
  g.d_c = size(j, "kv_lora_rank");
  g.d_q = not_negative(j, "q_lora_rank");
  g.d_n = size(j, "qk_nope_head_dim");
  g.d_r = size(j, "qk_rope_head_dim");
  g.d_v = size(j, "v_head_dim");
  g.q_dim = g.n_h * (g.d_n + g.d_r);
  g.o_dim = g.n_h * g.d_v;
  g.c_el = g.d_c + g.d_r;
}

void read_recurrent(Group& g, const json& j) {
  g.mixer = Mixer::recurrent;
  g.W_m = size(j, "mixer_weights");
  g.m = size(j, "mixer_width");
  g.s_e = size(j, "state_elements");
  g.F_s = size(j, "state_flops");
}

void read_mixer(Group& g, const json& j) {
  g.w = std::numeric_limits<double>::infinity();
  g.mixer = Mixer::none;
  g.mixer_name = one_of(j, "attention", {"gqa", "mla", "recurrent", "none"});
  if (g.mixer_name == "gqa") {
    read_gqa(g, j);
  } else {
    require(j.value("window", 0.0) == 0, "architecture.window: of gqa only");
  }
  if (g.mixer_name == "mla") {
    read_mla(g, j);
  }
  if (g.mixer_name == "recurrent") {
    read_recurrent(g, j);
  }
}

void read_ffn(Group& g, const json& j) {
  g.E = 1;
  g.K = 1;
  g.ffn_name = one_of(j, "ffn", {"gated", "plain", "none"});
  if (g.ffn_name == "none") {
    return;
  }
  g.n_mat = g.ffn_name == "gated" ? 3 : 2;
  g.m_u = g.ffn_name == "gated" ? 2 : 1;
  g.f = j.at("expert_ffn").get<double>();
  g.E = j.value("experts", 1.0);
  g.K = j.value("top_k", 1.0);
  g.f_s = not_negative(j, "shared_ffn");
  g.z = j.value("ffn_sparsity", 0.0);
  require(g.f >= 1 || (g.f == 0 && g.f_s > 0), "architecture.expert_ffn is at least 1");
  require(g.K >= 1, "architecture.top_k is at least 1");
  require(g.K <= g.E, "architecture.top_k is at most experts");  // so E = 1 implies K = 1
  require(g.z >= 0 && g.z < 1, "architecture.ffn_sparsity lies in [0, 1)");
  g.h = g.K * g.f + g.f_s;
}

Group read_group(const json& j) {
  Group g{};
  g.l = size(j, "layers");
  read_mixer(g, j);
  read_ffn(g, j);
  g.n_s = (g.mixer == Mixer::none ? 0 : 1) + (g.h > 0 ? 1 : 0);
  require(g.n_s > 0, "architecture: a layer has a mixer or an FFN");
  return g;
}

// --------------------------------------------------------- precision, device, workload and engine

/// The compute type of attention and router: the one asked for, else the first of fp16, bf16, fp32
/// and the type of the matrix products that the device has.
std::string attention_type(const json& peak_flops, const std::string& wanted,
                           const std::string& matmul) {
  for (const std::string& type :
       {wanted, std::string("fp16"), std::string("bf16"), std::string("fp32"), matmul}) {
    if (peak_flops.contains(type)) {
      return type;
    }
  }
  throw std::invalid_argument("device.peak_flops: no compute type for attention");
}

void read_precision(Setting& s, const json& precision) {
  const double b_w = precision.at("weight_bytes").get<double>();
  s.b_wa = precision.value("attention_weight_bytes", b_w);
  s.b_wf = precision.value("ffn_weight_bytes", b_w);
  s.b_h = precision.value("head_bytes", b_w);
  s.b_e = precision.value("embedding_bytes", s.b_h);
  s.b_a = precision.at("activation_bytes").get<double>();
  s.b_kv = precision.at("kv_bytes").get<double>();
  s.b_x = precision.value("input_bytes", s.b_a);
  s.delta = precision.value("loss_delta", 0.0);
}

void read_device(Setting& s, const json& device, const json& precision) {
  s.beta = device.at("bandwidth").get<double>();
  const json& peak_flops = device.at("peak_flops");
  s.mm = precision.at("matmul").get<std::string>();
  require(peak_flops.contains(s.mm), "device.peak_flops lacks the precision's type " + s.mm);
  s.at = attention_type(peak_flops, precision.value("attention", std::string("fp16")), s.mm);
  s.pi_mm = peak_flops.at(s.mm).get<double>();
  s.pi_at = peak_flops.at(s.at).get<double>();

  // Efficiencies under the precision's id replace those under "*" as a whole.
  const json efficiencies = table_or_empty(device, "efficiency");
  const std::string id = precision.value("id", std::string());
  const json efficiency =
      efficiencies.contains(id) ? efficiencies.at(id) : table_or_empty(efficiencies, "*");
  s.e_c = efficiency.value("compute", 1.0);
  s.e_a = efficiency.value("attention", s.e_c);
  s.e_b = efficiency.value("bandwidth", 1.0);
  s.e_kv = efficiency.value("kv_bandwidth", s.e_b);
  s.o_l = efficiency.value("layer_overhead", 0.0);
  s.o_p = efficiency.value("pass_overhead", 0.0);

  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  s.P_p = device.value("prefill_power", unknown);
  s.P_d = device.value("decode_power", unknown);
}

void read_workload(Setting& s, const json& workload) {
  s.B = workload.at("batch").get<double>();
  s.S_in = workload.at("input_tokens").get<double>();
  s.S_out = workload.at("output_tokens").get<double>();
  require(s.B >= 1, "workload.batch is at least 1");
  require(s.S_in >= 0, "workload.input_tokens is not negative");
  require(s.S_out >= 0, "workload.output_tokens is not negative");
}

void read_engine(Setting& s, const json& engine) {
  s.flash = one_of(engine, "attention", {"flash", "eager"}) == "flash";
  s.query_heads = one_of(engine, "kv_traffic", {"kv_heads", "query_heads"}) == "query_heads";
  s.expanded = one_of(engine, "mla", {"absorbed", "expanded"}) == "expanded";
  s.full_window_cache = one_of(engine, "window_cache", {"trimmed", "full"}) == "full";
  s.elementwise = one_of(engine, "elementwise", {"separate", "fused", "ignored"});
  s.causal = engine.value("causal", true);
  s.lm_head = engine.value("lm_head", true);

  const double chunk = engine.value("prefill_chunk", 2048.0);
  require(chunk >= 0, "engine.prefill_chunk is not negative");
  s.c = chunk == 0 ? s.S_in : std::min(chunk, s.S_in);
  require(!s.flash || s.causal || s.c == s.S_in,
          "engine.prefill_chunk: flash attention without a causal mask needs one pass");
}

}  // namespace

Architecture read_architecture(const json& architecture) {
  Architecture a{};
  a.d = size(architecture, "width");
  a.V = size(architecture, "vocab");
  a.P = not_negative(architecture, "positions");
  a.tied = architecture.value("tied", true);
  if (!architecture.contains("group")) {
    a.groups.push_back(read_group(architecture));
    return a;
  }
  json common = architecture;
  common.erase("group");
  for (const json& own : architecture.at("group")) {
    json merged = common;
    merged.update(own);
    a.groups.push_back(read_group(merged));
  }
  require(!a.groups.empty(), "architecture.group is not empty");
  return a;
}

Setting read_setting(const json& c) {
  Setting s{};
  read_precision(s, c.at("precision"));
  read_device(s, c.at("device"), c.at("precision"));
  read_workload(s, c.at("workload"));
  read_engine(s, table_or_empty(c, "engine"));
  return s;
}

}  // namespace rooflaw::reference
