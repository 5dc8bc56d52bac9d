#include "reference_model.hpp"

#include <algorithm>
#include <cmath>

#include "case.hpp"
#include "operators.hpp"

namespace rooflaw::reference {

using nlohmann::json;

namespace {

// ------------------------------------------------------------------------------------- parameters

double layer_count(const Architecture& a) {
  double l = 0;
  for (const Group& g : a.groups) {
    l += g.l;
  }
  return l;
}

double mixer_weights_per_layer(const Architecture& a, const Group& g) {
  switch (g.mixer) {
    case Mixer::gqa:
      return a.d * (g.q_dim + 2 * g.n_kv * g.d_h) + g.q_dim * a.d;
    case Mixer::mla: {
      const double query = g.d_q > 0 ? a.d * g.d_q + g.d_q * g.q_dim : a.d * g.q_dim;
      return query + a.d * (g.d_c + g.d_r) + g.d_c * g.n_h * (g.d_n + g.d_v) + g.o_dim * a.d;
    }
    case Mixer::recurrent:
      return g.W_m;
    case Mixer::none:
      return 0;
  }
  return 0;
}

/// `experts` is E for all weights, K for the active ones.
double ffn_weights_per_layer(const Architecture& a, const Group& g, double experts) {
  return g.n_mat * a.d * (experts * g.f + g.f_s);
}

double router_weights_per_layer(const Architecture& a, const Group& g) {
  return g.E > 1 ? a.d * g.E : 0;
}

double params(const Architecture& a, bool active) {
  double sum = (a.tied ? 1 : 2) * a.V * a.d + a.P * a.d;
  for (const Group& g : a.groups) {
    sum += g.l * (mixer_weights_per_layer(a, g) + ffn_weights_per_layer(a, g, active ? g.K : g.E) +
                  router_weights_per_layer(a, g));
  }
  return sum;
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

/// What the law knows of an architecture. Whole numbers are summed and divided once, so that equal
/// shapes have equal losses to the last bit.
struct LawPoint {
  double l, d;
  double r;    // activated FFN ratio
  double rho;  // activation rate
  double d_m;  // KV dimension
};

LawPoint law_point(const Architecture& a) {
  const double l = layer_count(a);
  double active = 0;
  double all = 0;
  double cache = 0;
  for (const Group& g : a.groups) {
    active += g.l * g.h * g.n_mat;
    all += g.l * (g.E * g.f + g.f_s) * g.n_mat;
    cache += g.l * g.c_el;
  }
  return {l, a.d, active / (3 * l * a.d), active / all, cache / (2 * l)};
}

/// The law was fitted on decoders whose every layer has attention and an FFN.
bool law_has_opinion(const Architecture& a) {
  return std::all_of(a.groups.begin(), a.groups.end(), [](const Group& g) {
    return (g.mixer == Mixer::gqa || g.mixer == Mixer::mla) && g.h > 0;
  });
}

/// The five terms of the loss: depth, sparsity, capacity, KV, constant. A law that knows the number
/// of training tokens adds their term to the constant.
std::vector<double> loss_terms(const json& law, const LawPoint& x) {
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
  double constant = law.at("l_inf").get<double>();
  if (law.contains("kappa_t")) {
    constant += law.at("kappa_t").get<double>() *
                std::pow(law.at("tokens").get<double>(), -law.at("alpha_t").get<double>());
  }
  return {
      kappa_l * std::pow(x.l, -alpha_l),
      kappa_rho * std::pow(x.rho, alpha_rho) * std::pow(x.r, -alpha_r) * std::pow(x.d, -beta_1),
      kappa_d * std::pow(x.r, -alpha_r) * std::pow(x.d, -beta_2),
      kappa_m * std::pow(x.d_m, -alpha_m),
      constant,
  };
}

bool between(double value, const json& low_high) {
  return low_high.at(0).get<double>() <= value && value <= low_high.at(1).get<double>();
}

/// Whether the law extrapolates: false only if the architecture meets every range the law states.
/// No range speaks of windows or of several kinds of layers, so with these every law extrapolates.
bool extrapolated(const json& law, const Architecture& a) {
  if (a.groups.size() > 1 || std::isfinite(a.groups.front().w) || !law_has_opinion(a)) {
    return true;
  }
  const Group& g = a.groups.front();
  const json range = table_or_empty(law, "range");
  const auto outside = [&range](const char* key, double value) {
    return range.contains(key) && !between(value, range.at(key));
  };
  const auto unlisted = [&range](const char* key, const json& value) {
    return range.contains(key) && !lists(range.at(key), value);
  };
  if (outside("layers", g.l) || outside("width", a.d) || outside("shared_ffn", g.f_s)) {
    return true;
  }
  if (unlisted("experts_top_k", json::array({g.E, g.K})) || unlisted("attention", g.mixer_name) ||
      unlisted("ffn", g.ffn_name)) {
    return true;
  }
  const bool all_heads = g.n_kv == g.n_h && !unlisted("kv_heads", "heads");
  return g.mixer == Mixer::gqa && unlisted("kv_heads", g.n_kv) && !all_heads;
}

// ------------------------------------------------------------------------------------------- times

/// Time of a phase, and the parts of it in compute-bound and in bandwidth-bound operators.
struct PhaseTime {
  double seconds = 0;
  double compute_bound_s = 0;
  double bandwidth_bound_s = 0;
};

void add(PhaseTime& sum, const PhaseTime& part, double times) {
  sum.seconds += times * part.seconds;
  sum.compute_bound_s += times * part.compute_bound_s;
  sum.bandwidth_bound_s += times * part.bandwidth_bound_s;
}

PhaseTime operator_time(const Operator& op) {
  return {op.seconds, op.compute_bound ? op.seconds : 0, op.compute_bound ? 0 : op.seconds};
}

PhaseTime layer_time(const Architecture& a, const Group& g, const Setting& s, const Pass& pass) {
  PhaseTime layer;
  for (const Operator& op : layer_operators(a, g, s, pass)) {
    add(layer, operator_time(op), 1);
  }
  layer.seconds += s.o_l;
  return layer;
}

PhaseTime pass_time(const Architecture& a, const Setting& s, const Pass& pass) {
  PhaseTime time;
  for (const Group& g : a.groups) {
    add(time, layer_time(a, g, s, pass), g.l);
  }
  time.seconds += s.o_p;
  return time;
}

PhaseTime head_time(const Architecture& a, const Setting& s) {
  return s.lm_head ? operator_time(lm_head_operator(a, s)) : PhaseTime{};
}

PhaseTime prefill_time(const Architecture& a, const Setting& s) {
  PhaseTime phase;
  for (const Pass& pass : prefill_passes(s)) {
    add(phase, pass_time(a, s, pass), 1);
  }
  if (s.S_in > 0) {
    add(phase, head_time(a, s), 1);
  }
  return phase;
}

PhaseTime decode_time(const Architecture& a, const Setting& s) {
  PhaseTime phase;
  const long long steps = std::llround(s.S_out);
  for (long long step = 1; step <= steps; ++step) {
    add(phase, pass_time(a, s, decode_pass(s, step)), 1);
  }
  add(phase, head_time(a, s), s.S_out);
  return phase;
}

/// part / whole, 0 of nothing.
double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// ------------------------------------------------------------------------------------------ memory

double weight_bytes(const Architecture& a, const Setting& s) {
  double sum = a.V * a.d * (s.b_h + (a.tied ? 0 : s.b_e)) + a.P * a.d * s.b_e;
  for (const Group& g : a.groups) {
    sum +=
        g.l * (mixer_weights_per_layer(a, g) * s.b_wa + ffn_weights_per_layer(a, g, g.E) * s.b_wf +
               router_weights_per_layer(a, g) * s.b_a);
  }
  return sum;
}

/// Tokens of each sequence that the cache of a layer keeps.
double tokens_kept(const Group& g, const Setting& s) {
  const double S = s.S_in + s.S_out;
  return s.full_window_cache ? S : std::min(S, g.w);
}

double cache_bytes_per_layer(const Group& g, const Setting& s) {
  if (g.mixer == Mixer::recurrent) {
    return g.s_e * s.b_a;
  }
  const bool decompressed = g.mixer == Mixer::mla && s.expanded;
  const double elements = decompressed ? g.n_h * (g.d_n + g.d_r + g.d_v) : g.c_el;
  return tokens_kept(g, s) * elements * s.b_kv;
}

double cache_bytes(const Architecture& a, const Setting& s) {
  double sum = 0;
  for (const Group& g : a.groups) {
    sum += g.l * cache_bytes_per_layer(g, s);
  }
  return s.B * sum;
}

/// New tokens of the largest pass.
double tokens_at_once(const Setting& s) { return s.B * std::max(1.0, s.c); }

/// What the attention of a layer holds beside its activations: scores, a copy of the cache for
/// every query head, decompressed keys and values.
double attention_workspace(const Group& g, const Setting& s) {
  double bytes = 0;
  const bool gqa = g.mixer == Mixer::gqa;
  const bool mla = g.mixer == Mixer::mla;
  if (!s.flash && (gqa || mla)) {
    bytes += std::max(tokens_at_once(s) * s.S_in, s.B * (s.S_in + s.S_out)) * g.n_h * s.b_a;
  }
  if (s.query_heads && gqa) {
    bytes += s.B * tokens_kept(g, s) * 2 * g.n_h * g.d_h * s.b_kv;
  }
  if (!s.expanded && mla) {
    bytes += s.B * s.S_in * g.n_h * (g.d_n + g.d_r + g.d_v) * s.b_a;
  }
  return bytes;
}

double workspace_bytes(const Architecture& a, const Setting& s) {
  double widest = 0;
  double attention = 0;
  for (const Group& g : a.groups) {
    widest = std::max({widest, g.q_dim + g.c_el, g.m_u * g.h, g.m});
    attention = std::max(attention, attention_workspace(g, s));
  }
  const double logits = s.lm_head ? s.B * a.V * s.b_a : 0;
  return std::max(logits, tokens_at_once(s) * (a.d + widest) * s.b_a + attention);
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

json operators_by_group(const Architecture& a, const Setting& s, const Pass& pass) {
  json groups = json::array();
  for (const Group& g : a.groups) {
    groups.push_back(to_json(layer_operators(a, g, s, pass)));
  }
  return groups;
}

json lm_head_to_json(const Architecture& a, const Setting& s) {
  if (!s.lm_head) {
    return nullptr;
  }
  const Operator head = lm_head_operator(a, s);
  return {{"flops", head.flops}, {"bytes", head.bytes}, {"seconds", head.seconds}};
}

void put_loss(json& out, const json& law, const Architecture& a, const Setting& s) {
  out["extrapolated"] = extrapolated(law, a);
  out["loss"] = nullptr;
  out["perplexity"] = nullptr;
  if (!law_has_opinion(a)) {
    return;
  }
  const LawPoint x = law_point(a);
  const std::vector<double> terms = loss_terms(law, x);
  double loss = 0;
  for (const double term : terms) {
    loss += term;
  }
  loss += s.delta;
  out["ffn_ratio"] = x.r;
  out["activation_rate"] = x.rho;
  out["kv_dim"] = x.d_m;
  out["loss_terms"] = terms;
  out["loss"] = loss;
  out["perplexity"] = std::exp(loss);
}

void put_times(json& out, const Architecture& a, const Setting& s) {
  const PhaseTime prefill = prefill_time(a, s);
  const PhaseTime decode = decode_time(a, s);
  out["prefill_s"] = prefill.seconds;
  out["decode_s"] = decode.seconds;
  out["total_s"] = prefill.seconds + decode.seconds;
  out["tpot_s"] = nullptr;
  if (s.S_out > 0) {
    out["tpot_s"] = decode.seconds / s.S_out;
  }
  out["energy_j"] = nullptr;
  if (!std::isnan(s.P_p) && !std::isnan(s.P_d)) {
    out["energy_j"] = s.P_p * prefill.seconds + s.P_d * decode.seconds;
  }
  out["prefill_compute_share"] = share(prefill.compute_bound_s, prefill.seconds);
  out["prefill_bandwidth_share"] = share(prefill.bandwidth_bound_s, prefill.seconds);
  out["decode_compute_share"] = share(decode.compute_bound_s, decode.seconds);
  out["decode_bandwidth_share"] = share(decode.bandwidth_bound_s, decode.seconds);
}

void put_memory(json& out, const Architecture& a, const Setting& s) {
  const double weights = weight_bytes(a, s);
  const double kv = cache_bytes(a, s);
  const double workspace = workspace_bytes(a, s);
  out["memory"] = {{"weights", weights}, {"kv", kv}, {"workspace", workspace}};
  out["memory_total"] = weights + kv + workspace;
}

void put_operators(json& out, const Architecture& a, const Setting& s) {
  const std::vector<Pass> passes = prefill_passes(s);
  if (!passes.empty()) {
    out["prefill_passes"] = passes.size();
    out["prefill_layer_ops_of_last_pass"] = operators_by_group(a, s, passes.back());
  }
  if (s.S_out > 0) {
    out["decode_layer_ops_at_first_step"] = operators_by_group(a, s, decode_pass(s, 1));
  }
  out["lm_head"] = lm_head_to_json(a, s);
}

}  // namespace

json evaluate(const json& c) {
  const Architecture a = read_architecture(c.at("architecture"));
  const Setting s = read_setting(c);
  json out;
  out["params_total"] = std::llround(params(a, false));
  out["params_active"] = std::llround(params(a, true));
  put_loss(out, law_of(c), a, s);
  put_times(out, a, s);
  put_memory(out, a, s);
  put_operators(out, a, s);
  return out;
}

}  // namespace rooflaw::reference
