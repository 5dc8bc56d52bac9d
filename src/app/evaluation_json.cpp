#include "rooflaw/app/evaluation_json.hpp"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rooflaw/model/capacity.hpp"
#include "rooflaw/model/intensity.hpp"

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

nlohmann::json penalty_json(const std::optional<model::Penalty>& penalty) {
  if (!penalty) return nullptr;
  return {{"value", penalty->value},
          {"low", number_or_null(penalty->low)},
          {"high", number_or_null(penalty->high)},
          {"extrapolated", penalty->extrapolated}};
}

void add_loss(nlohmann::json& j, const model::Law& law, const model::Precision& p,
              const model::Evaluation& e) {
  j["extrapolated"] = e.extrapolated;
  j["loss"] = number_or_null(e.loss);
  j["perplexity"] = number_or_null(e.perplexity);
  j["loss_delta"] = e.loss_delta;
  j["loss_multiplier"] = number_or_null(e.loss_multiplier);
  const auto band = loss_band(law, e, p);
  j["loss_low"] = number_or_null(band.low);
  j["loss_high"] = number_or_null(band.high);
  j["precision_penalties"] = {{"ptq", penalty_json(e.ptq)}, {"qat", penalty_json(e.qat)}};
  if (!e.has_loss) return;
  j["ffn_ratio"] = e.point.ffn_ratio;
  j["activation_rate"] = e.point.activation_rate;
  j["kv_dim"] = e.point.kv_dim;
  if (e.joint_moe) {
    j["loss_terms_joint_moe"] = {e.joint_moe->size, e.joint_moe->tokens, e.joint_moe->constant};
    return;
  }
  j["loss_terms"] = {e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv,
                     law_constant(law)};
  if (law.kappa_p != 0.0) j["loss_term_parameters"] = e.terms.parameters;
}

void add_shares(nlohmann::json& j, const std::string& phase, const model::PhaseResult& result) {
  j[phase + "_compute_share"] = result.compute_share;
  j[phase + "_bandwidth_share"] = result.bandwidth_share;
}

nlohmann::json groups_json(const model::Architecture& a) {
  auto groups = nlohmann::json::array();
  for_each_group(a, [&](const model::Layers& g) {
    nlohmann::json j = {{"layers", g.layers},        {"attention", to_string(g.attention)},
                        {"ffn", to_string(g.ffn)},   {"expert_ffn", g.expert_ffn},
                        {"experts", g.experts},      {"top_k", g.top_k},
                        {"shared_ffn", g.shared_ffn}};
    if (g.attention == model::AttentionKind::gqa)
      j.update({{"heads", g.heads},
                {"head_dim", g.head_dim},
                {"kv_heads", g.kv_heads},
                {"window", g.window}});
    if (g.attention == model::AttentionKind::mla)
      j.update({{"heads", g.heads},
                {"q_lora_rank", g.mla.q_lora_rank},
                {"kv_lora_rank", g.mla.kv_lora_rank},
                {"qk_nope_head_dim", g.mla.qk_nope_head_dim},
                {"qk_rope_head_dim", g.mla.qk_rope_head_dim},
                {"v_head_dim", g.mla.v_head_dim}});
    if (g.attention == model::AttentionKind::recurrent)
      j.update({{"mixer_weights", g.recurrent.mixer_weights},
                {"mixer_width", g.recurrent.mixer_width},
                {"state_elements", g.recurrent.state_elements},
                {"state_flops", g.recurrent.state_flops}});
    groups.push_back(std::move(j));
  });
  return groups;
}

nlohmann::json phase_intensity(const model::PhaseIntensity& p) {
  if (p.flops == 0.0) return nullptr;
  return {{"flops", p.flops},
          {"bytes", p.bytes},
          {"intensity", p.intensity},
          {"attained_flops", p.attained_flops},
          {"intensity_gap", p.intensity_gap},
          {"flops_gap", p.flops_gap},
          {"potential", p.potential}};
}

nlohmann::json intensity_json(const model::Architecture& a, const model::Scenario& s,
                              const model::Evaluation& e) {
  const auto i = intensity(a, s, e);
  return {{"ridge_intensity", i.ridge},
          {"prefill", phase_intensity(i.prefill)},
          {"decode", phase_intensity(i.decode)}};
}

