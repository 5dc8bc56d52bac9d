// The readers of single tables; see inputs/README.md for units and ranges of the keys.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "foreign_names.hpp"
#include "law_form_reader.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/precision_penalty.hpp"

namespace rooflaw::io {

using model::ComputeType;

std::string read_id(format::TableReader& reader) { return reader.text("id").value_or("custom"); }

namespace {

/// Keys that describe an entry and take no part in any formula.
void allow_description(format::TableReader& reader) {
  reader.allow({"id", "name", "vendor", "source", "confidence", "checked", "notes"});
}

constexpr const char* weight_classes[] = {"attention_weight_bytes", "ffn_weight_bytes",
                                          "head_bytes"};

constexpr format::NumberRule group_rule{2, true, 1e9, true,
                                        "must be a number of weights from 2 to 1e9"};

constexpr std::string_view compute_type_rule =
    "must be a compute type: fp32, fp16, bf16, int8, int4, fp8 or fp4";

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

namespace {

/// A list of which every element satisfies `read` (which returns nullopt for one that does not).
template <class T, class Read>
std::optional<std::vector<T>> read_list(format::TableReader& reader, std::string_view key,
                                        const std::string& rule, Read read) {
  const toml::array* list = reader.array(key);
  if (list == nullptr) return std::nullopt;
  std::vector<T> values;
  for (const toml::node& node : *list) {
    const std::optional<T> value = read(node);
    if (value)
      values.push_back(*value);
    else
      reader.faults().add(node, reader.full_name(key), rule);
  }
  return values;
}

model::LawRange read_range(format::TableReader& reader) {
  using Pair = std::pair<std::int64_t, std::int64_t>;
  model::LawRange range;
  range.layers = read_interval(reader, "layers");
  range.width = read_interval(reader, "width");
  range.shared_ffn = read_interval(reader, "shared_ffn");
  range.ffn_ratio = read_interval(reader, "ffn_ratio");
  range.activation_rate = read_interval(reader, "activation_rate");
  range.kv_dim = read_interval(reader, "kv_dim");
  range.experts_top_k = read_list<Pair>(reader, "experts_top_k", "must be pairs [experts, top_k]",
                                        [](const toml::node& node) -> std::optional<Pair> {
                                          const toml::array* pair = node.as_array();
                                          if (pair == nullptr || pair->size() != 2)
                                            return std::nullopt;
                                          const auto experts = (*pair)[0].value<std::int64_t>();
                                          const auto top_k = (*pair)[1].value<std::int64_t>();
                                          if (!experts || !top_k) return std::nullopt;
                                          return Pair{*experts, *top_k};
                                        });
  range.kv_heads =
      read_list<std::int64_t>(reader, "kv_heads", "must be whole numbers >= 1 or \"heads\"",
                              [](const toml::node& node) -> std::optional<std::int64_t> {
                                if (node.value<std::string>() == "heads") return model::all_heads;
                                const auto n = node.value<std::int64_t>();
                                return n && *n >= 1 ? n : std::nullopt;
                              });
  const auto kind = [](auto from_name) {
    return [from_name](const toml::node& node) {
      return from_name(node.value<std::string>().value_or(""));
    };
  };
  range.attention = read_list<model::AttentionKind>(
      reader, "attention", "must be \"gqa\" or \"mla\"",
      kind(law_knows<model::AttentionKind>(model::attention_kind_from)));
  range.ffn = read_list<model::FfnKind>(reader, "ffn", "must be \"gated\" or \"plain\"",
                                        kind(law_knows<model::FfnKind>(model::ffn_kind_from)));
  reader.reject_unknown_keys();
  return range;
}

const format::NumberRule& rule_of(model::CoefficientKind kind) {
  using enum model::CoefficientKind;
  if (kind == factor) return format::rules::signed_number;
  return kind == exponent ? format::rules::signed_exponent : format::rules::non_negative;
}

/// A term is there as a whole or not at all; alpha_r is in two of them.
void read_coefficients(format::TableReader& reader, model::Law& law) {
  bool any_term = false;
  for (const auto& c : model::law_coefficients<>) {
    law.*c.member = reader.number(c.name, rule_of(c.kind)).value_or(0.0);
    if (c.kind == model::CoefficientKind::factor) {
      any_term = any_term || (reader.has(c.name) && c.name != "kappa_t");
    } else if (c.kind == model::CoefficientKind::constant) {
      if (!reader.has(c.name)) reader.fault(c.name, "is missing");
    } else {
      const bool in_term = c.factor.empty() ? reader.has("kappa_rho") || reader.has("kappa_d")
                                            : reader.has(c.factor);
      if (in_term && !reader.has(c.name)) reader.fault(c.name, "is missing");
      if (!in_term && reader.has(c.name))
        reader.fault(c.name, fmt::format("goes with {}, which is missing",
                                         c.factor.empty() ? "kappa_rho or kappa_d" : c.factor));
    }
  }
  if (!any_term)
    reader.fault("kappa_l",
                 "is missing, and so are kappa_rho, kappa_d, kappa_m and kappa_p: a law "
                 "needs a term in the shape of a model");
}

/// Vectors of coefficients; those that are not listed are the law's own.
std::vector<model::LawCoefficients<double>> read_resamples(format::TableReader& reader,
                                                           const model::Law& law) {
  using Coefficients = model::LawCoefficients<double>;
  const auto names = read_list<const model::LawCoefficient<double>*>(
      reader, "coefficients", "must be names of coefficients: kappa_l, alpha_l, ...",
      [](const toml::node& node) -> std::optional<const model::LawCoefficient<double>*> {
        for (const auto& c : model::law_coefficients<>)
          if (node.value<std::string>() == c.name) return &c;
        return std::nullopt;
      });
  const toml::array* listed = reader.array("coefficients");
  const std::size_t length = listed == nullptr ? 0 : listed->size();
  if (length == 0) reader.fault("coefficients", "must list the names of coefficients");
  if (length == 0 || names->size() != length) {
    reader.allow({"vectors"});
    return {};
  }
  const auto vectors = read_list<Coefficients>(
      reader, "vectors", fmt::format("must be {} numbers that the coefficients can be", length),
      [&](const toml::node& node) -> std::optional<Coefficients> {
        const toml::array* list = node.as_array();
        if (list == nullptr || list->size() != length) return std::nullopt;
        Coefficients vector = law;
        for (std::size_t i = 0; i < length; ++i) {
          const auto x = (*list)[i].value<double>();
          const auto& c = *(*names)[i];
          if (!x || !rule_of(c.kind).holds(*x)) return std::nullopt;
          vector.*c.member = *x;
        }
        return vector;
      });
  constexpr std::size_t most = 10000;
  const toml::array* all = reader.array("vectors");
  if (all == nullptr || all->empty() || all->size() > most)
    reader.fault("vectors", fmt::format("must be from 1 to {} lists", most));
  reader.reject_unknown_keys();
  return vectors.value_or(std::vector<Coefficients>{});
}

}  // namespace

model::Law read_law(format::TableReader& reader) {
  allow_description(reader);
  reader.allow({"r2_train", "r2_held_out", "runs", "tokens_per_run", "fit"});
  model::Law law;
  law.id = read_id(reader);
  const auto form = read_law_form(reader);
  law.form = form.value_or(std::monostate{});
  const bool is_sum = form && std::holds_alternative<std::monostate>(*form);
  if (is_sum) read_coefficients(reader, law);
  law.tokens = reader.number("tokens", format::rules::at_least_one).value_or(model::usual_tokens);
  if (const toml::table* range = reader.sub_table("range")) {
    format::TableReader range_reader(*range, reader.full_name("range"), reader.faults());
    law.range = read_range(range_reader);
  }
  if (!is_sum) {
    if (form && reader.has("resamples"))
      reader.fault("resamples", "goes with a law that has no form of its own");
    reader.allow({"resamples"});
  } else if (const toml::table* resamples = reader.sub_table("resamples")) {
    format::TableReader vectors(*resamples, reader.full_name("resamples"), reader.faults());
    law.resamples = read_resamples(vectors, law);
  }
  return law;
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
