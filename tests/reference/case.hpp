// A case as numbers: what `evaluate` reads from its tables, with the symbols of the formulas.
// Inner header of the reference implementation.
#ifndef ROOFLAW_TESTS_REFERENCE_CASE_HPP
#define ROOFLAW_TESTS_REFERENCE_CASE_HPP

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace rooflaw::reference {

enum class Mixer { gqa, mla, recurrent, none };

/// Identical layers. What a layer lacks is 0, so that sums need no cases.
struct Group {
  double l;  // layers
  Mixer mixer;
  std::string mixer_name, ffn_name;

  double n_h;                      // query heads
  double d_h, n_kv;                // GQA: head size, key/value heads
  double w;                        // GQA: tokens attended at most, infinite without a window
  double d_c, d_q, d_n, d_r, d_v;  // MLA: kv_lora_rank, q_lora_rank, nope, rope and value head size
  double W_m, m, s_e, F_s;         // recurrent: weights, inner width, state, FLOP per token
  double q_dim, o_dim;             // width of all queries, width of the attention's output
  double c_el;                     // cache elements per token and layer

  double f, E, K, f_s;  // size of one expert, experts, experts per token, shared size
  double z;             // share of zero hidden activations that is skipped
  double n_mat, m_u;    // matrices of an FFN; of these, up-projections
  double h;             // hidden activations of one token

  double n_s;  // sublayers
};

struct Architecture {
  double d;  // width
  double V;  // vocabulary
  double P;  // rows of the position table
  bool tied;
  std::vector<Group> groups;
};

struct Setting {
  // precision: bytes per element, compute types, loss penalty
  double b_wa, b_wf, b_h, b_e, b_a, b_kv, b_x;
  std::string mm, at;
  double delta;
  // device: bandwidth, peaks of the two types, efficiencies, overheads in seconds
  double beta;
  double pi_mm, pi_at;
  double e_c, e_a, e_b, e_kv, o_l, o_p;
  // device: watts of prefill and decode, NaN where unknown
  double P_p, P_d;
  // workload
  double B, S_in, S_out;
  // engine
  bool flash, causal, lm_head, query_heads, expanded, full_window_cache;
  double c;  // tokens of each sequence per prefill pass, at most S_in
  std::string elementwise;
};

/// @throws std::invalid_argument  naming the rule, unless the condition holds
void require(bool condition, const std::string& rule);

/// The table under `key`, empty if it is absent or null.
nlohmann::json table_or_empty(const nlohmann::json& parent, const std::string& key);

/// Whether a JSON list holds a value (numbers compare by value: 8 equals 8.0).
bool lists(const nlohmann::json& list, const nlohmann::json& value);

Architecture read_architecture(const nlohmann::json& architecture);

/// Precision, device, workload and engine of a case.
Setting read_setting(const nlohmann::json& c);

}  // namespace rooflaw::reference

#endif
