#include "rooflaw/io/catalogue.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "rooflaw/format/file_kind.hpp"
#include "rooflaw/format/sha256.hpp"
#include "rooflaw/format/toml_entry.hpp"
#include "rooflaw/format/toml_override.hpp"
#include "rooflaw/io/config_json.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view id_rule =
    "must consist of at most 64 a-z, 0-9, '.', '_' and '-', and not be '.' or '..'";
// Three of them and more make the name of a file that export writes: at most 255 bytes.
constexpr std::size_t longest_id = 64;

/// Behind the id of a device: what its data sheet says, without efficiencies.
constexpr std::string_view data_sheet = ".ideal";

/// Devices with the efficiencies that `calibrate` fitted; they go before those of the data sheets.
std::string calibrated_file() { return inputs_folder() + "/calibrated.toml"; }

/// Where tables of a kind stand in the inputs folder: one file for all, laws one file each.
std::string table_file(const std::string& kind, const std::string& id) {
  if (kind == "law") return inputs_folder() + "/laws/" + id + ".toml";
  return inputs_folder() + "/" + kind + "s.toml";
}

std::vector<std::string> law_ids() {
  std::vector<std::string> ids;
  for (const auto& file : fs::directory_iterator(inputs_folder() + "/laws"))
    if (file.path().extension() == ".toml") ids.push_back(file.path().stem().string());
  std::sort(ids.begin(), ids.end());
  return ids;
}

toml::value<std::string> table_file_node(const std::string& kind) {
  return toml::value<std::string>(fs::absolute(table_file(kind, "")).string());
}

std::string id_of(const toml::table& table) { return table["id"].value_or(std::string()); }

}  // namespace

bool is_id(const std::string& text) {
  // Ids become names in result files, where these two mean something else.
  if (text == "." || text == "..") return false;
  return !text.empty() && text.size() <= longest_id &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

bool is_config(const std::string& text) { return text.ends_with(".json"); }

bool is_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".toml") || is_config(text);
}

Catalogue::Catalogue(SourceFiles& files, std::string folder, format::Faults& faults)
    : files_(files), folder_(std::move(folder)), faults_(faults) {}

const toml::table& Catalogue::parsed(const std::string& path) {
  auto& table = parsed_[path];
  if (!table) table = std::make_unique<toml::table>(format::parse_toml(files_.read(path), path));
  return *table;
}

const toml::table* Catalogue::parsed_alone(const std::string& path, const std::string& kind,
                                           const std::string& id) {
  auto& table = parsed_alone_[{path, id}];
  if (!table) {
    const auto text = format::entry_alone(files_.read(path), kind, id);
    if (!text) return nullptr;
    table = std::make_unique<toml::table>(format::parse_toml(*text, path));
  }
  return (*table)[kind][0].as_table();
}

std::vector<Catalogue::Entry> Catalogue::entries_of(const std::string& file,
                                                    const std::string& kind) {
  std::vector<Entry> entries;
  const toml::array* list = parsed(file)[kind].as_array();
  if (list == nullptr) return entries;
  if (list->size() > format::longest_list) {
    faults_.add(*list, kind, format::too_long_rule());
    return entries;
  }
  std::set<std::string> ids;
  for (const toml::node& entry : *list) {
    const toml::table* table = entry.as_table();
    if (table == nullptr) continue;
    const std::string id = id_of(*table);  // one without an id is reported when it is read
    if (!id.empty() && !ids.insert(id).second)
      faults_.add(*table->get("id"), kind + ".id", "is defined twice in this file");
    entries.push_back({table, nullptr, file, kind, false, {}});
  }
  return entries;
}

std::optional<std::string> Catalogue::file_at(const toml::node& node, const std::string& key) {
  const auto name = node.value_or<std::string>("");
  const std::string path = (fs::path(folder_) / name).lexically_normal().string();
  // What a user names on the command line is the user's affair.
  const auto& source = node.source().path;
  if (source && !format::is_option(*source)) {
    if (const auto rule = files_.forbidden(path, folder_); !rule.empty()) {
      faults_.add(node, key, rule);
      return std::nullopt;
    }
  }
  if (files_.exists(path)) return path;
  faults_.add(node, key, "no such file: " + path);
  return std::nullopt;
}

std::optional<Catalogue::Entry> Catalogue::by_id(const std::string& id, const std::string& kind,
                                                 std::vector<std::string>* known) {
  if (kind == "device") {
    if (id.ends_with(data_sheet)) {
      auto entry = in_file(table_file(kind, id), id.substr(0, id.size() - data_sheet.size()), kind);
      if (entry) entry->called = id;
      return entry;
    }
    if (auto entry = in_file(calibrated_file(), id, kind, known)) return entry;
  }
  return in_file(table_file(kind, id), id, kind, known);
}

