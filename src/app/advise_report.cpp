// What to build, by `rooflaw advise`, as text.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "advise.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/evaluation_json.hpp"

namespace rooflaw::app {

namespace {

const char* plural(std::int64_t n) { return n == 1 ? "" : "s"; }

std::string in_words(const model::Architecture& a) {
  return fmt::format("{} layer{}, width {}, {} head{} of {}, {} KV head{}, {} expert{} of {}{}",
                     a.layers, plural(a.layers), a.width, a.heads, plural(a.heads), a.head_dim,
                     a.kv_heads, plural(a.kv_heads), a.experts, plural(a.experts), a.expert_ffn,
                     a.experts > 1 ? ", top-1" : "");
}

void print_costs(const model::Evaluation& e, const model::Workload& workload) {
  const std::string per_token =
      workload.output_tokens > 0 ? fmt::format(" ({} per token)", readable_seconds(e.tpot_s)) : "";
  fmt::print(
      "  loss {:.4f} (perplexity {:.2f}), prefill {}, decode {}{}, memory {}, {} parameters\n",
      e.loss, e.perplexity, readable_seconds(e.prefill.seconds), readable_seconds(e.decode.seconds),
      per_token, readable_bytes(e.memory.total()), readable_count(e.params_total));
}

/// How far the xi model is off at an architecture.
void print_xi_error(const Question& q, const Continuous& c, const theory::Built& built) {
  const auto& [a, e] = built;
  const theory::Shape shape{.layers = static_cast<double>(a.layers),
                            .width = static_cast<double>(a.width),
                            .ffn_ratio = e.point.ffn_ratio,
                            .gqa = static_cast<double>(a.heads) / static_cast<double>(a.kv_heads),
                            .activation_rate = e.point.activation_rate};
  // Work per second, of the phases there are.
  const auto per_second = [&](model::Objective objective) {
    model::Limits second;
    second.set(objective, 1.0);
    return theory::to_budgets(second, q.scenario);
  };
  std::string off;
  if (q.scenario.workload.input_tokens > 0) {
    const auto second = per_second(model::Objective::prefill);
    const double xi_s =
        shape.layers * prefill_flop_per_layer(shape) / *second.prefill_flop_per_token;
    off += fmt::format("prefill {:+.0f} %, ", 100 * (xi_s / e.prefill.seconds - 1));
  }
  if (q.scenario.workload.output_tokens > 0) {
    const auto second = per_second(model::Objective::decode);
    const double xi_s =
        shape.layers * decode_bytes_per_layer(c.xi, shape) / *second.decode_bytes_per_token;
    off += fmt::format("decode {:+.0f} %, ", 100 * (xi_s / e.decode.seconds - 1));
  }
  fmt::print(
      "  the xi model of the closed forms is off there: {}memory {:+.0f} % (it leaves out lm_head, "
      "activations and attention scores)\n",
      off, 100 * (shape.layers * memory_bytes_per_layer(c.xi, shape) / e.memory.total() - 1));
}

void print_built(const Question& q, const Answer& a) {
  const auto& e = a.built->evaluation;
  fmt::print("\nto build: {}\n", in_words(a.built->architecture));
  if (q.width_given && static_cast<double>(a.built->architecture.width) != q.box.width.lo)
    fmt::print("  a width of {:g} cannot be built of heads of {}: this is the nearest\n",
               q.box.width.lo, a.built->architecture.head_dim);
  print_costs(e, q.scenario.workload);
  print_xi_error(q, a.continuous, *a.built);
  fmt::print("  proven: nothing in the box that meets the budgets has a lower loss; ");
  if (a.binding.empty())
    fmt::print("the box holds it, no budget by itself does\n");
  else
    fmt::print("{} held by {}\n", a.binding.size() > 1 ? "each" : "it is",
               fmt::join(a.binding, ", "));
  if (const auto usable = usable_memory(q.scenario.device);
      usable && e.memory.total() > usable->bytes)
    fmt::print("  DOES NOT FIT the device's usable {}: the memory budget is larger than that\n",
               readable_bytes(usable->bytes));
  if (!e.extrapolated) return;
  fmt::print("  EXTRAPOLATED: outside the range the law was fitted on in {}\n",
             outside_of_range(q.law.range, a.built->architecture));
  if (!a.in_range) {
    fmt::print("  nothing of the box in that range meets the budgets\n");
    return;
  }
  fmt::print("\nbest in that range: {}\n", in_words(a.in_range->architecture));
  print_costs(a.in_range->evaluation, q.scenario.workload);
}

void print_worth(const SearchedWorth& w, const std::optional<theory::Built>& built) {
  constexpr double agrees = 0.3;
  if (!w.loss) return;
  if (!built) {
    fmt::print("  10 % more {} makes a loss of {:.4f} possible\n", to_string(w.part), *w.loss);
    return;
  }
  const double gain = w.gain(built->evaluation.loss);
  if (gain == 0.0) {
    fmt::print("  10 % more {} lowers the loss by nothing\n", to_string(w.part));
    return;
  }
  const bool beside = std::abs(w.closed_form_gain - gain) <= agrees * gain;
  fmt::print("  10 % more {} lowers the loss by {:.2g} nats, to {:.4f}{}\n", to_string(w.part),
             gain, *w.loss,
             beside ? fmt::format(" (closed forms: by {:.2g})", w.closed_form_gain) : "");
}

std::string readable(Part part, double amount) {
  switch (part) {
    case Part::bandwidth:
      return readable_count(amount, "B/s");
    case Part::compute:
      return readable_count(amount, "FLOP/s");
    case Part::memory:
      break;
  }
  return readable_bytes(amount);
}

void print_reaches(const Question& q, const Answer& a) {
  const bool reached = a.built && a.built->evaluation.loss <= *q.target_loss;
  fmt::print("\na loss of {:g} {}, all else as it is:\n", *q.target_loss,
             reached ? "is reached; it takes only" : "is not reached; it takes");
  for (const Reach& r : a.reaches) {
    if (!r.built)
      fmt::print("  {:<9} no amount is enough: {}\n", to_string(r.part),
                 a.least_loss && *a.least_loss > *q.target_loss
                     ? fmt::format("the box ends at {:.4f}; --box widens it", *a.least_loss)
                     : "another budget holds it");
    else if (r.factor == 0.0)
      fmt::print("  {:<9} any amount\n", to_string(r.part));
    else
      fmt::print("  {:<9} {:.4g} times as much: {}, for {}\n", to_string(r.part), r.factor,
                 readable(r.part, r.factor * *amount_of(q, r.part)),
                 in_words(r.built->architecture));
  }
}

void print_regimes(const RegimeMap& map) {
  constexpr int column = 26;
  const auto times = [](double x) { return fmt::format("x {:g}", x); };
  fmt::print("\nwhat binds where compute (down) and bandwidth (across) are multiples\n  {:<7}", "");
  for (const double multiple : RegimeMap::multiples) fmt::print("{:<{}}", times(multiple), column);
  fmt::print("\n");
  for (std::size_t c = 0; c < map.cells.size(); ++c) {
    fmt::print("  {:<7}", times(RegimeMap::multiples[c]));
    for (const auto& cell : map.cells[c]) {
      const std::string held =
          cell.binding.empty() ? "box" : fmt::format("{}", fmt::join(cell.binding, "+"));
      fmt::print("{:<{}}",
                 cell.built ? fmt::format("{:.4f} {}", cell.built->evaluation.loss, held) : "none",
                 column);
    }
    fmt::print("\n");
  }
}

}  // namespace

void print_text(const Question& q, const Answer& a, bool published) {
  const auto& s = q.scenario;
  fmt::print("{} at {}, workload {}: batch {}, {} tokens in, {} out\nbudgets:", s.device.id,
             s.precision.id, s.workload.id, s.workload.batch, s.workload.input_tokens,
             s.workload.output_tokens);
  const char* separator = " ";
  for (const auto& limit : q.limits.finite()) {
    const bool memory = limit.objective == model::Objective::memory;
    fmt::print("{}{} {}", separator, to_string(limit.objective),
               memory ? readable_bytes(limit.bound) : readable_seconds(limit.bound));
    separator = ", ";
  }
  fmt::print("\n");
  if (a.built)
    print_built(q, a);
  else
    fmt::print("\nnothing to build: no architecture of the box meets the budgets{}{}\n",
               a.shortfall.empty() ? "" : "; ", a.shortfall);
  fmt::print("\nwhat more is worth, searched again on that chip\n");
  if (!a.built && std::none_of(a.worths.begin(), a.worths.end(), [](auto& w) { return w.loss; }))
    fmt::print("  10 % more of anything is not enough\n");
  for (const SearchedWorth& w : a.worths) print_worth(w, a.built);
  if (q.target_loss) print_reaches(q, a);
  if (a.regimes) print_regimes(*a.regimes);
  print_continuous(q, a.continuous, published);
  if (const auto note = efficiency_note(s); !note.empty()) fmt::print("note: {}\n", note);
}

}  // namespace rooflaw::app
