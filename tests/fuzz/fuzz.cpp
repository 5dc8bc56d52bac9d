#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>

#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr std::array kept = {"jetson-agx-orin-64gb",
                             "jetson-orin-nano-super-8gb",
                             "qwen2.5-0.5b",
                             "gpt-oss-20b",
                             "fp16",
                             "int8",
                             "fp8",
                             "q4_k_m",
                             "f16",
                             "q4_k-medium",
                             "q2_k",
                             "vla",
                             "silo"};

constexpr std::string_view chips = R"([[device]]
id = "a"
memory_bytes = 8e9
bandwidth = 1e11
peak_flops = {fp16 = 1e12}
[[device]]
id = "b"
bandwidth = 1e11
peak_flops = {fp32 = 1e12, int8 = 1e13}
efficiency = {"*" = {compute = 0.5, layer_overhead = 1e-5}}
)";

bool is_kept(const toml::node& entry) {
  const auto id = (*entry.as_table())["id"].value_or(std::string_view());
  return std::find(kept.begin(), kept.end(), id) != kept.end();
}

std::map<std::string, std::string> part_of_inputs() {
  io::SourceFiles disk;
  const std::string folder = io::inputs_folder();
  std::map<std::string, std::string> texts{{"chips.toml", std::string(chips)}};
  const std::string law = folder + "/laws/codesign-2026.toml";
  texts[law] = disk.read(law);
  for (const char* kind : {"device", "model", "precision", "workload", "quantisation"}) {
    const std::string path = folder + "/" + kind + "s.toml";
    toml::table table = format::parse_toml(disk.read(path), path);
    toml::array& entries = *table[kind].as_array();
    for (std::size_t i = entries.size(); i-- > 0;)
      if (!is_kept(entries[i])) entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
    texts[path] = format::to_text(table);
    // Whole tables are read by this name.
    texts[fs::absolute(path).lexically_normal().string()] = texts[path];
  }
  return texts;
}

}  // namespace

io::SourceFiles sources(const std::string& path, const std::string& text) {
  static const auto inputs = part_of_inputs();
  auto texts = inputs;
  texts[path] = text;
  return io::SourceFiles::in_memory(std::move(texts));
}

void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "BROKEN RULE: %s\n", rule);
  std::abort();
}

void require_sound(const model::Evaluation& e, const model::Scenario& scenario) {
  const auto amount = [](double x) { return std::isfinite(x) && x >= 0; };
  require(std::isfinite(e.loss) == e.has_loss, "the loss is finite where the law has an opinion");
  require(e.perplexity > 0 || e.loss < -700 || !e.has_loss, "the perplexity is positive");
  require(std::isfinite(e.perplexity) || e.loss > 709 || !e.has_loss, "the perplexity is finite");
  for (const double term : {e.terms.depth, e.terms.sparsity, e.terms.capacity, e.terms.kv})
    require(amount(term), "the terms of the loss are finite and not negative");
  const auto& workload = scenario.workload;
  for (const auto* phase : {&e.prefill, &e.decode}) {
    require(amount(phase->seconds), "times are finite and not negative");
    require(phase->compute_share >= 0 && phase->compute_share <= 1 + 1e-9, "compute share");
    require(phase->bandwidth_share >= -1e-9 && phase->bandwidth_share <= 1 + 1e-9,
            "bandwidth share");
  }
  require((e.prefill.seconds > 0) == (workload.input_tokens > 0), "prefill of a prompt takes time");
  require((e.decode.seconds > 0) == (workload.output_tokens > 0), "decode of tokens takes time");
  require(amount(e.total_s), "the total is finite");
  require(std::isnan(e.tpot_s) == (workload.output_tokens == 0), "tpot where there is output");
  require(amount(e.memory.weights) && amount(e.memory.kv) && amount(e.memory.workspace),
          "memory is finite");
  require(amount(e.params_total) && e.params_active <= e.params_total * (1 + 1e-9),
          "active parameters are some of all");
}

}  // namespace rooflaw::fuzz