std::optional<Catalogue::Entry> Catalogue::in_file(const std::string& file, const std::string& id,
                                                   const std::string& kind,
                                                   std::vector<std::string>* known) {
  if (!files_.exists(file)) return std::nullopt;
  if (const auto* alone = parsed_alone(file, kind, id))
    return Entry{alone, nullptr, file, kind, false, {}};
  for (auto& entry : entries_of(file, kind)) {
    if (id_of(*entry.table) == id) return entry;
    if (known != nullptr) known->push_back(id_of(*entry.table));
  }
  return std::nullopt;
}

std::vector<Catalogue::Entry> Catalogue::resolve(const toml::node& node, const std::string& key,
                                                 const std::string& kind) {
  if (const toml::table* table = node.as_table()) {
    if (table->size() == 1 && table->contains("id"))
      return resolve(*table->get("id"), key + ".id", kind);
    const std::string id = id_of(*table);
    if (const auto entry = is_id(id) ? by_id(id, kind) : std::nullopt)
      return {{table, entry->table, entry->file, key, true, {}}};
    const auto& source = table->source();
    return {{table, nullptr, source.path ? *source.path : "", key, true, {}}};
  }
  const auto name = node.value<std::string>();
  if (!node.is_string() || !format::is_plain_text(*name)) {
    faults_.add(node, key, "must be an id, a path of a file, or a table of a " + kind);
    return {};
  }
  if (is_path(*name)) {
    const auto path = file_at(node, key);
    if (!path) return {};
    const std::size_t before = faults_.size();
    auto entries = entries_of(*path, kind);
    if (entries.empty() && faults_.size() == before)
      faults_.add(node, key, "the file has no [[" + kind + "]]");
    return entries;
  }
  if (!is_id(*name)) {
    faults_.add(node, key, std::string("an id ") + std::string(id_rule));
    return {};
  }
  if (const auto path = (fs::path(folder_) / *name).string(); files_.exists(path)) {
    const std::string other = format::other_kind(files_.read(path));
    if (!other.empty()) {
      faults_.add(node, key, "this is " + other);
      return {};
    }
  }
  std::vector<std::string> known = kind == "law" ? law_ids() : std::vector<std::string>{};
  if (const auto entry = by_id(*name, kind, &known)) return {*entry};
  faults_.add(node, key,
              "there is no " + kind + " of this id in " + inputs_folder() + "; rooflaw list " +
                  kind + "s names them",
              format::did_you_mean(*name, known));
  return {};
}

namespace {

void set_id(model::Device& x, const std::string& id) { x.id = id; }
void set_id(model::Precision& x, const std::string& id) { x.id = id; }
void set_id(WorkloadEntry& x, const std::string& id) { x.workload.id = id; }
void set_id(model::Law& x, const std::string& id) { x.id = id; }
void set_id(ModelEntry& x, const std::string& id) { x.id = id; }
void set_id(Quantisation& x, const std::string& id) { x.id = id; }

/// The entry with its changes, as a table by itself.
toml::table merged(const toml::table& changes, const toml::table* entry) {
  toml::table all = entry == nullptr ? changes : *entry;
  for (const auto& [key, value] : changes) all.insert_or_assign(key, value);
  all.erase("model");
  all.erase("config");
  all.is_inline(false);
  return all;
}

std::string changed_id(const std::string& id, const toml::table& document) {
  std::ostringstream json;
  json << toml::json_formatter(document, toml::format_flags::none);
  return id + "+" + format::sha256_hex(nlohmann::json::parse(json.str()).dump()).substr(0, 8);
}

}  // namespace

template <class T, class Read>
std::optional<Loaded<T>> Catalogue::read_entry(const Entry& entry, const std::string& kind,
                                               Read read) {
  const std::size_t before = faults_.size();
  std::optional<format::TableReader> behind;
  if (entry.changed != nullptr) {
    behind.emplace(*entry.changed, kind, faults_);
    read(*behind);
    behind->reject_unknown_keys();
  }
  format::TableReader reader(*entry.table, entry.path, faults_, behind ? &*behind : nullptr);
  if (!entry.is_inline && !reader.has("id")) reader.fault("id", "is missing");
  std::string id = read_id(reader);
  if (!is_id(id)) reader.fault("id", std::string(id_rule));
  T value = read(reader);
  reader.reject_unknown_keys();
  if (faults_.size() != before) return std::nullopt;
  toml::table document = merged(*entry.table, entry.changed);
  if (entry.changed != nullptr) set_id(value, id = changed_id(id, document));
  if (!entry.called.empty()) {
    set_id(value, id = entry.called);
    document.insert_or_assign("id", id);
  }
  return Loaded<T>{std::move(value), {kind, id, entry.file, format::to_text(document)}};
}

