#include "operators.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rooflaw::reference {

namespace {

/// What the operators of a layer need beside the tables.
struct Layer {
  const Architecture& a;
  const Group& g;
  const Setting& s;
  bool decode;
  double T;  // new tokens of the batch
  double A;  // keys attended per new token, on average
  double N;  // cached tokens read
};

/// Keys that a new token attends, on average over the pass.
double attended_keys(const Group& g, const Setting& s, const Pass& pass) {
  if (pass.decode) {
    return std::min(pass.C, g.w);
  }
  if (!s.flash || !s.causal) {
    return pass.C;  // masked keys are computed all the same, window or not
  }
  double sum = 0;
  const long long last = std::llround(pass.C);
  for (long long position = last - std::llround(pass.t) + 1; position <= last; ++position) {
    sum += std::min(static_cast<double>(position), g.w);
  }
  return sum / pass.t;
}

double cached_tokens_read(const Group& g, const Setting& s, const Pass& pass) {
  if (!s.flash && !pass.decode) {
    return s.B * pass.C;
  }
  return s.B * std::min(pass.C, g.w + pass.t - 1);
}

/// N_e, the expected number of distinct experts that T tokens visit.
double distinct_experts(const Group& g, double T) {
  if (g.E > 1) {
    return g.E * (1 - std::pow(1 - g.K / g.E, T));
  }
  return 1;
}

/// Attention runs at an efficiency of its own; norm, activation and router do not.
bool attention_like(const std::string& name) {
  for (const char* own : {"attention", "scores", "softmax", "context", "mixer_state"}) {
    if (name == own) {
      return true;
    }
  }
  return false;
}

Operator timed(Operator op, const Setting& s) {
  const double efficiency = attention_like(op.name) ? s.e_a : s.e_c;
  const double peak = op.type == s.mm ? s.pi_mm : s.pi_at;
  const double compute_s = op.flops / (efficiency * peak);
  const double memory_s = (op.bytes / s.e_b + op.kv_bytes / s.e_kv) / s.beta;
  op.seconds = std::max(compute_s, memory_s);
  op.compute_bound = compute_s >= memory_s;
  return op;
}

using Operators = std::vector<Operator>;

void add_norm(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  if (s.elementwise == "ignored") {
    return;
  }
  ops.push_back({"norm", 5 * g.n_s * T * a.d, g.n_s * T * a.d * (3 * s.b_a + s.b_x), 0, s.at});
}

void add_gqa_projection(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  ops.push_back({"qkv_proj", 2 * T * a.d * (g.q_dim + g.c_el),
                 a.d * (g.q_dim + g.c_el) * s.b_wa + T * a.d * s.b_x + T * g.q_dim * s.b_a,
                 T * g.c_el * s.b_kv, s.mm});
}

void add_mla_queries(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  if (g.d_q > 0) {
    ops.push_back({"q_down", 2 * T * a.d * g.d_q,
                   a.d * g.d_q * s.b_wa + T * a.d * s.b_x + T * g.d_q * s.b_a, 0, s.mm});
    ops.push_back({"q_up", 2 * T * g.d_q * g.q_dim,
                   g.d_q * g.q_dim * s.b_wa + T * g.d_q * s.b_x + T * g.q_dim * s.b_a, 0, s.mm});
  } else {
    ops.push_back({"q_proj", 2 * T * a.d * g.q_dim,
                   a.d * g.q_dim * s.b_wa + T * a.d * s.b_x + T * g.q_dim * s.b_a, 0, s.mm});
  }
}

void add_mla_keys_and_values(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  const double down_flops = 2 * T * a.d * g.c_el;
  const double down_bytes = a.d * g.c_el * s.b_wa + T * a.d * s.b_x;
  const double u = g.n_h * (g.d_n + g.d_v);
  const double decompressed = g.n_h * (g.d_n + g.d_r + g.d_v);
  if (s.expanded) {
    ops.push_back({"kv_down", down_flops, down_bytes + T * g.c_el * s.b_a, 0, s.mm});
    ops.push_back({"kv_up", 2 * T * g.d_c * u, g.d_c * u * s.b_wa + T * g.d_c * s.b_x,
                   T * decompressed * s.b_kv, s.mm});
    return;
  }
  ops.push_back({"kv_down", down_flops, down_bytes, T * g.c_el * s.b_kv, s.mm});
  if (decode) {
    // Absorbed: queries go into the latent space and outputs come back from it.
    ops.push_back({"kv_up", 2 * T * g.d_c * u,
                   g.d_c * u * s.b_wa + T * g.n_h * (g.d_n + g.d_c) * s.b_x +
                       T * g.n_h * (g.d_c + g.d_v) * s.b_a,
                   0, s.mm});
  } else {
    // Every pass decompresses all cached tokens.
    ops.push_back({"kv_up", 2 * N * g.d_c * u, g.d_c * u * s.b_wa + N * decompressed * s.b_a,
                   N * g.c_el * s.b_kv, s.mm});
  }
}

/// What attention costs before it is cut into kernels.
struct AttentionCost {
  double scores_flops, context_flops;
  double query_bytes, output_bytes;
  double key_bytes, value_bytes;  // of the cache
};

AttentionCost gqa_cost(const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  const double heads_read = s.query_heads ? g.n_h : g.n_kv;
  const double half = N * heads_read * g.d_h * s.b_kv;
  return {2 * T * A * g.q_dim,
          2 * T * A * g.q_dim,
          T * g.q_dim * s.b_a,
          T * g.o_dim * s.b_a,
          half,
          half};
}

AttentionCost mla_cost(const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  if (decode && !s.expanded) {
    // FLOP and activations are of the latents; the cache holds keys and values in one, and eager
    // attention reads them apart.
    const double latent = g.d_c + g.d_r;
    return {2 * T * A * g.n_h * latent, 2 * T * A * g.n_h * g.d_c, T * g.n_h * latent * s.b_a,
            T * g.n_h * g.d_c * s.b_a,  N * latent * s.b_kv,       N * g.d_c * s.b_kv};
  }
  const double b_k = s.expanded ? s.b_kv : s.b_a;
  return {2 * T * A * g.n_h * (g.d_n + g.d_r),
          2 * T * A * g.n_h * g.d_v,
          T * g.q_dim * s.b_a,
          T * g.o_dim * s.b_a,
          N * g.n_h * (g.d_n + g.d_r) * b_k,
          N * g.n_h * g.d_v * b_k};
}

void add_attention(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  const bool mla = g.mixer == Mixer::mla;
  const AttentionCost cost = mla ? mla_cost(x) : gqa_cost(x);
  const double softmax_flops = 5 * T * A * g.n_h;
  if (s.flash) {
    // Flash reads a latent once, as key and value.
    const bool one_latent = mla && decode && !s.expanded;
    ops.push_back({"attention", cost.scores_flops + cost.context_flops + softmax_flops,
                   cost.query_bytes + cost.output_bytes,
                   one_latent ? cost.key_bytes : cost.key_bytes + cost.value_bytes, s.at});
    return;
  }
  const double score_bytes = T * A * g.n_h * s.b_a;
  ops.push_back(
      {"scores", cost.scores_flops, cost.query_bytes + score_bytes, cost.key_bytes, s.at});
  ops.push_back({"softmax", softmax_flops, 2 * score_bytes, 0, s.at});
  ops.push_back(
      {"context", cost.context_flops, score_bytes + cost.output_bytes, cost.value_bytes, s.at});
}

void add_output_projection(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  ops.push_back({"o_proj", 2 * T * g.o_dim * a.d,
                 g.o_dim * a.d * s.b_wa + T * g.o_dim * s.b_x + T * a.d * s.b_a, 0, s.mm});
}

void add_recurrent(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  ops.push_back(
      {"mixer_proj", 2 * T * g.W_m, g.W_m * s.b_wa + T * (a.d + g.m) * (s.b_x + s.b_a), 0, s.mm});
  ops.push_back({"mixer_state", T * g.F_s, 2 * T * g.m * s.b_a, 2 * s.B * g.s_e * s.b_a, s.at});
}

void add_mixer(Operators& ops, const Layer& x) {
  switch (x.g.mixer) {
    case Mixer::gqa:
      add_gqa_projection(ops, x);
      add_attention(ops, x);
      add_output_projection(ops, x);
      break;
    case Mixer::mla:
      add_mla_queries(ops, x);
      add_mla_keys_and_values(ops, x);
      add_attention(ops, x);
      add_output_projection(ops, x);
      break;
    case Mixer::recurrent:
      add_recurrent(ops, x);
      break;
    case Mixer::none:
      break;
  }
}

void add_ffn(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  if (g.h == 0) {
    return;
  }
  if (g.E > 1) {
    ops.push_back({"router", 2 * T * a.d * g.E, (a.d * g.E + T * a.d + T * g.E) * s.b_a, 0, s.at});
  }
  const bool separate = s.elementwise == "separate";
  const double visited = distinct_experts(g, T) * g.f + g.f_s;
  const double copies_of_input = g.K + (g.f_s > 0 ? 1 : 0);
  const double outputs = separate ? g.m_u : 1;
  ops.push_back({"ffn_up", 2 * T * a.d * g.m_u * g.h,
                 visited * a.d * g.m_u * s.b_wf + T * a.d * s.b_x * copies_of_input +
                     T * g.h * outputs * s.b_a,
                 0, s.mm});
  if (separate) {
    ops.push_back({"activation", 5 * T * g.h, T * g.h * (g.m_u * s.b_a + s.b_x), 0, s.at});
  }
  const double rows_read = g.z > 0 ? 1 - std::pow(g.z, T) : 1;
  ops.push_back({"ffn_down", 2 * T * g.h * a.d * (1 - g.z),
                 visited * a.d * s.b_wf * rows_read + T * g.h * s.b_x + T * a.d * s.b_a, 0, s.mm});
}

/// Matrix inputs that no other kernel hands over quantised.
void add_quantize(Operators& ops, const Layer& x) {
  const auto& [a, g, s, decode, T, A, N] = x;
  double Q = g.mixer == Mixer::recurrent ? g.m : g.o_dim;
  if (s.elementwise != "separate") {
    Q += g.h;
  }
  if (s.elementwise == "ignored") {
    Q += g.n_s * a.d;
  }
  if (s.b_x < s.b_a && Q > 0) {
    ops.push_back({"quantize", 0, T * Q * (s.b_a + s.b_x), 0, s.mm});
  }
}

}  // namespace

