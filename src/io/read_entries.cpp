// The readers of single tables; see inputs/README.md for units and ranges of the keys.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "entry_keys.hpp"
#include "foreign_names.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/precision_penalty.hpp"

namespace rooflaw::io {

using model::ComputeType;

std::string read_id(format::TableReader& reader) { return reader.text("id").value_or("custom"); }

std::optional<model::Interval> read_interval(format::TableReader& reader, std::string_view key) {
  const toml::array* list = reader.array(key);
  if (list == nullptr) return std::nullopt;
  const auto low = list->size() == 2 ? (*list)[0].value<double>() : std::nullopt;
  const auto high = list->size() == 2 ? (*list)[1].value<double>() : std::nullopt;
  if (!low || !high || !(*low <= *high)) {
    reader.fault(key, "must be [low, high] with low <= high");
    return std::nullopt;
  }
  return model::Interval{*low, *high};
}

namespace {

constexpr const char* weight_classes[] = {"attention_weight_bytes", "ffn_weight_bytes",
                                          "head_bytes"};

constexpr format::NumberRule group_rule{2, true, 1e9, true,
                                        "must be a number of weights from 2 to 1e9"};

constexpr std::string_view compute_type_rule =
    "must be a compute type: fp32, fp16, bf16, int8, int4, fp8 or fp4";

std::optional<model::Band> read_band(format::TableReader& reader, std::string_view key) {
  const auto band = read_interval(reader, key);
  if (!band) return std::nullopt;
  if (!(band->lo > 0.0 && band->lo <= 1.0 && band->hi >= 1.0 && std::isfinite(band->hi)))
    reader.fault(key, "must be two factors of a time, from (0, 1] and from 1 on");
  return model::Band{band->lo, band->hi};
}

/// One of two words: is it `on`?
std::optional<bool> read_switch(format::TableReader& reader, std::string_view key,
                                std::string_view off, std::string_view on) {
  const auto from_name = [&](const std::string& name) -> std::optional<bool> {
    if (name == on) return true;
    if (name == off) return false;
    return std::nullopt;
  };
  const std::string rule = "must be \"" + std::string(off) + "\" or \"" + std::string(on) + "\"";
  return reader.word<bool>(key, from_name, rule, HintFrom{{off, on}});
}

model::FittedEngine read_switches(format::TableReader& reader) {
  return {.flash = read_switch(reader, "attention", "eager", "flash"),
          .query_heads = read_switch(reader, "kv_traffic", "kv_heads", "query_heads"),
          .mla_expanded = read_switch(reader, "mla", "absorbed", "expanded"),
          .elementwise =
              reader.word<model::Elementwise>("elementwise", model::elementwise_from,
                                              "must be \"separate\", \"fused\" or \"ignored\"",
                                              HintFrom{{"separate", "fused", "ignored"}})};
}

}  // namespace

model::Device read_device(format::TableReader& reader) {
  allow_description(reader);
  reader.allow({"memory_type", "tdp_w", "on_chip_memory_bytes", "measured_bandwidth",
                "measured_flops", "measured_source", "power_rail", "speeds",
                "held_out_decode_error", "held_out_prefill_error"});
  model::Device device;
  device.id = read_id(reader);
  device.confidence = reader.text("confidence").value_or("");
  device.kind = reader.text("kind").value_or("");
  device.engine = reader.text("engine").value_or("");
  device.memory_bytes = reader.number("memory_bytes", format::rules::bytes);
  // What the system leaves of another memory is not known.
  const auto& own = reader.table();
  const bool of_another = reader.behind() != nullptr && own.contains("memory_bytes") &&
                          !own.contains("usable_memory_bytes") &&
                          own["memory_bytes"].value<double>() !=
                              reader.behind()->table()["memory_bytes"].value<double>();
  if (!of_another)
    device.usable_memory_bytes = reader.number("usable_memory_bytes", format::rules::bytes);
  if (device.memory_bytes && device.usable_memory_bytes &&
      *device.usable_memory_bytes > *device.memory_bytes)
    reader.fault("usable_memory_bytes", "must not exceed memory_bytes");
  device.prefill_power_w = reader.number("prefill_power", format::rules::positive);
  device.decode_power_w = reader.number("decode_power", format::rules::positive);
  device.bandwidth_bytes_per_s = reader.required_number("bandwidth", format::rules::bandwidth);

  if (!reader.has("peak_flops")) reader.fault("peak_flops", "is missing");
  if (const toml::table* peaks = reader.sub_table("peak_flops")) {
    format::TableReader types(*peaks, reader.full_name("peak_flops"), reader.faults());
    for (const ComputeType type : model::all_compute_types)
      if (const auto flops = types.number(to_string(type), format::rules::compute_rate))
        device.peak_flops[type] = *flops;
    types.reject_unknown_keys();
    if (peaks->empty()) reader.fault("peak_flops", "must name at least one compute type");
  }
  if (const toml::table* all = reader.sub_table("efficiency")) {
    const std::string path = reader.full_name("efficiency");
    for (const auto& [precision, node] : *all) {
      const std::string name = path + "." + std::string(precision.str());
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        reader.faults().add(node, name, "must be a table");
        continue;
      }
      format::TableReader one(*table, name, reader.faults());
      model::Efficiency e;
      e.compute = one.number("compute", format::rules::efficiency).value_or(e.compute);
      e.attention = one.number("attention", format::rules::efficiency).value_or(e.compute);
      e.state = one.number("state", format::rules::efficiency);
      e.bandwidth = one.number("bandwidth", format::rules::efficiency).value_or(e.bandwidth);
      e.kv_bandwidth = one.number("kv_bandwidth", format::rules::efficiency).value_or(e.bandwidth);
      e.layer_overhead_s = one.number("layer_overhead", format::rules::non_negative_seconds)
                               .value_or(e.layer_overhead_s);
      e.pass_overhead_s = one.number("pass_overhead", format::rules::non_negative_seconds)
                              .value_or(e.pass_overhead_s);
      const auto basis = [&](const char* key) {
        return one.word<model::Basis>(key, model::basis_from,
                                      "must be \"ideal\", \"prior\" or \"measured\"",
                                      HintFrom{{"ideal", "prior", "measured"}});
      };
      const auto both = basis("basis").value_or(model::Basis::measured);
      const model::Trust trust{
          .prefill = {basis("prefill_basis").value_or(both), read_band(one, "prefill_band")},
          .decode = {basis("decode_basis").value_or(both), read_band(one, "decode_band")}};
      one.reject_unknown_keys();
      device.efficiencies[std::string(precision.str())] = e;
      device.trusts[std::string(precision.str())] = trust;
    }
  }
  if (const toml::table* fitted = reader.sub_table("fitted_engine")) {
    format::TableReader one(*fitted, reader.full_name("fitted_engine"), reader.faults());
    device.fitted_engine = read_switches(one);
    one.reject_unknown_keys();
  }
  return device;
}

