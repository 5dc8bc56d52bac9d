#include "rooflaw/app/evaluation_json.hpp"

#include <cmath>

#include "rooflaw/model/capacity.hpp"

namespace rooflaw::app {

using model::Operator;
using model::Phase;

std::string_view compute_type(const Operator<double>& op, const model::Scenario& s) {
  return to_string(op.unit == model::ComputeUnit::matmul ? s.precision.matmul : s.attention_type);
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

/// Of one pass, by layer group.
nlohmann::json operators_json(const model::Architecture& a, const model::Scenario& s,
                              const model::Pass& pass) {
  auto groups = nlohmann::json::array();
  for_each_group(a, [&](const model::Layers& group) {
    auto list = nlohmann::json::array();
    for (const auto& op : layer_operators(group, a.width, s, pass))
      list.push_back(operator_json(op, s, true));
    groups.push_back(std::move(list));
  });
  return groups;
}

void add_loss(nlohmann::json& j, const model::Law& law, const model::Evaluation& e) {
  j["extrapolated"] = e.extrapolated;
  j["loss"] = number_or_null(e.loss);
  j["perplexity"] = number_or_null(e.perplexity);
  if (!e.has_loss) return;
  j["ffn_ratio"] = e.point.ffn_ratio;
  j["activation_rate"] = e.point.activation_rate;
  j["kv_dim"] = e.point.kv_dim;
  j["loss_terms"] = {e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv,
                     law_constant(law)};
}

void add_shares(nlohmann::json& j, const std::string& phase, const model::PhaseResult& result) {
  j[phase + "_compute_share"] = result.compute_share;
  j[phase + "_bandwidth_share"] = result.bandwidth_share;
}

}  // namespace

nlohmann::json evaluation_json(const io::Case& c, const model::Evaluation& e) {
  const auto& s = c.scenario;
  const auto& a = c.architecture;
  const auto head = head_operator(a, s);
  nlohmann::json j = {
      {"device", s.device.id},
      {"precision", s.precision.id},
      {"workload", s.workload.id},
      {"calibrated", s.calibrated},
      {"params_total", count(e.params_total)},
      {"params_active", count(e.params_active)},
      {"prefill_s", e.prefill.seconds},
      {"decode_s", e.decode.seconds},
      {"total_s", e.total_s},
      {"tpot_s", number_or_null(e.tpot_s)},
      {"tokens_per_s", number_or_null(static_cast<double>(s.workload.batch) / e.tpot_s)},
      {"energy_j", number_or_null(e.energy_j)},
      {"memory",
       {{"weights", e.memory.weights}, {"kv", e.memory.kv}, {"workspace", e.memory.workspace}}},
      {"lm_head", head ? operator_json(*head, s, false) : nlohmann::json()}};
  j["notes"] = c.notes;
  j["params_uncounted"] = c.uncounted ? count(*c.uncounted) : nlohmann::json();
  add_loss(j, c.law, e);
  add_shares(j, "prefill", e.prefill);
  add_shares(j, "decode", e.decode);
  const auto usable = usable_memory(s.device);
  j["memory_budget_bytes"] = usable ? nlohmann::json(usable->bytes) : nlohmann::json();
  j["fits"] = usable ? nlohmann::json(e.memory.total() <= usable->bytes) : nlohmann::json();
  if (usable) {
    j["largest_input_tokens"] = model::largest_input_tokens(a, s, usable->bytes);
    j["largest_batch"] = model::largest_batch(a, s, usable->bytes);
  }
  auto met = nlohmann::json::object();
  for (const auto& limit : weighted_limits(c.limits, s))
    met[std::string(to_string(limit.objective))] =
        weighted(limit.weights, e.costs()) <= limit.bound;
  j["limits_met"] = std::move(met);
  if (s.workload.input_tokens > 0) {
    const double passes = model::passes(s, Phase::prefill);
    j["prefill_passes"] = count(passes);
    j["prefill_layer_ops_of_last_pass"] =
        operators_json(a, s, model::prefill_pass(s.workload, s.engine, passes));
  }
  if (s.workload.output_tokens > 0)
    j["decode_layer_ops_at_first_step"] = operators_json(a, s, model::decode_pass(s.workload, 1.0));
  return j;
}

}  // namespace rooflaw::app
