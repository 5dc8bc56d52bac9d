#include <cmath>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/evaluation_json.hpp"
#include "rooflaw/io/case_file.hpp"
#include "rooflaw/io/file_purpose.hpp"
#include "rooflaw/model/capacity.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
using model::Operator;
using model::Phase;

namespace {

const std::string evaluate_usage =
    "evaluate CASE.toml|config.json [--model ID] [--device ID] [--precision ID] [--workload ID] "
    "[--law ID] [--json] [--operators]";

/// An operator of a pass and how often it runs.
struct OperatorLine {
  std::string name;
  Operator<double> op;
  double times = 1;
};

std::vector<OperatorLine> lines_of(const io::Case& c, const model::Pass& pass) {
  const auto& a = c.architecture;
  std::vector<OperatorLine> lines;
  std::size_t group_number = 0;
  for_each_group(a, [&](const model::Layers& group) {
    ++group_number;
    for (const auto& op : layer_operators(group, a.width, c.scenario, pass)) {
      const std::string name(to_string(op.kind));
      lines.push_back({a.further.empty() ? name : fmt::format("{} {}", group_number, name), op,
                       static_cast<double>(group.layers)});
    }
  });
  if (const auto head = head_operator(a, c.scenario))
    lines.push_back({std::string(to_string(head->kind)), *head});
  return lines;
}

/// One pass as a table: every operator of all layers, the output projection, the overhead.
void print_pass(const io::Case& c, const std::string& title, const model::Pass& pass) {
  const auto& s = c.scenario;
  const auto lines = lines_of(c, pass);
  const double overhead =
      static_cast<double>(model::depth(c.architecture)) * s.rates.layer_overhead_s +
      s.rates.pass_overhead_s;
  double total = overhead;
  for (const auto& line : lines)
    total += line.times * model::operator_time(line.op, s.rates).seconds;

  fmt::print("\n{}\n  {:<13} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}  {:<9} {:>6}\n", title,
             "operator", "type", "FLOP", "bytes", "KV bytes", "FLOP/B", "time", "bound", "share");
  for (const auto& [name, op, n] : lines) {
    const double seconds = model::operator_time(op, s.rates).seconds;
    const bool compute = compute_time(op, s.rates) >= memory_time(op, s.rates);
    const double bytes = op.bytes + op.kv_bytes;
    fmt::print("  {:<13} {:>5} {:>10} {:>12} {:>12} {:>9.4g} {:>12}  {:<9} {:>5.1f}%\n", name,
               compute_type(op, s), readable_count(n * op.flops), readable_bytes(n * op.bytes),
               readable_bytes(n * op.kv_bytes), bytes > 0 ? op.flops / bytes : 0.0,
               readable_seconds(n * seconds), compute ? "compute" : "bandwidth",
               100.0 * n * seconds / total);
  }
  if (overhead > 0)
    fmt::print("  {:<13} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}  {:<9} {:>5.1f}%\n", "overhead",
               "", "", "", "", "", readable_seconds(overhead), "", 100.0 * overhead / total);
  fmt::print("  {:<13} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}\n", "pass", "", "", "", "", "",
             readable_seconds(total));
}

std::string mixer_text(const model::Layers& g) {
  switch (g.attention) {
    case model::AttentionKind::gqa:
      return fmt::format("{} heads of {}, {} KV head{}{}", g.heads, g.head_dim, g.kv_heads,
                         g.kv_heads == 1 ? "" : "s",
                         g.window > 0 ? fmt::format(", window {}", g.window) : "");
    case model::AttentionKind::mla:
      return fmt::format("{} heads, MLA rank {}", g.heads, g.mla.kv_lora_rank);
    case model::AttentionKind::recurrent:
      return fmt::format("recurrent mixer of width {}", g.recurrent.mixer_width);
    case model::AttentionKind::none:
      break;
  }
  return "no mixer";
}

std::string ffn_text(const model::Layers& g) {
  if (g.ffn == model::FfnKind::none) return "no FFN";
  std::string text = fmt::format("FFN {} ({})", g.expert_ffn, to_string(g.ffn));
  if (g.experts > 1) text += fmt::format(", {} of {} experts", g.top_k, g.experts);
  if (g.shared_ffn > 0) text += fmt::format(", shared FFN {}", g.shared_ffn);
  return text;
}

void print_architecture(const model::Architecture& a) {
  fmt::print("width {}, vocabulary {}{}{}\n", a.width, a.vocab, a.tied ? ", tied" : ", not tied",
             a.positions > 0 ? fmt::format(", {} positions", a.positions) : "");
  for_each_group(a, [](const model::Layers& g) {
    fmt::print("{} layer{}: {}; {}\n", g.layers, g.layers == 1 ? "" : "s", mixer_text(g),
               ffn_text(g));
  });
}

void print_terms(const io::Case& c, const model::Evaluation& e) {
  if (e.joint_moe) {
    fmt::print("  active parameters {:.4f} + tokens {:.4f} + limit {:.4f}", e.joint_moe->size,
               e.joint_moe->tokens, e.joint_moe->constant);
  } else {
    fmt::print("  depth {:.4f} + sparsity {:.4f} + capacity {:.4f} + KV {:.4f} + limit {:.4f}",
               e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv, c.law.l_inf);
    if (c.law.kappa_t != 0.0) fmt::print(" + tokens {:.4f}", law_constant(c.law) - c.law.l_inf);
    if (c.law.kappa_p != 0.0) fmt::print(" + parameters {:.4f}", e.terms.parameters);
  }
  fmt::print(" + precision {:.4f}\n", e.loss_delta);
}

void print_loss(const io::Case& c, const model::Evaluation& e) {
  const std::string outside = e.extrapolated
                                  ? "  EXTRAPOLATED: outside the range the law was fitted on in " +
                                        outside_of_range(c.law.range, c.architecture)
                                  : "";
  if (!std::isnan(e.loss_multiplier)) {
    fmt::print("loss         {:>14}  multiplied by {:.6f}, at fixed depth and size only{}\n",
               "unknown", e.loss_multiplier, outside);
    return;
  }
  if (!e.has_loss) {
    fmt::print("loss         {:>14}  the law has no opinion on layers without attention or FFN\n",
               "unknown");
    return;
  }
  fmt::print("loss         {:>14.6f}  nats per token, perplexity {:.4f}{}\n", e.loss, e.perplexity,
             outside);
  print_terms(c, e);
  const auto band = loss_band(c.law, e, c.scenario.precision);
  if (std::isnan(band.low))
    fmt::print("  how sure this is, is not known: the law brings no resamples\n");
  else
    fmt::print("  between {:.4f} and {:.4f} by the uncertainty of {}\n", band.low, band.high,
               c.law.resamples.empty() ? "the precision; that of the law is unknown"
                                       : "law and precision");
}

/// What the format costs by functions of the model, beside the constant of the loss.
void print_penalties(const io::Case& c, const model::Evaluation& e) {
  const auto print = [&](model::PenaltyKind kind, const std::optional<model::Penalty>& penalty) {
    if (!penalty) return;
    fmt::print("penalty {:<4} {:>14.6f}  nats at {:g} tokens", to_string(kind), penalty->value,
               c.law.tokens);
    if (!std::isnan(penalty->low)) fmt::print(", {:.4f} .. {:.4f}", penalty->low, penalty->high);
    if (penalty->extrapolated) fmt::print("  EXTRAPOLATED: fitted on {}", fitted_on(kind));
    fmt::print("\n");
  };
  print(model::PenaltyKind::ptq, e.ptq);
  print(model::PenaltyKind::qat, e.qat);
}

/// Every limit that is missed, and what of the memory is left.
void print_limits(const io::Case& c, const model::Evaluation& e) {
  const auto& s = c.scenario;
  if (const auto usable = usable_memory(s.device)) {
    const double share = e.memory.total() / usable->bytes;
    fmt::print("  {} the {} that {}: {:.1f} % {}\n", share <= 1.0 ? "fits" : "DOES NOT FIT",
               readable_bytes(usable->bytes),
               usable->assumed ? "is assumed to be usable" : "is usable",
               100.0 * std::abs(1.0 - share), share <= 1.0 ? "left" : "too much");
    const auto most = [](std::int64_t count) {
      return count >= model::most_tokens ? fmt::format("more than {}", count)
                                         : fmt::format("{}", count);
    };
    const auto prompt = model::largest_input_tokens(c.architecture, s, usable->bytes);
    const auto batch = model::largest_batch(c.architecture, s, usable->bytes);
    if (prompt > 0 || batch > 0)
      fmt::print("  there fit prompts of {} tokens, or batches of {}\n", most(prompt), most(batch));
  }
  for (const auto& limit : weighted_limits(c.limits, s)) {
    const double amount = weighted(limit.weights, e.costs());
    if (!(amount <= limit.bound))
      fmt::print("  MISSES the workload's {} limit of {}: {}\n", to_string(limit.objective),
                 readable_seconds(limit.bound), readable_seconds(amount));
  }
}

void print_summary(const io::Case& c, const model::Evaluation& e) {
  const auto& s = c.scenario;
  if (!c.model.empty()) fmt::print("{}: ", c.model);
  print_architecture(c.architecture);
  fmt::print("{} at {}, workload {}: batch {}, {} tokens in, {} out\n\n", s.device.id,
             s.precision.id, s.workload.id, s.workload.batch, s.workload.input_tokens,
             s.workload.output_tokens);
  fmt::print("parameters   {:>14}  active {}\n", readable_count(e.params_total),
             readable_count(e.params_active));
  print_loss(c, e);
  print_penalties(c, e);
  const auto phase = [](const char* name, const model::PhaseResult& p) {
    fmt::print("{:<12} {:>14}  {:.0f} % compute-bound, {:.0f} % bandwidth-bound\n", name,
               readable_seconds(p.seconds), 100 * p.compute_share, 100 * p.bandwidth_share);
  };
  phase("prefill", e.prefill);
  phase("decode", e.decode);
  if (s.workload.output_tokens > 0)
    fmt::print("per token    {:>14}  {:.4g} tokens per second\n", readable_seconds(e.tpot_s),
               static_cast<double>(s.workload.batch) / e.tpot_s);
  fmt::print("total        {:>14}", readable_seconds(e.total_s));
  if (const auto band = time_band(model::Objective::total, e, s); !std::isnan(band.low))
    fmt::print("  measured in nine of ten {} .. {}", readable_seconds(band.low),
               readable_seconds(band.high));
  fmt::print("\n");
  fmt::print("memory       {:>14}  weights {}, KV {}, workspace {}",
             readable_bytes(e.memory.total()), readable_bytes(e.memory.weights),
             readable_bytes(e.memory.kv), readable_bytes(e.memory.workspace));
  fmt::print("\n");
  fmt::print("download     {:>11.4g} GB  of weights\n", e.memory.weights / 1e9);
  if (!std::isnan(e.energy_j)) fmt::print("energy       {:>12.4g} J\n", e.energy_j);
  print_limits(c, e);
  for (const auto& note : notes_on(c)) fmt::print("note: {}\n", note);
}

}  // namespace

