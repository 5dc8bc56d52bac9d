// The shape of a model: groups of layers, each a mixer and an FFN.
#include <fmt/format.h>

#include "foreign_names.hpp"
#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {

namespace {

constexpr std::int64_t most_weights = 1'000'000'000'000'000;  // of one layer's mixer

}  // namespace

model::MlaRanks read_mla_ranks(format::TableReader& reader) {
  return {.kv_lora_rank = reader.required_integer("kv_lora_rank", 1),
          .q_lora_rank = reader.integer("q_lora_rank", 0).value_or(0),
          .qk_nope_head_dim = reader.required_integer("qk_nope_head_dim", 1),
          .qk_rope_head_dim = reader.required_integer("qk_rope_head_dim", 1),
          .v_head_dim = reader.required_integer("v_head_dim", 1)};
}

namespace {

void read_mixer(format::TableReader& reader, model::Layers& g) {
  using enum model::AttentionKind;
  g.attention = reader
                    .word<model::AttentionKind>("attention", model::attention_kind_from, mixer_rule,
                                                HintFrom{mixer_names})
                    .value_or(g.attention);
  explain_architecture_keys(reader, g.attention);
  if (g.attention == gqa || g.attention == mla) g.heads = reader.required_integer("heads", 1);
  if (g.attention == gqa) {
    g.head_dim = reader.required_integer("head_dim", 1);
    g.kv_heads = reader.required_integer("kv_heads", 1);
    g.window = reader.integer("window", 0).value_or(0);
  } else if (g.attention == mla) {
    g.mla = read_mla_ranks(reader);
  } else if (g.attention == recurrent) {
    g.recurrent = {
        .mixer_weights = reader.required_integer("mixer_weights", 1, most_weights),
        .mixer_width = reader.required_integer("mixer_width", 1),
        .state_elements = reader.required_integer("state_elements", 1),
        .state_flops = reader.required_number("state_flops", format::rules::at_least_one)};
  }
}

void read_ffn(format::TableReader& reader, model::Layers& g) {
  g.ffn = reader
              .word<model::FfnKind>("ffn", model::ffn_kind_from,
                                    "must be \"gated\", \"plain\" or \"none\"",
                                    HintFrom{{"gated", "plain", "none"}})
              .value_or(g.ffn);
  if (g.ffn == model::FfnKind::none) return;
  g.expert_ffn = reader.required_integer("expert_ffn", 0);
  g.experts = reader.integer("experts", 1).value_or(1);
  g.top_k = reader.integer("top_k", 1).value_or(1);
  g.shared_ffn = reader.integer("shared_ffn", 0).value_or(0);
  g.ffn_sparsity = reader.number("ffn_sparsity", format::rules::fraction).value_or(0.0);
}

model::Layers read_layers(format::TableReader& reader) {
  model::Layers g;
  g.layers = reader.required_integer("layers", 1);
  read_mixer(reader, g);
  read_ffn(reader, g);
  return g;
}

const std::vector<std::string_view> keys_of_layers{
    "layers",           "attention",        "heads",        "head_dim",
    "kv_heads",         "window",           "kv_lora_rank", "q_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",   "mixer_weights",
    "mixer_width",      "state_elements",   "state_flops",  "ffn",
    "expert_ffn",       "experts",          "top_k",        "shared_ffn",
    "ffn_sparsity"};

/// A field beside the name of an entry replaces the entry's own; not if its groups each have one.
void reject_unheard_changes(format::TableReader& reader, const toml::table& group) {
  if (reader.behind() == nullptr || reader.table().contains("group")) return;
  for (const auto key : keys_of_layers)
    if (reader.table().contains(key) && group.contains(key))
      reader.fault(key, "has no effect: each group of the entry has its own; give the groups, too");
}

/// Fields beside the groups stand for all of them.
std::vector<model::Layers> read_groups(format::TableReader& reader) {
  std::vector<model::Layers> groups;
  const toml::array* list = reader.array("group");
  if (list == nullptr) return groups;
  if (list->empty()) reader.fault("group", "must not be empty");
  reader.allow(keys_of_layers);
  for (const toml::node& node : *list) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      reader.faults().add(node, reader.full_name("group"), "must be a table");
      continue;
    }
    format::TableReader group(*table, reader.full_name("group"), reader.faults(), &reader);
    reject_unheard_changes(reader, *table);
    groups.push_back(read_layers(group));
    group.reject_unknown_keys();
  }
  return groups;
}

}  // namespace

model::Architecture read_architecture(format::TableReader& reader) {
  const std::size_t faults_before = reader.faults().size();
  model::Architecture a;
  a.width = reader.required_integer("width", 1);
  a.vocab = reader.required_integer("vocab", 1);
  a.tied = reader.boolean("tied").value_or(true);
  a.positions = reader.integer("positions", 0).value_or(0);
  std::vector<model::Layers> groups;
  if (reader.has("group"))
    groups = read_groups(reader);
  else
    groups.push_back(read_layers(reader));
  if (reader.faults().size() != faults_before) return a;
  static_cast<model::Layers&>(a) = groups.front();
  a.further.assign(groups.begin() + 1, groups.end());
  // The rules between fields speak of sound fields only.
  if (const auto fault = model::find_fault(a))
    reader.fault(fault->field, groups.size() == 1
                                   ? fault->rule
                                   : fmt::format("{} (group {})", fault->rule, fault->group + 1));
  return a;
}

}  // namespace rooflaw::io