namespace {

/// A number, or the name of a penalty that knows the model.
void read_loss_delta(format::TableReader& reader, model::Precision& p) {
  static const std::string rule =
      std::string(format::rules::finite.text) + ", or \"ptq\" or \"qat\"";
  const toml::node* node = reader.node("loss_delta");
  if (node != nullptr && node->is_string()) {
    p.penalty = reader.word<model::PenaltyKind>("loss_delta", model::penalty_kind_from, rule,
                                                HintFrom{{"ptq", "qat"}});
    if (p.penalty && !applies(*p.penalty, p))
      reader.fault("loss_delta", fmt::format("the formulas are of {}", scope_of(*p.penalty)));
  } else {
    p.loss_delta = reader.number("loss_delta", format::rules::finite).value_or(0.0);
  }
  p.loss_delta_uncertainty = reader.number("loss_delta_uncertainty", format::rules::non_negative);
}

}  // namespace

model::Precision read_precision(format::TableReader& reader) {
  allow_description(reader);
  reader.allow({"loss_delta_source"});
  model::Precision p;
  const auto& bytes = format::rules::bytes_per_element;
  p.id = read_id(reader);
  p.weight_bytes = reader.required_number("weight_bytes", bytes);
  // Changing it alone, where every class of the entry has bytes of its own, would change nothing.
  if (const auto* entry = reader.behind();
      entry != nullptr && reader.table().contains("weight_bytes") &&
      reader.table()["weight_bytes"].value<double>() !=
          entry->table()["weight_bytes"].value<double>() &&
      std::all_of(std::begin(weight_classes), std::end(weight_classes), [&](const char* key) {
        return entry->has(key) && !reader.table().contains(key);
      }))
    reader.fault("weight_bytes",
                 "has no effect: attention_weight_bytes, ffn_weight_bytes and head_bytes rule");
  p.attention_weight_bytes =
      reader.number("attention_weight_bytes", bytes).value_or(p.weight_bytes);
  p.ffn_weight_bytes = reader.number("ffn_weight_bytes", bytes).value_or(p.weight_bytes);
  p.activation_bytes = reader.required_number("activation_bytes", bytes);
  p.kv_bytes = reader.required_number("kv_bytes", bytes);
  p.input_bytes = reader.number("input_bytes", bytes).value_or(p.activation_bytes);
  p.head_bytes = reader.number("head_bytes", bytes).value_or(p.weight_bytes);
  p.embedding_bytes = reader.number("embedding_bytes", bytes).value_or(p.head_bytes);
  if (!reader.has("matmul")) reader.fault("matmul", "is missing");
  const HintFrom hint{compute_type_names()};
  p.matmul = reader.word<ComputeType>("matmul", model::compute_type_from, compute_type_rule, hint)
                 .value_or(p.matmul);
  p.attention =
      reader.word<ComputeType>("attention", model::compute_type_from, compute_type_rule, hint)
          .value_or(p.attention);
  p.group_size = reader.number("group_size", group_rule);
  read_loss_delta(reader, p);
  return p;
}