/// Null where it is not known or there is no such phase.
nlohmann::json band(model::Objective objective, const model::Evaluation& e,
                    const model::Scenario& s) {
  if (!applies(objective, s)) return nullptr;
  const auto band = time_band(objective, e, s);
  if (std::isnan(band.low)) return nullptr;
  return {band.low, band.high};
}

}  // namespace

std::string efficiency_note(const model::Scenario& s) {
  const auto& [prefill, decode] = s.trust;
  if (decode.basis == model::Basis::ideal)
    return "efficiencies of this device are not calibrated; times are the data-sheet roofline, a "
           "lower bound";
  std::vector<const char*> phases;
  if (prefill.basis == model::Basis::prior) phases.push_back("prefill");
  if (decode.basis == model::Basis::prior) phases.push_back("decode");
  if (phases.empty()) return {};
  return fmt::format(
      "{}: nobody has measured this device at {}; efficiencies are those of chips of "
      "its class",
      fmt::join(phases, " and "), s.precision.id);
}

std::vector<std::string> notes_on(const io::Case& c) {
  const auto& s = c.scenario;
  std::vector<std::string> notes = c.notes;
  for (auto& caveat : caveats(c.law, false)) notes.push_back(std::move(caveat));
  if (const auto note = efficiency_note(s); !note.empty()) notes.push_back(note);
  if (s.device.confidence == "estimate")
    notes.emplace_back("the numbers of this device are estimates");
  if (s.attention_type != s.precision.attention)
    notes.push_back(fmt::format("the device has no {} arithmetic; attention runs in {}",
                                to_string(s.precision.attention), to_string(s.attention_type)));
  if (!usable_memory(s.device))
    notes.emplace_back("the memory of this device is unknown: whether the model fits, too");
  return notes;
}

nlohmann::json evaluation_json(const io::Case& c, const model::Evaluation& e) {
  const auto& s = c.scenario;
  const auto& a = c.architecture;
  const auto head = head_operator(a, s);
  nlohmann::json j = {
      {"model", c.model.empty() ? nlohmann::json() : nlohmann::json(c.model)},
      {"device", s.device.id},
      {"precision", s.precision.id},
      {"workload", s.workload.id},
      {"calibrated", basis_of(model::Objective::total, s) == model::Basis::measured},
      {"efficiency", to_string(basis_of(model::Objective::total, s))},
      {"engine", s.trust.decode.basis == model::Basis::ideal ? "" : s.device.engine},
      {"params_total", count(e.params_total)},
      {"params_active", count(e.params_active)},
      {"prefill_s", e.prefill.seconds},
      {"decode_s", e.decode.seconds},
      {"prefill_band_s", band(model::Objective::prefill, e, s)},
      {"decode_band_s", band(model::Objective::decode, e, s)},
      {"total_band_s", band(model::Objective::total, e, s)},
      {"intensity", intensity_json(a, s, e)},
      {"total_s", e.total_s},
      {"tpot_s", number_or_null(e.tpot_s)},
      {"tokens_per_s", number_or_null(static_cast<double>(s.workload.batch) / e.tpot_s)},
      {"energy_j", number_or_null(e.energy_j)},
      {"memory",
       {{"weights", e.memory.weights}, {"kv", e.memory.kv}, {"workspace", e.memory.workspace}}},
      {"lm_head", head ? operator_json(*head, s, false) : nlohmann::json()}};
  j["groups"] = groups_json(a);
  j["notes"] = notes_on(c);
  j["params_uncounted"] = c.uncounted ? count(*c.uncounted) : nlohmann::json();
  add_loss(j, c.law, s.precision, e);
  add_shares(j, "prefill", e.prefill);
  add_shares(j, "decode", e.decode);
  const auto usable = usable_memory(s.device);
  j["memory_budget_bytes"] = usable ? nlohmann::json(usable->bytes) : nlohmann::json();
  j["fits"] = usable ? nlohmann::json(e.memory.total() <= usable->bytes) : nlohmann::json();
  j["memory_budget_assumed"] = usable ? nlohmann::json(usable->assumed) : nlohmann::json();
  j["largest_input_tokens"] =
      usable ? nlohmann::json(model::largest_input_tokens(a, s, usable->bytes)) : nlohmann::json();
  j["largest_batch"] =
      usable ? nlohmann::json(model::largest_batch(a, s, usable->bytes)) : nlohmann::json();
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
