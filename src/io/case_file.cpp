#include "rooflaw/io/case_file.hpp"

#include <filesystem>

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

std::optional<model::Architecture> read_case_architecture(Catalogue& catalogue,
                                                          format::TableReader& root) {
  const toml::table* table = root.sub_table("architecture");
  if (table == nullptr) return std::nullopt;
  format::TableReader reader(*table, "architecture", root.faults());
  if (!reader.has("model")) {
    const auto architecture = read_architecture(reader);
    reader.reject_unknown_keys();
    return architecture;
  }
  const auto entry = catalogue.model(*reader.node("model"), "architecture.model");
  reader.reject_unknown_keys();
  if (!entry) return std::nullopt;
  if (!entry->value.not_expressible.empty()) {
    reader.fault("model", "the architecture cannot express it: " + entry->value.not_expressible);
    return std::nullopt;
  }
  return entry->value.architecture;
}

}  // namespace

Case read_case(SourceFiles& files, const std::string& path) {
  format::Faults faults;
  const toml::table table = format::parse_toml(files.read(path), path);
  format::TableReader root(table, "", faults);
  Catalogue catalogue(files, std::filesystem::path(path).parent_path().string(), faults);

  for (const std::string key : {"architecture", "precision", "device", "workload"})
    if (!root.has(key)) root.fault(key, "is missing");
  const auto architecture = read_case_architecture(catalogue, root);
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
  return {*law, *architecture, *scenario};
}

}  // namespace rooflaw::io
