#include "rooflaw/io/config_json.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "config_json_bias.hpp"
#include "config_json_keys.hpp"
#include "config_json_layers.hpp"
#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::io {

using model::AttentionKind;
using nlohmann::json;

namespace {

constexpr std::string_view text_parts[] = {"text_config", "llm_config", "language_config"};

model::Layers recurrent_layer(const model::RecurrentSizes& sizes) {
  model::Layers g;
  g.attention = AttentionKind::recurrent;
  g.recurrent = sizes;
  return g;
}

model::Layers mixer_of(Mixer kind, const Mixers& mixers) {
  model::Layers g = mixers.attention;
  if (kind == Mixer::window) g.window = mixers.window;
  if (kind == Mixer::conv) g = recurrent_layer(mixers.conv);
  if (kind == Mixer::delta) g = recurrent_layer(mixers.delta);
  if (kind == Mixer::mamba || kind == Mixer::beside) g = recurrent_layer(mixers.mamba);
  if (kind == Mixer::none) {
    g = {};
    g.attention = AttentionKind::none;
  }
  return g;
}

void set_ffn(model::Layers& g, const model::Layers& ffn) {
  g.ffn = ffn.ffn;
  g.expert_ffn = ffn.expert_ffn;
  g.experts = ffn.experts;
  g.top_k = ffn.top_k;
  g.shared_ffn = ffn.shared_ffn;
}

void add_layer(std::vector<model::Layers>& groups, model::Layers layer) {
  layer.layers = 1;
  const auto same = std::find_if(groups.begin(), groups.end(), [&](model::Layers group) {
    group.layers = 1;
    return group == layer;
  });
  if (same == groups.end())
    groups.push_back(layer);
  else
    ++same->layers;
}

std::vector<model::Layers> groups_of(const std::vector<LayerKind>& kinds, const Mixers& mixers,
                                     const Ffns& ffns) {
  model::Layers no_ffn;
  no_ffn.ffn = model::FfnKind::none;
  std::vector<model::Layers> groups;
  for (const auto& [mixer, ffn] : kinds) {
    if (mixer == Mixer::beside) {
      model::Layers attention = mixers.attention;
      set_ffn(attention, no_ffn);
      add_layer(groups, attention);
    }
    model::Layers layer = mixer_of(mixer, mixers);
    set_ffn(layer, ffn == FfnOf::none ? no_ffn : ffn == FfnOf::dense ? ffns.dense : ffns.experts);
    add_layer(groups, layer);
  }
  return groups;
}

/// Nothing but the activation tells how many matrices an unknown model's FFN has.
void require_gated(ConfigReading& r) {
  for (const std::string_view key : {"hidden_act", "hidden_activation", "activation_function"}) {
    const auto act = r.fields.word(key);
    if (!act) continue;
    if (*act != "silu" && *act != "swish" && *act != "swiglu")
      r.fields.fault(key, "does not tell whether the FFN of an unknown model_type is gated");
    return;
  }
  r.fields.missing("hidden_act");
}

bool read_tied(ConfigReading& r, ConfigFields& outer) {
  auto inner = r.fields.flag("tie_word_embeddings");
  if (!inner) inner = r.fields.flag("tie_embedding");
  const auto outside = outer.flag("tie_word_embeddings");
  if (inner && outside && *inner != *outside)
    outer.fault("tie_word_embeddings", "contradicts that of the text part");
  if (inner || outside) return inner ? *inner : *outside;
  if (&r.family == &unknown_family())
    r.fields.fault("tie_word_embeddings", "is missing, and no rule of the model_type is known");
  return r.family.tied;
}

model::Architecture read_architecture(ConfigReading& r, ConfigFields& outer) {
  const CommonSizes sizes = read_common_sizes(r);
  auto kinds = read_kinds(r, sizes.layers);
  const std::int64_t experts = read_experts(r);
  mark_experts(r, experts, kinds);
  const Mixers mixers = read_mixers(r, sizes, kinds);
  const Ffns ffns = read_ffns(r, sizes.width, experts, kinds);
  check_fixed_keys(r, sizes);

  model::Architecture a;
  auto groups = groups_of(kinds, mixers, ffns);
  if (!groups.empty()) {
    static_cast<model::Layers&>(a) = groups.front();
    a.further.assign(groups.begin() + 1, groups.end());
  }
  a.width = sizes.width;
  a.vocab = size_or_default(r, {"vocab_size"}, r.family.defaults.vocab, false);
  a.tied = read_tied(r, outer);
  if (r.family.positions)
    a.positions = size_or_default(r, {"n_positions", "max_position_embeddings"}, 0, false) +
                  r.family.more_positions;
  return a;
}

void add_notes(const Family& family, ConfigModel& m) {
  if (!family.note.empty()) m.notes.emplace_back(family.note);
  if (m.uncounted)
    m.notes.push_back(
        fmt::format("norms and biases, {:.0f} parameters, are not counted", *m.uncounted));
  else
    m.notes.emplace_back("norms, biases and the vectors of mixers are not counted");
  if (m.architecture.vocab % 64 == 0)
    m.notes.push_back(
        fmt::format("vocab_size = {} may count rows of padding", m.architecture.vocab));
}

const Family& family_of(ConfigFields& fields, std::vector<std::string>& notes) {
  const std::string type = fields.word("model_type").value_or("");
  if (const Family* family = find_family(type)) return *family;
  const std::string near = format::did_you_mean(type, known_model_types());
  notes.push_back(type.empty() ? "model_type is missing: read by its fields"
                               : fmt::format("model_type = \"{}\" is unknown: read by its fields{}",
                                             type, near.empty() ? "" : "; " + near));
  return unknown_family();
}

/// Keys beside the text part may repeat what it says.
void allow_repeated_keys(ConfigFields& outer, const json& inner) {
  for (const auto& [key, value] : outer.object().items())
    if (const auto same = inner.find(key); same != inner.end() && *same == value) outer.allow(key);
}

std::string last_part(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

/// The model of a file: its own name; of a config.json its folder's, or in the cache of the hub
/// (models--OWNER--NAME/snapshots/HASH) that of the model which the cache holds.
std::string name_of_file(const std::string& file) {
  namespace fs = std::filesystem;
  if (fs::path(file).filename() != "config.json") return fs::path(file).stem().string();
  const fs::path folder = fs::path(file).parent_path();
  const std::string cache = folder.parent_path().parent_path().filename().string();
  if (folder.parent_path().filename() == "snapshots" && cache.starts_with("models--"))
    return cache.substr(cache.rfind("--") + 2);
  const std::string name = folder.filename().string();
  return name.empty() || name == "." || name == ".." ? fs::path(file).stem().string() : name;
}

std::string id_of(const std::string& name) {
  std::string id;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    id += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
  }
  return id.empty() ? "config" : id;
}

void set_name(ConfigModel& model, ConfigFields& outer, ConfigFields& inner,
              const std::string& file) {
  for (ConfigFields* fields : {&outer, &inner}) {
    if (!model.name.empty() || (fields == &inner && &outer.object() == &inner.object())) continue;
    model.name = last_part(fields->word("_name_or_path").value_or(""));
    if (model.name.empty() || format::is_plain_text(model.name)) continue;
    fields->fault("_name_or_path", "must be a text without control characters");
  }
  if (model.name.empty()) model.name = name_of_file(file);
  model.id = id_of(model.name);
}

const json& text_part(ConfigFields& outer, const std::string& file, std::string& key) {
  for (const std::string_view part : text_parts) {
    const auto at = outer.object().find(part);
    if (at == outer.object().end() || at->is_null()) continue;
    if (!at->is_object())
      throw InputError({{.file = file, .key = std::string(part), .rule = "must be a JSON object"}});
    outer.allow(part);
    key = part;
    return *at;
  }
  return outer.object();
}

}  // namespace

