#include "rooflaw/io/catalogue.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view id_rule =
    "must consist of at most 64 a-z, 0-9, '.', '_' and '-', and not be '.' or '..'";
// Three of them and more make the name of a file that export writes: at most 255 bytes.
constexpr std::size_t longest_id = 64;

bool is_id(const std::string& text) {
  // Ids become names in result files, where these two mean something else.
  if (text == "." || text == "..") return false;
  return !text.empty() && text.size() <= longest_id &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

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

bool is_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".toml");
}

Catalogue::Catalogue(SourceFiles& files, std::string folder, format::Faults& faults)
    : files_(files), folder_(std::move(folder)), faults_(faults) {}

const toml::table& Catalogue::parsed(const std::string& path) {
  auto& table = parsed_[path];
  if (!table) table = std::make_unique<toml::table>(format::parse_toml(files_.read(path), path));
  return *table;
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
    entries.push_back({table, file, kind, false});
  }
  return entries;
}

std::vector<Catalogue::Entry> Catalogue::resolve(const toml::node& node, const std::string& key,
                                                 const std::string& kind) {
  if (const toml::table* table = node.as_table()) {
    // `id` alone names an entry of the inputs folder; with fields it is a label.
    if (!(table->size() == 1 && table->contains("id"))) {
      const auto& source = table->source();
      return {{table, source.path ? *source.path : "", key, true}};
    }
    return resolve(*table->get("id"), key + ".id", kind);
  }
  const auto name = node.value<std::string>();
  if (!node.is_string() || !format::is_plain_text(*name)) {
    faults_.add(node, key, "must be an id, a path of a file, or a table of a " + kind);
    return {};
  }
  if (is_path(*name)) {
    const std::string path = (fs::path(folder_) / *name).lexically_normal().string();
    // What a user names on the command line is the user's affair.
    const auto& source = node.source().path;
    if (source && *source != format::override_source) {
      if (const auto rule = files_.forbidden(path, folder_); !rule.empty()) {
        faults_.add(node, key, rule);
        return {};
      }
    }
    if (!files_.exists(path)) {
      faults_.add(node, key, "no such file: " + path);
      return {};
    }
    const std::size_t before = faults_.size();
    auto entries = entries_of(path, kind);
    if (entries.empty() && faults_.size() == before)
      faults_.add(node, key, "the file has no [[" + kind + "]]");
    return entries;
  }
  if (!is_id(*name)) {
    faults_.add(node, key, std::string("an id ") + std::string(id_rule));
    return {};
  }
  const std::string file = table_file(kind, *name);
  std::vector<std::string> known = kind == "law" ? law_ids() : std::vector<std::string>{};
  if (files_.exists(file)) {
    for (auto& entry : entries_of(file, kind)) {
      if (id_of(*entry.table) == *name) return {entry};
      known.push_back(id_of(*entry.table));
    }
  }
  faults_.add(node, key,
              "there is no " + kind + " of this id in " + inputs_folder() + "; rooflaw list " +
                  kind + "s names them",
              format::did_you_mean(*name, known));
  return {};
}

template <class T, class Read>
std::vector<Loaded<T>> Catalogue::load(const toml::node& node, const std::string& key,
                                       const std::string& kind, Read read) {
  std::vector<Loaded<T>> loaded;
  for (const auto& entry : resolve(node, key, kind)) {
    format::TableReader reader(*entry.table, entry.path, faults_);
    const std::size_t before = faults_.size();
    if (!entry.is_inline && !reader.has("id")) reader.fault("id", "is missing");
    const std::string id = read_id(reader);
    if (!is_id(id)) reader.fault("id", std::string(id_rule));
    T value = read(reader);
    reader.reject_unknown_keys();
    if (faults_.size() != before) continue;
    toml::table document = *entry.table;  // an inline table is none by itself
    document.is_inline(false);
    loaded.push_back({std::move(value), {kind, id, entry.file, format::to_text(document)}});
  }
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
std::vector<Loaded<ModelEntry>> Catalogue::all_models() {
  return load<ModelEntry>(table_file_node("model"), "model", "model", read_model);
}

std::optional<Loaded<ModelEntry>> Catalogue::model(const toml::node& node, const std::string& key) {
  auto found = load<ModelEntry>(node, key, "model", read_model);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

}  // namespace rooflaw::io