ExitCode evaluate_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("model", po::value<std::string>(),
                        "id, file or config.json: instead of that of the case")(
      "device", po::value<std::string>(), "id or file")("precision", po::value<std::string>(),
                                                        "id or file")(
      "workload", po::value<std::string>(), "id or file")("law", po::value<std::string>(),
                                                          "id or file; default: codesign-2026")(
      "json", po::bool_switch(), "print one JSON object, numbers in full")(
      "operators", po::bool_switch(), "print only the operator tables");
  const auto values = parse_arguments(
      arguments, evaluate_usage,
      "Loss, latencies and memory of one architecture on one device, and what bounds each "
      "operator.\nA config.json of Hugging Face is a model; a case may be left out if the options "
      "give all of it.\nExample: rooflaw evaluate --model qwen3-0.6b --device rk3588 --precision "
      "w4a16 --workload vla",
      options, {"CASE.toml"});
  if (!values) return ExitCode::done;
  const auto choice = [&](const char* option) -> std::optional<std::string> {
    if (values->count(option) == 0) return std::nullopt;
    return (*values)[option].as<std::string>();
  };
  io::SourceFiles files;
  const io::Case c = io::read_case(files, choice("CASE.toml").value_or(""),
                                   {.model = choice("model"),
                                    .device = choice("device"),
                                    .precision = choice("precision"),
                                    .workload = choice("workload"),
                                    .law = choice("law")});
  const auto e = model::evaluate(c.law, c.architecture, c.scenario);
  if ((*values)["json"].as<bool>()) {
    fmt::print("{}\n", evaluation_json(c, e).dump(2));
    return ExitCode::done;
  }
  if (!(*values)["operators"].as<bool>()) print_summary(c, e);
  const auto& s = c.scenario;
  if (s.workload.input_tokens > 0) {
    const double n = model::passes(s, Phase::prefill);
    print_pass(c, n == 1.0 ? "prefill, one pass" : fmt::format("prefill, the last of {} passes", n),
               model::prefill_pass(s.workload, s.engine, n));
  }
  if (s.workload.output_tokens > 0)
    print_pass(c, "decode, first step", model::decode_pass(s.workload, 1.0));
  return ExitCode::done;
}

}  // namespace rooflaw::app
