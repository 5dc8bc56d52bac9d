#include <cmath>

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/evaluation_json.hpp"

namespace rooflaw::app {

using nlohmann::json;
using theory::Resource;

json published_json(const Continuous& c) {
  json j = json::object();
  const auto& d3 = c.cases.d3;
  if (d3 && c.budgets.decode_bytes_per_token && c.budgets.memory_bytes) {
    const double eta = *c.budgets.decode_bytes_per_token / *c.budgets.memory_bytes;
    j["D3_activation_rate"] = {
        {"published", theory::published_activation_rate(c.xi, d3->shape, eta)},
        {"exact", theory::d3_activation_rate(c.xi, d3->shape, eta)}};
  }
  const auto regime = [&](const std::optional<theory::Regime>& r, Resource latency) -> json {
    if (!r) return nullptr;
    return {{"published", theory::case_name(theory::published_regime(*r), latency)},
            {"exact", theory::case_name(*r, latency)}};
  };
  j["decode_regime"] = regime(c.cases.decode_regime, Resource::decode);
  j["prefill_regime"] = regime(c.cases.prefill_regime, Resource::prefill);
  return j;
}

namespace {

json case_json(const std::optional<theory::CaseSolution>& c, double loss_delta) {
  if (!c) return nullptr;
  return {{"layers", c->shape.layers},    {"ffn_ratio", c->shape.ffn_ratio},
          {"gqa", c->shape.gqa},          {"activation_rate", c->shape.activation_rate},
          {"loss", c->loss + loss_delta}, {"mu_decode", c->mu_decode},
          {"mu_prefill", c->mu_prefill},  {"mu_memory", c->mu_memory}};
}

json optional_json(const std::optional<double>& x) { return x ? json(*x) : json(); }

json architecture_json(const model::Architecture& a) {
  return {{"layers", a.layers},         {"width", a.width},
          {"heads", a.heads},           {"attention", to_string(a.attention)},
          {"head_dim", a.head_dim},     {"kv_heads", a.kv_heads},
          {"ffn", to_string(a.ffn)},    {"expert_ffn", a.expert_ffn},
          {"experts", a.experts},       {"top_k", a.top_k},
          {"shared_ffn", a.shared_ffn}, {"ffn_sparsity", a.ffn_sparsity},
          {"vocab", a.vocab},           {"tied", a.tied}};
}

json built_json(const std::optional<theory::Built>& built) {
  return built ? architecture_json(built->architecture) : json();
}

json optimum_json(const theory::Optimum& o) {
  json multipliers = json::object();
  for (const auto& b : o.budgets) multipliers[std::string(to_string(b.resource))] = b.multiplier;
  return {{"layers", o.shape.layers},
          {"width", o.shape.width},
          {"ffn_ratio", o.shape.ffn_ratio},
          {"gqa", o.shape.gqa},
          {"activation_rate", o.shape.activation_rate},
          {"loss", o.loss},
          {"multipliers", multipliers},
          {"shadow_prices",
           {{"compute", o.prices.dloss_dln_compute},
            {"bandwidth", o.prices.dloss_dln_bandwidth},
            {"memory", o.prices.dloss_dln_memory}}},
          {"kkt_residual", o.kkt_residual}};
}

json worths_json(const Answer& a) {
  json worths = json::object();
  for (const auto& w : a.worths)
    worths[std::string(to_string(w.part))] = {{"factor", more},
                                              {"loss", optional_json(w.loss)},
                                              {"closed_form_gain", w.closed_form_gain}};
  return worths;
}

json reaches_json(const Question& q, const Answer& a) {
  json target = {{"loss", *q.target_loss},
                 {"least_loss_of_box", *a.least_loss},
                 {"reached", a.built && a.built->evaluation.loss <= *q.target_loss}};
  for (const auto& r : a.reaches)
    target[std::string(to_string(r.part))] =
        r.built ? json{{"factor", r.factor},  // 0: any amount
                       {"amount", r.factor * *amount_of(q, r.part)},
                       {"architecture", built_json(r.built)},
                       {"architecture_loss", r.built->evaluation.loss}}
                : json();
  return target;
}

json loss_json(const std::optional<theory::Built>& built) {
  return built ? json(built->evaluation.loss) : json();
}

json regimes_json(const RegimeMap& map) {
  json cells = json::array();
  for (std::size_t c = 0; c < map.cells.size(); ++c)
    for (std::size_t b = 0; b < map.cells[c].size(); ++b)
      cells.push_back({{"compute", RegimeMap::multiples[c]},
                       {"bandwidth", RegimeMap::multiples[b]},
                       {"loss", loss_json(map.cells[c][b].built)},
                       {"binding", map.cells[c][b].binding}});
  return cells;
}

}  // namespace

json to_json(const Question& q, const Answer& a, bool published) {
  const double delta = q.scenario.precision.loss_delta;
  const Continuous& c = a.continuous;
  const auto evaluation = [&](const theory::Built& built) {
    return evaluation_json({.law = q.law,
                            .architecture = built.architecture,
                            .scenario = q.scenario,
                            .limits = q.of_workload},
                           built.evaluation);
  };
  json j = {{"width", c.width},
            {"binding", c.optimum ? json(theory::binding(*c.optimum)) : json::array()},
            {"budgets",
             {{"decode_bytes_per_token", optional_json(c.budgets.decode_bytes_per_token)},
              {"prefill_flop_per_token", optional_json(c.budgets.prefill_flop_per_token)},
              {"total_s", c.budgets.total ? json(c.budgets.total->seconds) : json()},
              {"memory_bytes", optional_json(c.budgets.memory_bytes)}}},
            {"cases",
             {{"D1", case_json(c.cases.d1, delta)},
              {"D2", case_json(c.cases.d2, delta)},
              {"D3", case_json(c.cases.d3, delta)},
              {"P1", case_json(c.cases.p1, delta)},
              {"P3", case_json(c.cases.p3, delta)}}},
            {"optimum", c.optimum ? optimum_json(*c.optimum) : json()},
            {"architecture", built_json(a.built)},
            {"evaluation", a.built ? evaluation(*a.built) : json()},
            {"architecture_binding", a.binding},
            {"architecture_in_range", built_json(a.in_range)},
            {"evaluation_in_range", a.in_range ? evaluation(*a.in_range) : json()},
            {"worths", worths_json(a)}};
  if (!a.shortfall.empty()) j["shortfall"] = a.shortfall;
  if (!c.unsolved.empty()) j["unsolved"] = c.unsolved;
  if (q.target_loss) j["target"] = reaches_json(q, a);
  if (a.regimes) j["regimes"] = regimes_json(*a.regimes);
  if (published) j["published"] = published_json(c);
  return j;
}

}  // namespace rooflaw::app
