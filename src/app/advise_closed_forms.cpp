// The closed forms of `rooflaw advise` as text.

#include <cmath>

#include <fmt/format.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

using nlohmann::json;
using theory::Resource;

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

std::string text_of(const theory::ShapeBox& box) {
  const auto sides = [](const char* name, const model::Interval& side) {
    return std::isinf(side.hi) ? fmt::format("{} from {:g}", name, side.lo)
                               : fmt::format("{} {:g} to {:g}", name, side.lo, side.hi);
  };
  return fmt::format("{}, {}, {}, {}, {}", sides("layers", box.layers), sides("width", box.width),
                     sides("FFN ratio", box.ffn_ratio), sides("gqa", box.gqa),
                     sides("activation rate", box.activation_rate));
}

void print_optimum(const Question& q, const theory::Optimum& o) {
  fmt::print("\nthe closed forms: weights and cache only, sizes between whole numbers\n");
  for (const auto& b : o.budgets)
    fmt::print("  {:<8} {:>24}, used {:>5.1f} %{}\n", to_string(b.resource),
               readable(b.resource, b.limit), 100 * b.usage / b.limit, b.binds ? "  BINDS" : "");
  if (theory::binding(o).empty()) fmt::print("  none binds: the box does\n");
  fmt::print("\nbest shape in the box{}: {}\n  {:<9} {:>8} {:>8} {:>10} {:>8} {:>10} {:>9}\n",
             q.width_given ? " at this width" : "", text_of(q.box), "", "layers", "width",
             "FFN ratio", "gqa", "act. rate", "loss");
  print_shape("optimum", o.shape, o.loss);
  for (const auto& side : o.sides)
    fmt::print("  {} is held at its {} bound\n", theory::to_string(side.axis),
               side.upper ? "upper" : "lower");
}

void print_cases(const Question& q, const Continuous& c) {
  const double delta = q.scenario.precision.loss_delta;
  fmt::print("\nclosed forms at width {:.0f}, before any box\n", c.width);
  fmt::print("  {:<9} {:>8} {:>8} {:>10} {:>8} {:>10} {:>9}\n", "case", "layers", "width",
             "FFN ratio", "gqa", "act. rate", "loss");
  const std::pair<const char*, const std::optional<theory::CaseSolution>*> cases[] = {
      {"D1", &c.cases.d1},
      {"D2 = P2", &c.cases.d2},
      {"D3", &c.cases.d3},
      {"P1", &c.cases.p1},
      {"P3", &c.cases.p3}};
  for (const auto& [name, solution] : cases)
    if (*solution) print_shape(name, (*solution)->shape, (*solution)->loss + delta);
  if (c.cases.decode_regime)
    fmt::print("  of decode and memory applies {}, without a box\n",
               case_name(*c.cases.decode_regime, Resource::decode));
  if (c.cases.prefill_regime)
    fmt::print("  of prefill and memory applies {}, without a box\n",
               case_name(*c.cases.prefill_regime, Resource::prefill));
  if (c.budgets.total) fmt::print("  a total budget has no closed form; these leave it out\n");
}

void print_published(const Continuous& c) {
  fmt::print("\npublished in arXiv:2602.10377, and exact\n");
  const json j = published_json(c);
  if (j.contains("D3_activation_rate"))
    fmt::print("  D3 activation rate  {:.4f}  {:.4f}  (Eq. 11 divides the KV term twice)\n",
               j["D3_activation_rate"]["published"].get<double>(),
               j["D3_activation_rate"]["exact"].get<double>());
  for (const auto* regime : {"decode_regime", "prefill_regime"})
    if (!j[regime].is_null())
      fmt::print("  {:<19} {:<6}  {}  (the published rule is reversed)\n", regime,
                 j[regime]["published"].get<std::string>(), j[regime]["exact"].get<std::string>());
}

}  // namespace

void print_continuous(const Question& q, const Continuous& c, bool published) {
  if (c.optimum) print_optimum(q, *c.optimum);
  if (!c.unsolved.empty()) fmt::print("\nthe closed forms have no answer: {}\n", c.unsolved);
  const auto& precision = q.scenario.precision;
  if (precision.attention_weight_bytes != precision.ffn_weight_bytes)
    fmt::print("note: the closed forms take all weights for those of FFNs, {:g} bytes each\n",
               precision.ffn_weight_bytes);
  const auto& cases = c.cases;
  if (cases.d1 || cases.d2 || cases.d3 || cases.p1 || cases.p3) print_cases(q, c);
  if (published) print_published(c);
}

}  // namespace rooflaw::app
