#include "rooflaw/app/evaluation_json.hpp"

#include <cmath>

namespace rooflaw::app {

using model::Operator;
using model::Phase;

std::string_view compute_type(const Operator<double>& op, const model::Scenario& s) {
  return to_string(op.unit == model::ComputeUnit::matmul_type ? s.precision.matmul
                                                              : s.attention_type);
}

namespace {

nlohmann::json number_or_null(double x) {
  return std::isnan(x) ? nlohmann::json() : nlohmann::json(x);
}

/// A count as an integer as long as a double holds it exactly.
nlohmann::json count(double n) {
  return n < 0x1p53 ? nlohmann::json(std::llround(n)) : nlohmann::json(n);
}

nlohmann::json operator_json(const Operator<double>& op, const model::Scenario& s, bool named) {
  nlohmann::json j = {{"flops", op.flops},
                      {"bytes", op.bytes},
                      {"seconds", model::operator_time(op, s.rates).seconds}};
  if (named) {
    j["name"] = to_string(op.kind);
    j["kv_bytes"] = op.kv_bytes;
    j["type"] = compute_type(op, s);
  }
  return j;
}

nlohmann::json operators_json(const std::vector<Operator<double>>& ops, const model::Scenario& s) {
  auto list = nlohmann::json::array();
  for (const auto& op : ops) list.push_back(operator_json(op, s, true));
  return list;
}

}  // namespace

nlohmann::json evaluation_json(const io::Case& c, const model::Evaluation& e) {
  const auto& s = c.scenario;
  const auto head = head_operator(c.architecture, s);
  nlohmann::json j = {
      {"extrapolated", e.extrapolated},
      {"ffn_ratio", e.point.ffn_ratio},
      {"activation_rate", e.point.activation_rate},
      {"kv_dim", e.point.kv_dim},
      {"params_total", count(e.params_total)},
      {"params_active", count(e.params_active)},
      {"loss_terms",
       {e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv, law_constant(c.law)}},
      {"loss", e.loss},
      {"perplexity", e.perplexity},
      {"prefill_s", e.prefill.seconds},
      {"decode_s", e.decode.seconds},
      {"total_s", e.total_s},
      {"tpot_s", number_or_null(e.tpot_s)},
      {"memory",
       {{"weights", e.memory.weights}, {"kv", e.memory.kv}, {"workspace", e.memory.workspace}}},
      {"lm_head", head ? operator_json(*head, s, false) : nlohmann::json()}};
  if (s.workload.input_tokens > 0)
    j["prefill_layer_ops"] =
        operators_json(layer_operators(c.architecture, s, model::first_pass(s, Phase::prefill)), s);
  if (s.workload.output_tokens > 0)
    j["decode_layer_ops_at_first_step"] =
        operators_json(layer_operators(c.architecture, s, model::first_pass(s, Phase::decode)), s);
  return j;
}

}  // namespace rooflaw::app