std::vector<Pass> prefill_passes(const Setting& s) {
  std::vector<Pass> passes;
  double done = 0;
  while (done < s.S_in) {
    const double t = std::min(s.c, s.S_in - done);
    done += t;
    passes.push_back({false, t, done});
  }
  return passes;
}

Pass decode_pass(const Setting& s, long long step) {
  return {true, 1, s.S_in + static_cast<double>(step)};
}

std::vector<Operator> layer_operators(const Architecture& a, const Group& g, const Setting& s,
                                      const Pass& pass) {
  const Layer x{a,
                g,
                s,
                pass.decode,
                s.B * pass.t,
                attended_keys(g, s, pass),
                cached_tokens_read(g, s, pass)};
  Operators ops;
  add_norm(ops, x);
  add_mixer(ops, x);
  add_ffn(ops, x);
  add_quantize(ops, x);
  for (Operator& op : ops) {
    op = timed(std::move(op), s);
  }
  return ops;
}

Operator lm_head_operator(const Architecture& a, const Setting& s) {
  return timed({"lm_head", 2 * s.B * a.d * a.V,
                a.V * a.d * s.b_h + s.B * a.d * s.b_a + s.B * a.V * s.b_a, 0, s.mm},
               s);
}

}  // namespace rooflaw::reference
