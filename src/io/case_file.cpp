#include "rooflaw/io/case_file.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/format/toml_override.hpp"
#include "rooflaw/io/file_purpose.hpp"

namespace rooflaw::io {

namespace {

/// The one entry that a table of a CASE names.
template <class T>
std::optional<T> single(format::TableReader& reader, const std::string& key,
                        std::vector<Loaded<T>> loaded) {
  if (loaded.size() > 1) reader.fault(key, "names a file of several entries; a case takes one");
  if (loaded.size() != 1) return std::nullopt;
  return std::move(loaded.front().value);
}

std::optional<ModelEntry> read_case_architecture(Catalogue& catalogue, format::TableReader& root) {
  const toml::table* table = root.sub_table("architecture");
  if (table == nullptr) return std::nullopt;
  format::TableReader reader(*table, "architecture", root.faults());
  // Two names of one thing, since a config.json is a model, too.
  if (reader.has("model") && reader.has("config"))
    reader.fault("config", "stands in the place of `model`, not beside it");
  const std::string key = reader.has("config") ? "config" : "model";
  if (!reader.has(key)) {
    ModelEntry entry;
    entry.architecture = read_architecture(reader);
    reader.reject_unknown_keys();
    return entry;
  }
  const auto entry = catalogue.model_of(*table, "architecture", key);
  if (!entry) return std::nullopt;
  if (!entry->value.not_expressible.empty()) {
    reader.fault(key, "the architecture cannot express it: " + entry->value.not_expressible);
    return std::nullopt;
  }
  return entry->value;
}

/// @throws InputError for the id of a model in the place of a file
void require_no_model(SourceFiles& files, const std::string& word) {
  if (word.empty() || is_path(word) || files.exists(word)) return;
  format::Faults of_the_tables;
  const auto models = Catalogue(files, "", of_the_tables).all_models();
  for (const auto& model : models)
    if (model.value.id == word)
      throw InputError({{.file = "command line",
                         .key = "CASE.toml",
                         .value = word,
                         .rule = "is no file but the id of a model: give --model " + word,
                         .hint = ""}});
}

/// The tables of the file, with those that the command line chooses in their places.
toml::table tables_of(SourceFiles& files, const std::string& path, const CaseChoices& choices) {
  CaseChoices chosen = choices;
  toml::table table;
  require_no_model(files, path);
  if (is_config(path)) {
    if (chosen.model)
      throw InputError({{.file = path,
                         .key = "--model",
                         .value = *chosen.model,
                         .rule = "names another model than this file, which is one"}});
    chosen.model = std::filesystem::absolute(path).string();
    files.read(*chosen.model);  // a file that is not there is no fault of an option
  } else if (!path.empty()) {
    table = format::parse_toml(files.read_given(path), path);
    require_case(table);
  }
  const auto choose = [&](const char* name, const char* key,
                          const std::optional<std::string>& choice) {
    if (!choice) return;
    // Relative to where the command is given, not to the file.
    const std::string value =
        is_path(*choice) ? std::filesystem::absolute(*choice).string() : *choice;
    format::apply_override(
        table, fmt::format("{}={{{}={}}}", name, key, format::to_line(toml::value(value))),
        fmt::format("--{}", std::string_view(name) == "architecture" ? "model" : name));
  };
  choose("architecture", "model", chosen.model);
  choose("device", "id", chosen.device);
  choose("precision", "id", chosen.precision);
  choose("workload", "id", chosen.workload);
  choose("law", "id", chosen.law);
  return table;
}

/// What is missing, and where it could come from.
std::string missing_rule(const std::string& key, const std::string& path) {
  const std::string option = "--" + (key == "architecture" ? "model" : key);
  return path.empty() || is_config(path) ? fmt::format("is missing: give {} ID", option)
                                         : fmt::format("is missing; {} ID gives it, too", option);
}

}  // namespace

Case read_case(SourceFiles& files, const std::string& path, const CaseChoices& choices) {
  format::Faults faults;
  const toml::table table = tables_of(files, path, choices);
  format::TableReader root(table, "", faults);
  Catalogue catalogue(files, files.folder_of(path), faults);

  for (const std::string key : {"architecture", "precision", "device", "workload"})
    if (!root.has(key)) root.fault(key, missing_rule(key, path));
  auto entry = read_case_architecture(catalogue, root);
  std::optional<model::Device> device;
  std::optional<model::Precision> precision;
  std::optional<WorkloadEntry> workload;
  if (const auto* node = root.sub_table("device"))
    device = single(root, "device", catalogue.devices(*node, "device"));
  if (const auto* node = root.sub_table("precision"))
    precision = single(root, "precision", catalogue.precisions(*node, "precision"));
  if (const auto* node = root.sub_table("workload"))
    workload = single(root, "workload", catalogue.workloads(*node, "workload"));
  model::Engine engine;
  if (const auto* node = root.sub_table("engine")) {
    format::TableReader reader(*node, "engine", faults);
    engine = read_engine(reader);
  }
  const toml::value<std::string> default_law("codesign-2026");
  const toml::node* law_node = root.sub_table("law");
  const auto law = single(root, "law", catalogue.laws(law_node ? *law_node : default_law, "law"));
  root.reject_unknown_keys();

  std::optional<model::Scenario> scenario;
  if (device && precision && workload) {
    try {
      scenario = model::make_scenario(*device, *precision, workload->workload, engine);
    } catch (const DomainError& e) {
      root.fault("precision", e.what());
    }
  }
  faults.throw_if_any();
  return {.model = entry->id,
          .law = *law,
          .architecture = std::move(entry->architecture),
          .scenario = *scenario,
          .limits = workload->limits,
          .uncounted = entry->uncounted,
          .notes = std::move(entry->notes)};
}

}  // namespace rooflaw::io