ConfigModel read_config_json(std::string_view text, const std::string& file) {
  const json root = parse_config(text, file);
  if (!root.is_object())
    throw InputError({{.file = file, .key = "config", .rule = "must be a JSON object"}});
  if (root.contains("weight_map"))
    throw InputError(
        {{.file = file,
          .key = "config",
          .rule = "is the index of a model's weights; its config.json lies beside it"}});
  std::vector<InputFault> faults;
  ConfigFields outer(root, file, "", faults);
  std::string part;
  const json& inner = text_part(outer, file, part);
  const bool nested = !part.empty();
  ConfigFields fields(inner, file, nested ? part + "." : "", faults);

  ConfigModel model;
  ConfigReading r{fields, family_of(fields, model.notes), nested, model.notes};
  model.architecture = read_architecture(r, nested ? outer : fields);
  if (&r.family == &unknown_family()) require_gated(r);
  const Uncounted left_out = read_uncounted(fields, r.family);
  set_name(model, outer, fields, file);
  for (ConfigFields* each : {&outer, &fields}) {
    if (each == &outer && !nested) continue;
    note_uncounted_parts(*each, model.notes);
    allow_harmless_keys(*each);
    if (each == &outer)
      allow_repeated_keys(outer, inner);
    else if (nested)
      allow_multimodal_keys(fields);
    refuse_unread_keys(*each);
  }
  if (!faults.empty()) throw InputError(std::move(faults));
  if (const auto fault = model::find_fault(model.architecture))
    throw InputError({{.file = file, .key = fault->field, .rule = fault->rule}});
  model.uncounted = uncounted_parameters(left_out, model.architecture);
  add_notes(r.family, model);
  return model;
}

}  // namespace rooflaw::io