template <class T, class Read>
std::vector<Loaded<T>> Catalogue::load(const toml::node& node, const std::string& key,
                                       const std::string& kind, Read read) {
  std::vector<Loaded<T>> loaded;
  for (const auto& entry : resolve(node, key, kind))
    if (auto one = read_entry<T>(entry, kind, read)) loaded.push_back(std::move(*one));
  return loaded;
}

std::vector<Loaded<model::Device>> Catalogue::devices(const toml::node& node,
                                                      const std::string& key) {
  return load<model::Device>(node, key, "device", read_device);
}
std::vector<Loaded<model::Precision>> Catalogue::precisions(const toml::node& node,
                                                            const std::string& key) {
  return load<model::Precision>(node, key, "precision", read_precision);
}
std::vector<Loaded<WorkloadEntry>> Catalogue::workloads(const toml::node& node,
                                                        const std::string& key) {
  return load<WorkloadEntry>(node, key, "workload", read_workload);
}
std::vector<Loaded<model::Law>> Catalogue::laws(const toml::node& node, const std::string& key) {
  return load<model::Law>(node, key, "law", read_law);
}

std::vector<Loaded<model::Device>> Catalogue::all_devices() {
  return devices(table_file_node("device"), "device");
}
std::vector<Loaded<model::Device>> Catalogue::calibrated_devices() {
  if (!files_.exists(calibrated_file())) return {};
  return devices(toml::value<std::string>(fs::absolute(calibrated_file()).string()), "device");
}
std::vector<Loaded<model::Precision>> Catalogue::all_precisions() {
  return precisions(table_file_node("precision"), "precision");
}
std::vector<Loaded<WorkloadEntry>> Catalogue::all_workloads() {
  return workloads(table_file_node("workload"), "workload");
}
std::vector<Loaded<model::Law>> Catalogue::all_laws() {
  std::vector<Loaded<model::Law>> all;
  for (const auto& id : law_ids())
    for (auto& law : laws(toml::value<std::string>(id), "law")) all.push_back(std::move(law));
  return all;
}
std::vector<Loaded<Quantisation>> Catalogue::all_quantisations() {
  return load<Quantisation>(table_file_node("quantisation"), "quantisation", "quantisation",
                            read_quantisation);
}
std::vector<Loaded<ModelEntry>> Catalogue::all_models() {
  return load<ModelEntry>(table_file_node("model"), "model", "model", read_model);
}

ModelEntry model_from_config(ConfigModel config) {
  return {.id = std::move(config.id),
          .name = std::move(config.name),
          .architecture = std::move(config.architecture),
          .not_expressible = {},
          .uncounted = config.uncounted,
          .notes = std::move(config.notes)};
}

std::vector<Loaded<ModelEntry>> Catalogue::models(const toml::node& node, const std::string& key) {
  if (!is_config(node.value_or<std::string>("")))
    return load<ModelEntry>(node, key, "model", read_model);
  const auto path = file_at(node, key);
  if (!path) return {};
  const std::string& text = files_.read(*path);
  auto entry = model_from_config(read_config_json(text, *path));
  Provenance provenance{"model", entry.id, *path, text};
  return {{std::move(entry), std::move(provenance)}};
}

std::optional<Loaded<ModelEntry>> Catalogue::model(const toml::node& node, const std::string& key) {
  auto found = models(node, key);
  if (found.size() > 1) faults_.add(node, key, "names a file of several models; give one");
  if (found.size() != 1) return std::nullopt;
  return std::move(found.front());
}

std::optional<Loaded<ModelEntry>> Catalogue::model_of(const toml::table& architecture,
                                                      const std::string& name,
                                                      const std::string& key) {
  const toml::node& named = *architecture.get(key);
  const std::string full_name = name + "." + key;
  if (architecture.size() == 1) return model(named, full_name);
  if (is_config(named.value_or<std::string>(""))) {
    faults_.add(named, full_name,
                "stands alone: fields beside it replace those of a table, not of a config.json");
    return std::nullopt;
  }
  const auto entries = resolve(named, full_name, "model");
  if (entries.size() != 1) return std::nullopt;
  return read_entry<ModelEntry>(
      {&architecture, entries.front().table, entries.front().file, name, true, {}}, "model",
      [](format::TableReader& reader) {
        reader.allow({"model", "config"});
        return read_model(reader);
      });
}

}  // namespace rooflaw::io
