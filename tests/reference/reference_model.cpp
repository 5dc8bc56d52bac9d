#include "reference_model.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rooflaw::reference {

using nlohmann::json;

namespace {

void require(bool condition, const std::string& rule) {
  if (!condition) {
    throw std::invalid_argument(rule);
  }
}

/// The table under `key`, empty if it is absent or null.
json table_or_empty(const json& parent, const std::string& key) {
  if (!parent.contains(key) || parent.at(key).is_null()) {
    return json::object();
  }
  return parent.at(key);
}

/// Whether a JSON list holds a value (numbers compare by value: 8 equals 8.0).
bool lists(const json& list, const json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// ------------------------------------------------------------------------------------ architecture

struct Architecture {
  double l;    // layers
  double d;    // width
  double n_h;  // query heads
  bool mla;
  double d_h, n_kv;                // GQA: head size, key/value heads
  double d_c, d_q, d_n, d_r, d_v;  // MLA: kv_lora_rank, q_lora_rank, nope, rope and value head size
  std::string ffn;                 // gated or plain
  double f, E, K, f_s;             // size of one expert, experts, experts per token, shared size
  double z;                        // share of zero hidden activations that is skipped
  double V;                        // vocabulary
  bool tied;

  double q_dim, o_dim;  // width of all queries, width of the attention's output
  double c_el;          // cache elements per token and layer
  double n_mat, m_u;    // matrices of an FFN; of these, up-projections
};

Architecture read_architecture(const json& j) {
  Architecture a{};
  a.l = j.at("layers").get<double>();
  a.d = j.at("width").get<double>();
  a.n_h = j.at("heads").get<double>();

  const std::string attention = j.value("attention", std::string("gqa"));
  require(attention == "gqa" || attention == "mla", "architecture.attention: gqa or mla");
  a.mla = attention == "mla";
  if (a.mla) {
    a.d_c = j.at("kv_lora_rank").get<double>();
    a.d_q = j.value("q_lora_rank", 0.0);
    a.d_n = j.at("qk_nope_head_dim").get<double>();
    a.d_r = j.at("qk_rope_head_dim").get<double>();
    a.d_v = j.at("v_head_dim").get<double>();
    a.q_dim = a.n_h * (a.d_n + a.d_r);
    a.o_dim = a.n_h * a.d_v;
    a.c_el = a.d_c + a.d_r;
  } else {
    a.d_h = j.at("head_dim").get<double>();
    a.n_kv = j.at("kv_heads").get<double>();
    require(a.n_kv > 0 && std::fmod(a.n_h, a.n_kv) == 0, "architecture.kv_heads divides heads");
    a.q_dim = a.n_h * a.d_h;
    a.o_dim = a.q_dim;
    a.c_el = 2 * a.n_kv * a.d_h;
  }

  a.ffn = j.value("ffn", std::string("gated"));
  require(a.ffn == "gated" || a.ffn == "plain", "architecture.ffn: gated or plain");
  a.n_mat = a.ffn == "gated" ? 3 : 2;
  a.m_u = a.ffn == "gated" ? 2 : 1;
  a.f = j.at("expert_ffn").get<double>();
  a.E = j.value("experts", 1.0);
  a.K = j.value("top_k", 1.0);
  a.f_s = j.value("shared_ffn", 0.0);
  a.z = j.value("ffn_sparsity", 0.0);
  require(a.K * a.f + a.f_s != 0, "architecture: top_k * expert_ffn + shared_ffn is not 0");
  require(a.K <= a.E, "architecture.top_k is at most experts");  // so E = 1 implies K = 1
  require(a.z >= 0 && a.z < 1, "architecture.ffn_sparsity lies in [0, 1)");

  a.V = j.at("vocab").get<double>();
  a.tied = j.value("tied", true);
  return a;
}

/// r, the activated FFN ratio.
double ffn_ratio(const Architecture& a) { return (a.K * a.f + a.f_s) / a.d * a.n_mat / 3; }

/// rho, the activation rate.
double activation_rate(const Architecture& a) { return (a.K * a.f + a.f_s) / (a.E * a.f + a.f_s); }

/// d_m, the KV dimension of the law.
double kv_dim(const Architecture& a) { return a.c_el / 2; }

double attention_weights_per_layer(const Architecture& a) {
  if (a.mla) {
    const double query = a.d_q > 0 ? a.d * a.d_q + a.d_q * a.q_dim : a.d * a.q_dim;
    return query + a.d * (a.d_c + a.d_r) + a.d_c * a.n_h * (a.d_n + a.d_v) + a.o_dim * a.d;
  }
  return a.d * (a.q_dim + 2 * a.n_kv * a.d_h) + a.q_dim * a.d;
}

/// `experts` is E for all weights, K for the active ones.
double ffn_weights_per_layer(const Architecture& a, double experts) {
  return a.n_mat * a.d * (experts * a.f + a.f_s);
}

double router_weights_per_layer(const Architecture& a) { return a.E > 1 ? a.d * a.E : 0; }

double embedding_weights(const Architecture& a) { return a.tied ? a.V * a.d : 2 * a.V * a.d; }

double params(const Architecture& a, double experts) {
  return a.l * (attention_weights_per_layer(a) + ffn_weights_per_layer(a, experts) +
                router_weights_per_layer(a)) +
         embedding_weights(a);
}

// --------------------------------------------------------------------------------------------- law

/// arXiv:2602.10377, Eq. 2 and 15, with the range of the runs it was fitted on.
json published_law() {
  return {{"kappa_l", 9.96},
          {"alpha_l", 1.63},
          {"kappa_rho", 0.031},
          {"alpha_rho", 1.09},
          {"alpha_r", 0.17},
          {"beta_1", -0.33},
          {"kappa_d", 500.0},
          {"beta_2", 0.97},
          {"kappa_m", 0.20},
          {"alpha_m", 0.05},
          {"l_inf", 2.53},
          {"range",
           {{"layers", {4, 32}},
            {"width", {768, 3072}},
            {"experts_top_k", {{1, 1}, {8, 1}, {8, 2}, {16, 1}, {16, 2}}},
            {"kv_heads", {1, 2, 4, 8, "heads"}},
            {"attention", json::array({"gqa"})},
            {"ffn", json::array({"gated"})},
            {"shared_ffn", {0, 0}}}}};
}

/// The law of a case: absent, null or the bare id of the published one stand for the published one.
json law_of(const json& c) {
  const json law = table_or_empty(c, "law");
  const bool bare_id = law.size() == 1 && law.contains("id") && law.at("id") == "codesign-2026";
  return law.empty() || bare_id ? published_law() : law;
}

/// The five terms of the loss: depth, sparsity, capacity, KV, floor.
std::vector<double> loss_terms(const json& law, const Architecture& a) {
  const double rho = activation_rate(a);
  const double r = ffn_ratio(a);
  const double d_m = kv_dim(a);
  const double kappa_l = law.at("kappa_l").get<double>();
  const double alpha_l = law.at("alpha_l").get<double>();
  const double kappa_rho = law.at("kappa_rho").get<double>();
  const double alpha_rho = law.at("alpha_rho").get<double>();
  const double alpha_r = law.at("alpha_r").get<double>();
  const double beta_1 = law.at("beta_1").get<double>();
  const double kappa_d = law.at("kappa_d").get<double>();
  const double beta_2 = law.at("beta_2").get<double>();
  const double kappa_m = law.at("kappa_m").get<double>();
  const double alpha_m = law.at("alpha_m").get<double>();
  const double l_inf = law.at("l_inf").get<double>();
  return {
      kappa_l * std::pow(a.l, -alpha_l),
      kappa_rho * std::pow(rho, alpha_rho) * std::pow(r, -alpha_r) * std::pow(a.d, -beta_1),
      kappa_d * std::pow(r, -alpha_r) * std::pow(a.d, -beta_2),
      kappa_m * std::pow(d_m, -alpha_m),
      l_inf,
  };
}

bool between(double value, const json& low_high) {
  return low_high.at(0).get<double>() <= value && value <= low_high.at(1).get<double>();
}

/// Whether the law extrapolates: false only if the architecture meets every range the law states.
bool extrapolated(const json& law, const Architecture& a) {
  const json range = table_or_empty(law, "range");
  if (range.contains("layers") && !between(a.l, range.at("layers"))) {
    return true;
  }
  if (range.contains("width") && !between(a.d, range.at("width"))) {
    return true;
  }
  if (range.contains("experts_top_k") &&
      !lists(range.at("experts_top_k"), json::array({a.E, a.K}))) {
    return true;
  }
  if (range.contains("attention") && !lists(range.at("attention"), a.mla ? "mla" : "gqa")) {
    return true;
  }
  if (range.contains("kv_heads") && !a.mla) {
    const bool listed = lists(range.at("kv_heads"), a.n_kv);
    const bool all_heads = lists(range.at("kv_heads"), "heads") && a.n_kv == a.n_h;
    if (!listed && !all_heads) {
      return true;
    }
  }
  if (range.contains("ffn") && !lists(range.at("ffn"), a.ffn)) {
    return true;
  }
  if (range.contains("shared_ffn") && !between(a.f_s, range.at("shared_ffn"))) {
    return true;
  }
  return false;
}

// --------------------------------------------------------- precision, device, workload and engine

struct Setting {
  // precision: bytes per element, compute types, loss penalty
  double b_w, b_h, b_a, b_kv, b_x;
  std::string mm, at;
  double delta;
  // device: bandwidth, peaks, efficiencies, seconds per layer and pass
  double beta;
  json peak_flops;
  double e_c, e_b, e_kv, o_l;
  // workload
  double B, S_in, S_out;
  // engine
  bool flash, causal, lm_head, query_heads, expanded;
};

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

Setting read_setting(const json& c) {
  Setting s{};

  const json& precision = c.at("precision");
  s.b_w = precision.at("weight_bytes").get<double>();
  s.b_h = precision.value("head_bytes", s.b_w);
  s.b_a = precision.at("activation_bytes").get<double>();
  s.b_kv = precision.at("kv_bytes").get<double>();
  s.b_x = precision.value("input_bytes", s.b_a);
  s.delta = precision.value("loss_delta", 0.0);

  const json& device = c.at("device");
  s.beta = device.at("bandwidth").get<double>();
  s.peak_flops = device.at("peak_flops");
  s.mm = precision.at("matmul").get<std::string>();
  require(s.peak_flops.contains(s.mm), "device.peak_flops lacks the precision's type " + s.mm);
  s.at = attention_type(s.peak_flops, precision.value("attention", std::string("fp16")), s.mm);

  // Efficiencies under the precision's id replace those under "*" as a whole.
  const json efficiencies = table_or_empty(device, "efficiency");
  const std::string id = precision.value("id", std::string());
  const json efficiency =
      efficiencies.contains(id) ? efficiencies.at(id) : table_or_empty(efficiencies, "*");
  s.e_c = efficiency.value("compute", 1.0);
  s.e_b = efficiency.value("bandwidth", 1.0);
  s.e_kv = efficiency.value("kv_bandwidth", 1.0);
  s.o_l = efficiency.value("layer_overhead", 0.0);

  const json& workload = c.at("workload");
  s.B = workload.at("batch").get<double>();
  s.S_in = workload.at("input_tokens").get<double>();
  s.S_out = workload.at("output_tokens").get<double>();
  require(s.B >= 1, "workload.batch is at least 1");
  require(s.S_in >= 0, "workload.input_tokens is not negative");
  require(s.S_out >= 0, "workload.output_tokens is not negative");

  const json engine = table_or_empty(c, "engine");
  const std::string attention = engine.value("attention", std::string("flash"));
  const std::string kv_traffic = engine.value("kv_traffic", std::string("kv_heads"));
  const std::string mla = engine.value("mla", std::string("absorbed"));
  require(attention == "flash" || attention == "eager", "engine.attention: flash or eager");
  require(kv_traffic == "kv_heads" || kv_traffic == "query_heads",
          "engine.kv_traffic: kv_heads or query_heads");
  require(mla == "absorbed" || mla == "expanded", "engine.mla: absorbed or expanded");
  s.flash = attention == "flash";
  s.causal = engine.value("causal", true);
  s.lm_head = engine.value("lm_head", true);
  s.query_heads = kv_traffic == "query_heads";
  s.expanded = mla == "expanded";
  return s;
}

// --------------------------------------------------------------------------------------- operators

struct Operator {
  std::string name;
  double flops;
  double bytes;
  double kv_bytes;
  std::string type;
  double compute_s = 0;  // flops / (e_c * peak of the type)
  double memory_s = 0;   // (bytes / e_b + kv_bytes / e_kv) / bandwidth
  double seconds = 0;    // the larger of the two
  bool compute_bound = false;
};

/// Fills in the times of an operator. A tie is compute-bound.
void time_operator(Operator& op, const Setting& s) {
  op.compute_s = op.flops / (s.e_c * s.peak_flops.at(op.type).get<double>());
  op.memory_s = (op.bytes / s.e_b + op.kv_bytes / s.e_kv) / s.beta;
  op.seconds = std::max(op.compute_s, op.memory_s);
  op.compute_bound = op.compute_s >= op.memory_s;
}

/// N_e, the expected number of distinct experts that T tokens visit.
double distinct_experts(const Architecture& a, double T) {
  if (a.E > 1) {
    return a.E * (1 - std::pow(1 - a.K / a.E, T));
  }
  return 1;
}

/// The operators of one layer.
///
/// @param T       new tokens: B * S_in in prefill, B in a decode step
/// @param A       keys attended per new token
/// @param N_c     cached tokens read: B * S_in in prefill, B * C in a decode step
/// @param decode  a decode step, not the prefill
std::vector<Operator> layer_operators(const Architecture& a, const Setting& s, double T, double A,
                                      double N_c, bool decode) {
  std::vector<Operator> ops;

  // Projections to queries, keys and values. What is written to the cache counts as KV bytes.
  if (!a.mla) {
    const double kv = 2 * a.n_kv * a.d_h;
    ops.push_back({"qkv_proj", 2 * T * a.d * (a.q_dim + kv),
                   a.d * (a.q_dim + kv) * s.b_w + T * a.d * s.b_x + T * a.q_dim * s.b_a,
                   T * kv * s.b_kv, s.mm});
  } else {
    if (a.d_q > 0) {
      ops.push_back({"q_down", 2 * T * a.d * a.d_q,
                     a.d * a.d_q * s.b_w + T * a.d * s.b_x + T * a.d_q * s.b_a, 0, s.mm});
      ops.push_back({"q_up", 2 * T * a.d_q * a.q_dim,
                     a.d_q * a.q_dim * s.b_w + T * a.d_q * s.b_x + T * a.q_dim * s.b_a, 0, s.mm});
    } else {
      ops.push_back({"q_proj", 2 * T * a.d * a.q_dim,
                     a.d * a.q_dim * s.b_w + T * a.d * s.b_x + T * a.q_dim * s.b_a, 0, s.mm});
    }
    ops.push_back({"kv_down", 2 * T * a.d * (a.d_c + a.d_r),
                   a.d * (a.d_c + a.d_r) * s.b_w + T * a.d * s.b_x, T * (a.d_c + a.d_r) * s.b_kv,
                   s.mm});
    const double u = a.n_h * (a.d_n + a.d_v);
    ops.push_back({"kv_up", 2 * T * a.d_c * u,
                   a.d_c * u * s.b_w + T * a.d_c * s.b_x + T * u * s.b_a, 0, s.mm});
  }

  // Attention: FLOP of the scores (sc) and of the context (cx), elements read per cached token
  // (k_el).
  double sc = 0;
  double cx = 0;
  double k_el = 0;
  if (!a.mla) {
    sc = 2 * T * A * a.q_dim;
    cx = 2 * T * A * a.q_dim;
    k_el = s.query_heads ? 2 * a.n_h * a.d_h : a.c_el;
  } else {
    if (!decode || s.expanded) {
      sc = 2 * T * A * a.n_h * (a.d_n + a.d_r);
      cx = 2 * T * A * a.n_h * a.d_v;
    } else {
      sc = 2 * T * A * a.n_h * (a.d_c + a.d_r);
      cx = 2 * T * A * a.n_h * a.d_c;
    }
    k_el = s.expanded ? a.n_h * (a.d_n + a.d_r + a.d_v) : a.c_el;
  }
  const double softmax = 5 * T * A * a.n_h;
  const double cache_read = N_c * k_el * s.b_kv;
  if (s.flash) {
    ops.push_back({"attention", sc + cx + softmax, T * a.q_dim * s.b_a + T * a.o_dim * s.b_a,
                   cache_read, s.at});
  } else {
    const double score_bytes = T * A * a.n_h * s.b_a;
    ops.push_back({"scores", sc, T * a.q_dim * s.b_a + score_bytes, cache_read / 2, s.at});
    ops.push_back({"softmax", softmax, 2 * score_bytes, 0, s.at});
    ops.push_back({"context", cx, score_bytes + T * a.o_dim * s.b_a, cache_read / 2, s.at});
  }

  ops.push_back({"o_proj", 2 * T * a.o_dim * a.d,
                 a.o_dim * a.d * s.b_w + T * a.o_dim * s.b_x + T * a.d * s.b_a, 0, s.mm});

  if (a.E > 1) {
    ops.push_back({"router", 2 * T * a.d * a.E, (a.d * a.E + T * a.d + T * a.E) * s.b_a, 0, s.at});
  }

  // FFN. `hidden` is what one token activates, `visited` what the weights of the pass span.
  const double hidden = a.K * a.f + a.f_s;
  const double visited = distinct_experts(a, T) * a.f + a.f_s;
  const double copies_of_input = a.K + (a.f_s > 0 ? 1 : 0);
  ops.push_back(
      {"ffn_up", 2 * T * a.d * a.m_u * hidden,
       visited * a.d * a.m_u * s.b_w + T * a.d * s.b_x * copies_of_input + T * hidden * s.b_a, 0,
       s.mm});
  const double rows_read = a.z > 0 ? 1 - std::pow(a.z, T) : 1;
  ops.push_back({"ffn_down", 2 * T * hidden * a.d * (1 - a.z),
                 visited * a.d * s.b_w * rows_read + T * hidden * s.b_x + T * a.d * s.b_a, 0,
                 s.mm});

  if (s.b_x < s.b_a) {
    ops.push_back({"quantize", 0, T * (2 * a.d + a.o_dim + hidden) * (s.b_a + s.b_x), 0, s.mm});
  }

  for (Operator& op : ops) {
    time_operator(op, s);
  }
  return ops;
}

std::vector<Operator> prefill_operators(const Architecture& a, const Setting& s) {
  const double T = s.B * s.S_in;
  const double A = s.flash && s.causal ? (s.S_in + 1) / 2 : s.S_in;
  const double N_c = s.B * s.S_in;
  return layer_operators(a, s, T, A, N_c, false);
}

/// @param C  context of the step, the new token included
std::vector<Operator> decode_operators(const Architecture& a, const Setting& s, double C) {
  return layer_operators(a, s, s.B, C, s.B * C, true);
}

/// Once per pass, for one token of each sequence.
Operator lm_head_operator(const Architecture& a, const Setting& s) {
  Operator head{"lm_head", 2 * s.B * a.d * a.V,
                a.V * a.d * s.b_h + s.B * a.d * s.b_a + s.B * a.V * s.b_a, 0, s.mm};
  time_operator(head, s);
  return head;
}

// ------------------------------------------------------------------------------------------- times

/// Time of a phase, and the parts of it in compute-bound and in bandwidth-bound operators.
struct PhaseTime {
  double seconds = 0;
  double compute_bound_s = 0;
  double bandwidth_bound_s = 0;
};

void add_operator(PhaseTime& phase, const Operator& op, double times) {
  phase.seconds += times * op.seconds;
  if (op.compute_bound) {
    phase.compute_bound_s += times * op.seconds;
  } else {
    phase.bandwidth_bound_s += times * op.seconds;
  }
}

/// Adds one pass: l layers of the given operators, the overhead of each layer, and the head.
void add_pass(PhaseTime& phase, const Architecture& a, const Setting& s,
              const std::vector<Operator>& layer) {
  for (const Operator& op : layer) {
    add_operator(phase, op, a.l);
  }
  phase.seconds += a.l * s.o_l;
  if (s.lm_head) {
    add_operator(phase, lm_head_operator(a, s), 1);
  }
}

PhaseTime prefill_time(const Architecture& a, const Setting& s) {
  PhaseTime phase;
  if (s.S_in > 0) {
    add_pass(phase, a, s, prefill_operators(a, s));
  }
  return phase;
}

PhaseTime decode_time(const Architecture& a, const Setting& s) {
  PhaseTime phase;
  const long long steps = std::llround(s.S_out);
  for (long long step = 1; step <= steps; ++step) {
    const double C = s.S_in + static_cast<double>(step);
    add_pass(phase, a, s, decode_operators(a, s, C));
  }
  return phase;
}

/// part / whole, 0 of nothing.
double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// ------------------------------------------------------------------------------------------ memory

struct Memory {
  double weights, kv, workspace;
};

Memory memory(const Architecture& a, const Setting& s) {
  Memory m{};
  m.weights = a.l * (attention_weights_per_layer(a) + ffn_weights_per_layer(a, a.E)) * s.b_w +
              a.l * router_weights_per_layer(a) * s.b_a + embedding_weights(a) * s.b_h;
  m.kv = s.B * (s.S_in + s.S_out) * a.c_el * s.b_kv * a.l;
  m.workspace =
      s.B * s.S_in * (a.d + std::max(a.q_dim + a.c_el, a.m_u * (a.K * a.f + a.f_s))) * s.b_a;
  return m;
}

// ------------------------------------------------------------------------------------------ output

json to_json(const std::vector<Operator>& ops) {
  json rows = json::array();
  for (const Operator& op : ops) {
    rows.push_back({{"name", op.name},
                    {"flops", op.flops},
                    {"bytes", op.bytes},
                    {"kv_bytes", op.kv_bytes},
                    {"type", op.type},
                    {"seconds", op.seconds}});
  }
  return rows;
}

/// x dominates y: no worse in both, better in one (arXiv:2602.10377, Eq. 5).
bool dominates(const Point& x, const Point& y) {
  return x.latency_s <= y.latency_s && x.loss <= y.loss &&
         (x.latency_s < y.latency_s || x.loss < y.loss);
}

/// The optional axis `key` of a space, one value if absent.
json axis(const json& space, const std::string& key, const json& value_if_absent) {
  return space.contains(key) ? space.at(key) : json::array({value_if_absent});
}

/// Whether `value` meets the limit `key` of the table; an absent limit is met, and so is a limit on
/// something that does not exist (null: tpot without output tokens).
bool meets(const json& limits, const std::string& key, const json& value) {
  if (!limits.is_object() || !limits.contains(key) || value.is_null()) {
    return true;
  }
  return value.get<double>() <= limits.at(key).get<double>();
}

}  // namespace

json evaluate(const json& c) {
  const Architecture a = read_architecture(c.at("architecture"));
  const Setting s = read_setting(c);
  const json law = law_of(c);

  json out;
  out["extrapolated"] = extrapolated(law, a);
  out["ffn_ratio"] = ffn_ratio(a);
  out["activation_rate"] = activation_rate(a);
  out["kv_dim"] = kv_dim(a);
  out["params_total"] = std::llround(params(a, a.E));
  out["params_active"] = std::llround(params(a, a.K));

  const std::vector<double> terms = loss_terms(law, a);
  double loss = 0;
  for (const double term : terms) {
    loss += term;
  }
  loss += s.delta;
  out["loss_terms"] = terms;
  out["loss"] = loss;
  out["perplexity"] = std::exp(loss);

  const PhaseTime prefill = prefill_time(a, s);
  const PhaseTime decode = decode_time(a, s);
  out["prefill_s"] = prefill.seconds;
  out["decode_s"] = decode.seconds;
  out["total_s"] = prefill.seconds + decode.seconds;
  out["tpot_s"] = nullptr;
  if (s.S_out > 0) {
    out["tpot_s"] = decode.seconds / s.S_out;
  }
  out["prefill_compute_share"] = share(prefill.compute_bound_s, prefill.seconds);
  out["prefill_bandwidth_share"] = share(prefill.bandwidth_bound_s, prefill.seconds);
  out["decode_compute_share"] = share(decode.compute_bound_s, decode.seconds);
  out["decode_bandwidth_share"] = share(decode.bandwidth_bound_s, decode.seconds);

  const Memory m = memory(a, s);
  out["memory"] = {{"weights", m.weights}, {"kv", m.kv}, {"workspace", m.workspace}};
  out["memory_total"] = m.weights + m.kv + m.workspace;

  if (s.S_in > 0) {
    out["prefill_layer_ops"] = to_json(prefill_operators(a, s));
  }
  if (s.S_out > 0) {
    out["decode_layer_ops_at_first_step"] = to_json(decode_operators(a, s, s.S_in + 1));
  }
  out["lm_head"] = nullptr;
  if (s.lm_head) {
    const Operator head = lm_head_operator(a, s);
    out["lm_head"] = {{"flops", head.flops}, {"bytes", head.bytes}, {"seconds", head.seconds}};
  }
  return out;
}

std::vector<SpacePoint> enumerate(const json& space) {
  const json attentions = axis(space, "attention", "gqa");
  const json ffns = axis(space, "ffn", "gated");
  const json widths = space.at("widths");
  const json kv_heads = space.value("kv_heads", json::array());
  const json mla_ranks = space.value("mla", json::array());
  const json ratios = space.at("expert_ffn_ratio");
  const json shared_ffns = axis(space, "shared_ffn", 0);
  const json experts = space.at("experts");
  const json top_ks = space.at("top_k");
  const json layers = space.at("layers");

  const long long head_dim = space.at("head_dim").get<long long>();
  const double multiple_of = space.value("ffn_multiple_of", 1.0);

  // An attention choice is an axis of its own: in the order of the kinds, the entries of each.
  std::vector<json> choices;
  for (const json& attention : attentions) {
    for (const json& value : attention == "mla" ? mla_ranks : kv_heads) {
      choices.push_back({{"attention", attention}, {"value", value}});
    }
  }

  // Nested in the order of the digits, the last runs fastest; every combination takes an index.
  std::vector<SpacePoint> points;
  long long index = -1;
  for (const json& ffn : ffns) {
    for (const json& width_j : widths) {
      for (const json& choice : choices) {
        for (const json& ratio : ratios) {
          for (const json& shared_ffn : shared_ffns) {
            for (const json& E_j : experts) {
              for (const json& K_j : top_ks) {
                for (const json& l : layers) {
                  ++index;
                  const bool mla = choice.at("attention") == "mla";
                  const long long width = width_j.get<long long>();
                  if (width % head_dim != 0) {
                    continue;
                  }
                  const long long heads = width / head_dim;

                  // std::round takes halves away from zero
                  const long long expert_ffn = std::llround(
                      std::round(ratio.get<double>() * static_cast<double>(width) / multiple_of) *
                      multiple_of);
                  if (expert_ffn == 0) {
                    continue;
                  }

                  const long long E = E_j.get<long long>();
                  const long long K = K_j.get<long long>();
                  if (E == 1 && K > 1) {
                    continue;
                  }
                  if (E > 1 && K >= E) {
                    continue;
                  }

                  json a;
                  a["layers"] = l;
                  a["width"] = width;
                  a["heads"] = heads;
                  a["attention"] = choice.at("attention");
                  const json& value = choice.at("value");
                  if (mla) {
                    a["q_lora_rank"] = value.value("q_lora_rank", 0);
                    a["kv_lora_rank"] = value.at("kv_lora_rank");
                    a["qk_nope_head_dim"] = value.at("qk_nope_head_dim");
                    a["qk_rope_head_dim"] = value.at("qk_rope_head_dim");
                    a["v_head_dim"] = value.at("v_head_dim");
                  } else {
                    const bool all_heads = value == "heads";
                    if (all_heads && lists(kv_heads, heads)) {
                      continue;  // that number has its own digit
                    }
                    const long long n_kv = all_heads ? heads : value.get<long long>();
                    if (n_kv > heads || heads % n_kv != 0) {
                      continue;
                    }
                    a["head_dim"] = head_dim;
                    a["kv_heads"] = n_kv;
                  }
                  a["ffn"] = ffn;
                  a["expert_ffn"] = expert_ffn;
                  a["experts"] = E;
                  a["top_k"] = K;
                  a["shared_ffn"] = shared_ffn;
                  a["ffn_sparsity"] = space.value("ffn_sparsity", 0.0);
                  a["vocab"] = space.at("vocab");
                  a["tied"] = space.value("tied", true);
                  points.push_back({index, a});
                }
              }
            }
          }
        }
      }
    }
  }
  return points;
}

std::vector<Point> frontier(const json& space, const json& device, const json& precision,
                            const json& workload, const json& engine, const json& law,
                            const std::string& latency, std::optional<double> memory_budget_bytes,
                            const json& limits, bool enforce_range) {
  require(latency == "prefill" || latency == "tpot" || latency == "total",
          "latency: prefill, tpot or total");
  require(latency != "prefill" || workload.at("input_tokens").get<double>() > 0,
          "a prefill target needs input tokens");
  require(latency != "tpot" || workload.at("output_tokens").get<double>() > 0,
          "a tpot target needs output tokens");

  // Score every point, keep the feasible ones.
  std::vector<Point> feasible;
  for (const SpacePoint& p : enumerate(space)) {
    const json result = evaluate({{"architecture", p.architecture},
                                  {"precision", precision},
                                  {"device", device},
                                  {"workload", workload},
                                  {"engine", engine},
                                  {"law", law}});
    if (enforce_range && result.at("extrapolated").get<bool>()) {
      continue;
    }
    if (memory_budget_bytes && result.at("memory_total").get<double>() > *memory_budget_bytes) {
      continue;
    }
    bool within_limits = true;
    for (const std::string& kind :
         {std::string("prefill"), std::string("tpot"), std::string("total")}) {
      within_limits = within_limits &&
                      meets(limits, "max_" + kind + "_s", result.at(kind + "_s")) &&
                      meets(workload, "max_" + kind + "_s", result.at(kind + "_s"));
    }
    if (!within_limits) {
      continue;
    }
    feasible.push_back({result.at(latency + "_s").get<double>(), result.at("loss").get<double>(),
                        p.index, p.architecture});
  }

  // Keep what no other point dominates, and of equal points the one with the lowest index.
  std::vector<Point> kept;
  for (const Point& x : feasible) {
    bool keep = true;
    for (const Point& y : feasible) {
      const bool equal = x.latency_s == y.latency_s && x.loss == y.loss;
      if (dominates(y, x) || (equal && y.index < x.index)) {
        keep = false;
        break;
      }
    }
    if (keep) {
      kept.push_back(x);
    }
  }

  std::sort(kept.begin(), kept.end(),
            [](const Point& x, const Point& y) { return x.latency_s < y.latency_s; });
  return kept;
}

double hypervolume(std::vector<std::pair<double, double>> latency_loss, double ref_latency,
                   double ref_loss) {
  std::sort(latency_loss.begin(), latency_loss.end());

  // Between one latency and the next (the last: the reference), the strip from the lowest loss so
  // far up to the reference loss is dominated.
  double area = 0;
  double lowest_loss = ref_loss;
  for (std::size_t i = 0; i < latency_loss.size(); ++i) {
    const auto [latency, loss] = latency_loss[i];
    require(latency > 0, "hypervolume: latencies are positive");
    if (latency >= ref_latency) {
      continue;
    }
    lowest_loss = std::min(lowest_loss, loss);
    double next_latency = ref_latency;
    if (i + 1 < latency_loss.size()) {
      next_latency = std::min(next_latency, latency_loss[i + 1].first);
    }
    area += (std::log10(next_latency) - std::log10(latency)) * (ref_loss - lowest_loss);
  }
  return area;
}

}  // namespace rooflaw::reference