model::Limits read_limits(format::TableReader& reader) {
  model::Limits limits;
  for (const auto& objective : model::objectives())
    if (!objective.limit_key.empty())
      if (const auto bound = reader.number(objective.limit_key, format::rules::seconds))
        limits.set(objective.objective, *bound);
  return limits;
}

WorkloadEntry read_workload(format::TableReader& reader) {
  allow_description(reader);
  WorkloadEntry entry;
  entry.workload.id = read_id(reader);
  entry.workload.batch = reader.required_integer("batch", 1);
  entry.workload.input_tokens = reader.required_integer("input_tokens", 0);
  entry.workload.output_tokens = reader.required_integer("output_tokens", 0);
  entry.limits = read_limits(reader);
  return entry;
}

model::Engine read_engine(format::TableReader& reader) {
  const model::FittedEngine given = read_switches(reader);
  model::Engine engine;
  engine.flash = given.flash.value_or(engine.flash);
  engine.causal = reader.boolean("causal").value_or(engine.causal);
  engine.lm_head = reader.boolean("lm_head").value_or(engine.lm_head);
  engine.query_heads = given.query_heads.value_or(engine.query_heads);
  engine.mla_expanded = given.mla_expanded.value_or(engine.mla_expanded);
  engine.prefill_chunk = reader.integer("prefill_chunk", 0).value_or(engine.prefill_chunk);
  engine.full_window_cache =
      read_switch(reader, "window_cache", "trimmed", "full").value_or(engine.full_window_cache);
  engine.elementwise = given.elementwise.value_or(engine.elementwise);
  reader.reject_unknown_keys();
  return engine;
}

ModelEntry read_model(format::TableReader& reader) {
  allow_description(reader);
  reader.allow({"published_params_exact", "published_params_active", "perplexity_wikitext2",
                "perplexity_source", "perplexity_notes", "training_tokens"});
  ModelEntry entry;
  entry.id = read_id(reader);
  entry.name = reader.text("name").value_or(entry.id);
  entry.not_expressible = reader.text("not_expressible").value_or("");
  entry.published_params = reader.number("published_params", format::rules::positive);
  entry.architecture = read_architecture(reader);
  return entry;
}

}  // namespace rooflaw::io
