#include <cmath>

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/evaluation_json.hpp"

namespace rooflaw::app {

using nlohmann::json;
using theory::Resource;

namespace {

std::vector<std::string> binding_names(const Answer& a) {
  const auto names = theory::binding(a.optimum);
  return {names.begin(), names.end()};
}

json case_json(const std::optional<theory::CaseSolution>& c, double loss_delta) {
  if (!c) return nullptr;
  return {{"layers", c->shape.layers},    {"ffn_ratio", c->shape.ffn_ratio},
          {"gqa", c->shape.gqa},          {"activation_rate", c->shape.activation_rate},
          {"loss", c->loss + loss_delta}, {"mu_decode", c->mu_decode},
          {"mu_prefill", c->mu_prefill},  {"mu_memory", c->mu_memory}};
}

json optional_json(const std::optional<double>& x) { return x ? json(*x) : json(); }

/// What [S] prints in the place of ours, where it differs.
json published_json(const Question& q, const Answer& a) {
  json j = json::object();
  const auto& d3 = a.cases.d3;
  if (d3 && q.budgets.decode_bytes_per_token && q.budgets.memory_bytes) {
    const double eta = *q.budgets.decode_bytes_per_token / *q.budgets.memory_bytes;
    j["D3_activation_rate"] = {
        {"published", theory::published_activation_rate(q.xi, d3->shape, eta)},
        {"exact", theory::d3_activation_rate(q.xi, d3->shape, eta)}};
  }
  const auto regime = [&](const std::optional<theory::Regime>& r, Resource latency) -> json {
    if (!r) return nullptr;
    return {{"published", theory::case_name(theory::published_regime(*r), latency)},
            {"exact", theory::case_name(*r, latency)}};
  };
  j["decode_regime"] = regime(a.cases.decode_regime, Resource::decode);
  j["prefill_regime"] = regime(a.cases.prefill_regime, Resource::prefill);
  return j;
}

json architecture_json(const model::Architecture& a) {
  return {{"layers", a.layers},         {"width", a.width},
          {"heads", a.heads},           {"attention", to_string(a.attention)},
          {"head_dim", a.head_dim},     {"kv_heads", a.kv_heads},
          {"ffn", to_string(a.ffn)},    {"expert_ffn", a.expert_ffn},
          {"experts", a.experts},       {"top_k", a.top_k},
          {"shared_ffn", a.shared_ffn}, {"ffn_sparsity", a.ffn_sparsity},
          {"vocab", a.vocab},           {"tied", a.tied}};
}

}  // namespace

json to_json(const Question& q, const Answer& a, bool published) {
  const double delta = q.scenario.precision.loss_delta;
  const auto& o = a.optimum;
  json multipliers = json::object();
  for (const auto& b : o.budgets) multipliers[std::string(to_string(b.resource))] = b.multiplier;
  json j = {{"width", a.width},
            {"binding", binding_names(a)},
            {"budgets",
             {{"decode_bytes_per_token", optional_json(q.budgets.decode_bytes_per_token)},
              {"prefill_flop_per_token", optional_json(q.budgets.prefill_flop_per_token)},
              {"total_s", q.budgets.total ? json(q.budgets.total->seconds) : json()},
              {"memory_bytes", optional_json(q.budgets.memory_bytes)}}},
            {"cases",
             {{"D1", case_json(a.cases.d1, delta)},
              {"D2", case_json(a.cases.d2, delta)},
              {"D3", case_json(a.cases.d3, delta)},
              {"P1", case_json(a.cases.p1, delta)},
              {"P3", case_json(a.cases.p3, delta)}}},
            {"optimum",
             {{"layers", o.shape.layers},
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
              {"kkt_residual", o.kkt_residual}}},
            {"architecture", architecture_json(a.architecture)},
            {"evaluation", evaluation_json({q.law, a.architecture, q.scenario}, a.evaluation)}};
  if (published) j["published"] = published_json(q, a);
  return j;
}

namespace {

std::string readable(Resource resource, double amount) {
  switch (resource) {
    case Resource::prefill:
      return readable_count(amount, "FLOP") + " per prompt token";
    case Resource::decode:
      return readable_bytes(amount) + " per output token";
    case Resource::total:
      return readable_seconds(amount);
    case Resource::memory:
      return readable_bytes(amount);
  }
  return "";
}

void print_shape(const char* name, const theory::Shape& s, double loss) {
  fmt::print("  {:<9} {:>8.2f} {:>8.0f} {:>10.4f} {:>8.4f} {:>10.4f} {:>9.5f}\n", name, s.layers,
             s.width, s.ffn_ratio, s.gqa, s.activation_rate, loss);
}

void print_price(const char* what, double dloss_dln) {
  // For a rise of 10 % the linear price is within a few per cent of the truth.
  const double drop = -0.1 * dloss_dln;
  if (drop < 1e-9)
    fmt::print("  10 % more {} lowers the loss by nothing\n", what);
  else
    fmt::print("  10 % more {} lowers the loss by about {:.2g} nats\n", what, drop);
}

std::string text_of(const theory::ShapeBox& box) {
  const auto sides = [](const char* name, const model::Interval& side) {
    return std::isinf(side.hi) ? fmt::format("{} from {:g}", name, side.lo)
                               : fmt::format("{} {:g} to {:g}", name, side.lo, side.hi);
  };
  return fmt::format("{}, {}, {}, {}, {}", sides("layers", box.layers), sides("width", box.width),
                     sides("FFN ratio", box.ffn_ratio), sides("gqa", box.gqa),
                     sides("activation rate", box.activation_rate));
}

void print_cases(const Question& q, const Answer& a) {
  const double delta = q.scenario.precision.loss_delta;
  fmt::print("\nclosed forms at width {:.0f}, before any box\n", a.width);
  fmt::print("  {:<9} {:>8} {:>8} {:>10} {:>8} {:>10} {:>9}\n", "case", "layers", "width",
             "FFN ratio", "gqa", "act. rate", "loss");
  const std::pair<const char*, const std::optional<theory::CaseSolution>*> cases[] = {
      {"D1", &a.cases.d1},
      {"D2 = P2", &a.cases.d2},
      {"D3", &a.cases.d3},
      {"P1", &a.cases.p1},
      {"P3", &a.cases.p3}};
  for (const auto& [name, solution] : cases)
    if (*solution) print_shape(name, (*solution)->shape, (*solution)->loss + delta);
  if (a.cases.decode_regime)
    fmt::print("  of decode and memory applies {}, without a box\n",
               case_name(*a.cases.decode_regime, Resource::decode));
  if (a.cases.prefill_regime)
    fmt::print("  of prefill and memory applies {}, without a box\n",
               case_name(*a.cases.prefill_regime, Resource::prefill));
  if (q.budgets.total) fmt::print("  a total budget has no closed form; these leave it out\n");
}

void print_published(const Question& q, const Answer& a) {
  fmt::print("\npublished in arXiv:2602.10377, and exact\n");
  const json j = published_json(q, a);
  if (j.contains("D3_activation_rate"))
    fmt::print("  D3 activation rate  {:.4f}  {:.4f}  (Eq. 11 divides the KV term twice)\n",
               j["D3_activation_rate"]["published"].get<double>(),
               j["D3_activation_rate"]["exact"].get<double>());
  for (const auto* regime : {"decode_regime", "prefill_regime"})
    if (!j[regime].is_null())
      fmt::print("  {:<19} {:<6}  {}  (the published rule is reversed)\n", regime,
                 j[regime]["published"].get<std::string>(), j[regime]["exact"].get<std::string>());
}

const char* plural(std::int64_t n) { return n == 1 ? "" : "s"; }

void print_architecture(const Question& q, const Answer& a) {
  const auto& arch = a.architecture;
  const auto& e = a.evaluation;
  const auto& s = q.scenario;
  fmt::print(
      "\nto build: {} layer{}, width {}, {} head{} of {}, {} KV head{}, {} expert{} of {}{}\n",
      arch.layers, plural(arch.layers), arch.width, arch.heads, plural(arch.heads), arch.head_dim,
      arch.kv_heads, plural(arch.kv_heads), arch.experts, plural(arch.experts), arch.expert_ffn,
      arch.experts > 1 ? ", top-1" : "");
  const std::string per_token = s.workload.output_tokens > 0
                                    ? fmt::format(" ({} per token)", readable_seconds(e.tpot_s))
                                    : "";
  fmt::print(
      "  by the operator model: loss {:.4f} (perplexity {:.2f}), prefill {}, decode {}{}, memory "
      "{}, "
      "{} parameters\n",
      e.loss, e.perplexity, readable_seconds(e.prefill.seconds), readable_seconds(e.decode.seconds),
      per_token, readable_bytes(e.memory.total()), readable_count(e.params_total));
  // How far the xi model is off at this architecture.
  const theory::Shape shape{
      .layers = static_cast<double>(arch.layers),
      .width = static_cast<double>(arch.width),
      .ffn_ratio = e.point.ffn_ratio,
      .gqa = static_cast<double>(arch.heads) / static_cast<double>(arch.kv_heads),
      .activation_rate = e.point.activation_rate};
  // Work per second, of the phases there are.
  const auto per_second = [&](model::Objective objective) {
    model::Limits second;
    second.set(objective, 1.0);
    return theory::to_budgets(second, s);
  };
  std::string off;
  if (s.workload.input_tokens > 0) {
    const auto second = per_second(model::Objective::prefill);
    const double xi_s =
        shape.layers * prefill_flop_per_layer(shape) / *second.prefill_flop_per_token;
    off += fmt::format("prefill {:+.0f} %, ", 100 * (xi_s / e.prefill.seconds - 1));
  }
  if (s.workload.output_tokens > 0) {
    const auto second = per_second(model::Objective::decode);
    const double xi_s =
        shape.layers * decode_bytes_per_layer(q.xi, shape) / *second.decode_bytes_per_token;
    off += fmt::format("decode {:+.0f} %, ", 100 * (xi_s / e.decode.seconds - 1));
  }
  fmt::print(
      "  the xi model of the closed forms is off there: {}memory {:+.0f} % (it leaves out lm_head, "
      "activations and attention scores)\n",
      off, 100 * (shape.layers * memory_bytes_per_layer(q.xi, shape) / e.memory.total() - 1));
  if (e.extrapolated) fmt::print("  EXTRAPOLATED: outside the range the law was fitted on\n");
  if (const auto usable = usable_memory(s.device); usable && e.memory.total() > usable->bytes)
    fmt::print("  DOES NOT FIT the device's usable {}: the memory budget is larger than that\n",
               readable_bytes(usable->bytes));
  if (!s.calibrated)
    fmt::print(
        "note: efficiencies of this device are not calibrated; times are the data-sheet "
        "roofline, a lower bound\n");
}

}  // namespace

void print_text(const Question& q, const Answer& a, bool published) {
  const auto& o = a.optimum;
  const auto& s = q.scenario;
  fmt::print(
      "{} at {}, workload {}: batch {}, {} tokens in, {} out\n\nbudgets, and what the optimum of "
      "the closed forms uses of them (weights and cache only)\n",
      s.device.id, s.precision.id, s.workload.id, s.workload.batch, s.workload.input_tokens,
      s.workload.output_tokens);
  for (const auto& b : o.budgets)
    fmt::print("  {:<8} {:>24}, used {:>5.1f} %{}\n", to_string(b.resource),
               readable(b.resource, b.limit), 100 * b.usage / b.limit, b.binds ? "  BINDS" : "");
  if (binding_names(a).empty()) fmt::print("  none binds: the box does\n");

  fmt::print("\nbest shape in the box{}: {}\n  {:<9} {:>8} {:>8} {:>10} {:>8} {:>10} {:>9}\n",
             q.width_given ? " at this width" : "", text_of(q.box), "", "layers", "width",
             "FFN ratio", "gqa", "act. rate", "loss");
  print_shape("optimum", o.shape, o.loss);
  for (const auto& side : o.sides)
    fmt::print("  {} is held at its {} bound\n", theory::to_string(side.axis),
               side.upper ? "upper" : "lower");
  fmt::print("\nwhat more is worth to that optimum\n");
  print_price("bandwidth", o.prices.dloss_dln_bandwidth);
  print_price("compute", o.prices.dloss_dln_compute);
  print_price("memory", o.prices.dloss_dln_memory);
  if (s.precision.attention_weight_bytes != s.precision.ffn_weight_bytes)
    fmt::print("note: the closed forms take all weights for those of FFNs, {:g} bytes each\n",
               s.precision.ffn_weight_bytes);
  print_cases(q, a);
  if (published) print_published(q, a);
  print_architecture(q, a);
}

}  // namespace rooflaw::app
