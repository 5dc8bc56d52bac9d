#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/evaluation_json.hpp"
#include "rooflaw/io/case_file.hpp"
#include "rooflaw/io/file_purpose.hpp"
#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
using model::Phase;

namespace {

const std::string usage = "evaluate CASE.toml [--json] [--operators]";

/// One pass as a table: every operator of all layers, the output projection, the overhead.
void print_pass(const io::Case& c, const char* title, Phase phase) {
  const auto& s = c.scenario;
  const auto layers = static_cast<double>(c.architecture.layers);
  auto ops = layer_operators(c.architecture, s, model::first_pass(s, phase));
  const std::size_t per_layer = ops.size();
  if (const auto head = head_operator(c.architecture, s)) ops.push_back(*head);
  const auto times = [&](std::size_t i) { return i < per_layer ? layers : 1.0; };
  const double overhead = layers * s.rates.layer_overhead_s;
  double total = overhead;
  for (std::size_t i = 0; i < ops.size(); ++i)
    total += times(i) * model::operator_time(ops[i], s.rates).seconds;

  fmt::print("\n{}\n  {:<10} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}  {:<9} {:>6}\n", title,
             "operator", "type", "FLOP", "bytes", "KV bytes", "FLOP/B", "time", "bound", "share");
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto& op = ops[i];
    const double n = times(i);
    const double seconds = model::operator_time(op, s.rates).seconds;
    const bool compute = compute_time(op, s.rates) >= memory_time(op, s.rates);
    const double bytes = op.bytes + op.kv_bytes;
    fmt::print("  {:<10} {:>5} {:>10} {:>12} {:>12} {:>9.4g} {:>12}  {:<9} {:>5.1f}%\n",
               to_string(op.kind), compute_type(op, s), readable_count(n * op.flops),
               readable_bytes(n * op.bytes), readable_bytes(n * op.kv_bytes),
               bytes > 0 ? op.flops / bytes : 0.0, readable_seconds(n * seconds),
               compute ? "compute" : "bandwidth", 100.0 * n * seconds / total);
  }
  if (overhead > 0)
    fmt::print("  {:<10} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}  {:<9} {:>5.1f}%\n", "overhead",
               "", "", "", "", "", readable_seconds(overhead), "", 100.0 * overhead / total);
  fmt::print("  {:<10} {:>5} {:>10} {:>12} {:>12} {:>9} {:>12}\n", "pass", "", "", "", "", "",
             readable_seconds(total));
}

void print_summary(const io::Case& c, const model::Evaluation& e) {
  const auto& a = c.architecture;
  const auto& s = c.scenario;
  fmt::print("{} layers, width {}, {} heads, {}, FFN {} ({}), {} of {} experts{}\n", a.layers,
             a.width, a.heads,
             a.attention == model::AttentionKind::mla
                 ? fmt::format("MLA rank {}", a.mla.kv_lora_rank)
                 : fmt::format("{} KV heads", a.kv_heads),
             a.expert_ffn, to_string(a.ffn), a.top_k, a.experts,
             a.shared_ffn > 0 ? fmt::format(", shared FFN {}", a.shared_ffn) : "");
  fmt::print("{} at {}, workload {}: batch {}, {} tokens in, {} out\n\n", s.device.id,
             s.precision.id, s.workload.id, s.workload.batch, s.workload.input_tokens,
             s.workload.output_tokens);
  fmt::print("parameters   {:>14}  active {}\n", readable_count(e.params_total),
             readable_count(e.params_active));
  fmt::print("loss         {:>14.6f}  nats per token, perplexity {:.4f}{}\n", e.loss, e.perplexity,
             e.extrapolated ? "  EXTRAPOLATED: outside the range the law was fitted on" : "");
  fmt::print("  depth {:.4f} + sparsity {:.4f} + capacity {:.4f} + KV {:.4f} + limit {:.4f}",
             e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv, law_constant(c.law));
  fmt::print(" + precision {:.4f}\n", s.precision.loss_delta);
  const auto phase = [](const char* name, const model::PhaseResult& p) {
    fmt::print("{:<12} {:>14}  {:.0f} % compute-bound, {:.0f} % bandwidth-bound\n", name,
               readable_seconds(p.seconds), 100 * p.compute_share, 100 * p.bandwidth_share);
  };
  phase("prefill", e.prefill);
  phase("decode", e.decode);
  if (s.workload.output_tokens > 0)
    fmt::print("per token    {:>14}  {:.4g} tokens per second\n", readable_seconds(e.tpot_s),
               static_cast<double>(s.workload.batch) / e.tpot_s);
  fmt::print("total        {:>14}\n", readable_seconds(e.total_s));
  fmt::print("memory       {:>14}  weights {}, KV {}, workspace {}",
             readable_bytes(e.memory.total()), readable_bytes(e.memory.weights),
             readable_bytes(e.memory.kv), readable_bytes(e.memory.workspace));
  if (s.device.memory_bytes)
    fmt::print("; {} the device's {}",
               e.memory.total() <= *s.device.memory_bytes ? "fits" : "DOES NOT FIT",
               readable_bytes(*s.device.memory_bytes));
  fmt::print("\n");
  if (!s.calibrated)
    fmt::print(
        "note: efficiencies of this device are not calibrated; times are the data-sheet "
        "roofline, a lower bound\n");
  if (s.device.confidence == "estimate")
    fmt::print("note: the numbers of this device are estimates\n");
  if (s.attention_type != s.precision.attention)
    fmt::print("note: the device has no {} arithmetic; attention runs in {}\n",
               to_string(s.precision.attention), to_string(s.attention_type));
}

}  // namespace

ExitCode evaluate_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("json", po::bool_switch(), "print one JSON object, numbers in full")(
      "operators", po::bool_switch(), "print only the operator tables");
  const auto values = parse_arguments(
      arguments, usage,
      "Loss, latencies and memory of one architecture on one device, and what bounds each "
      "operator.",
      options, {"CASE.toml"});
  if (!values) return ExitCode::done;
  io::SourceFiles files;
  const std::string path = required(*values, "CASE.toml", usage);
  io::require_case(format::parse_toml(files.read(path), path));
  const io::Case c = io::read_case(files, path);
  const auto e = model::evaluate(c.law, c.architecture, c.scenario);
  if ((*values)["json"].as<bool>()) {
    fmt::print("{}\n", evaluation_json(c, e).dump(2));
    return ExitCode::done;
  }
  if (!(*values)["operators"].as<bool>()) print_summary(c, e);
  if (c.scenario.workload.input_tokens > 0) print_pass(c, "prefill, one pass", Phase::prefill);
  if (c.scenario.workload.output_tokens > 0) print_pass(c, "decode, first step", Phase::decode);
  return ExitCode::done;
}

}  // namespace rooflaw::app
