#pragma once
// Devices, precisions, workloads, laws and models from TOML: by id from the inputs folder, from a
// file of the user's, or inline in a JOB or CASE. See inputs/README.md for the keys.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/quantisations.hpp"
#include "rooflaw/io/source_files.hpp"
#include "rooflaw/model/device.hpp"
#include "rooflaw/model/law.hpp"
#include "rooflaw/model/objective.hpp"

namespace rooflaw::io {

/// Which table, from where, and its text: what a result keeps of its inputs.
struct Provenance {
  std::string kind;  // device, precision, workload, law, model
  std::string id;
  std::string file;  // name of the file it stands in
  std::string text;  // the table as TOML
};

template <class T>
struct Loaded {
  T value;
  Provenance provenance;
};

/// The entries without where they are from.
template <class T>
std::vector<T> values_of(std::vector<Loaded<T>> loaded) {
  std::vector<T> values;
  values.reserve(loaded.size());
  for (auto& each : loaded) values.push_back(std::move(each.value));
  return values;
}

struct WorkloadEntry {
  model::Workload workload;
  model::Limits limits;
};

/// A public model, for comparison.
struct ModelEntry {
  std::string id;
  std::string name;
  model::Architecture architecture;
  std::string not_expressible;      // why the architecture does not describe it; empty if it does
  std::optional<double> uncounted;  // norms and biases of a config.json, left out of all counts
  std::vector<std::string> notes;   // what a config.json leaves to be said
  std::optional<double> published_params = std::nullopt;
};

class Catalogue {
 public:
  /// Paths of files are relative to `folder`, that of the JOB or CASE.
  Catalogue(SourceFiles& files, std::string folder, format::Faults& faults);

  /// What a node of a JOB or CASE names: an id, a path (contains '/' or ends in ".toml"; all
  /// entries of its kind), or an inline table. Beside the id of an entry an inline table gives what
  /// replaces the entry's own fields; its id then ends in "+" and eight digits that tell this
  /// change from others. Faults are noted; the result then lacks the entry. The id of a device is
  /// that of an entry of calibrated.toml or, where that has none, of devices.toml, whose own stands
  /// under "<id>.ideal".
  std::vector<Loaded<model::Device>> devices(const toml::node& node, const std::string& key);
  std::vector<Loaded<model::Precision>> precisions(const toml::node& node, const std::string& key);
  std::vector<Loaded<WorkloadEntry>> workloads(const toml::node& node, const std::string& key);
  std::vector<Loaded<model::Law>> laws(const toml::node& node, const std::string& key);

  /// All entries of the inputs folder, as they stand there; laws by id.
  std::vector<Loaded<model::Device>> all_devices();
  /// Those of calibrated.toml, with efficiencies.
  std::vector<Loaded<model::Device>> calibrated_devices();
  std::vector<Loaded<model::Precision>> all_precisions();
  std::vector<Loaded<WorkloadEntry>> all_workloads();
  std::vector<Loaded<model::Law>> all_laws();
  std::vector<Loaded<Quantisation>> all_quantisations();

  /// All public models of the inputs folder; those that a node names as above, or by a config.json;
  /// of these the only one.
  std::vector<Loaded<ModelEntry>> all_models();
  std::vector<Loaded<ModelEntry>> models(const toml::node& node, const std::string& key);
  std::optional<Loaded<ModelEntry>> model(const toml::node& node, const std::string& key);
  /// That of [architecture], called `name`: its key `key` names an entry, or a config.json; fields
  /// beside it replace the entry's own.
  std::optional<Loaded<ModelEntry>> model_of(const toml::table& architecture,
                                             const std::string& name, const std::string& key);

 private:
  struct Entry {
    const toml::table* table;
    const toml::table* changed;  // the entry whose fields those of `table` replace; or null
    std::string file;
    std::string path;  // name of the table in messages
    bool is_inline;
    std::string called;  // its id, if that is another than its own
  };
  std::optional<std::string> file_at(const toml::node& node, const std::string& key);
  std::optional<Entry> by_id(const std::string& id, const std::string& kind,
                             std::vector<std::string>* known = nullptr);
  std::optional<Entry> in_file(const std::string& file, const std::string& id,
                               const std::string& kind, std::vector<std::string>* known = nullptr);
  const toml::table& parsed(const std::string& path);
  /// The entry of an id without the others of its file; null where only a whole parse tells.
  const toml::table* parsed_alone(const std::string& path, const std::string& kind,
                                  const std::string& id);
  std::vector<Entry> entries_of(const std::string& file, const std::string& kind);
  std::vector<Entry> resolve(const toml::node& node, const std::string& key,
                             const std::string& kind);
  template <class T, class Read>
  std::optional<Loaded<T>> read_entry(const Entry& entry, const std::string& kind, Read read);
  template <class T, class Read>
  std::vector<Loaded<T>> load(const toml::node& node, const std::string& key,
                              const std::string& kind, Read read);

  SourceFiles& files_;
  std::string folder_;
  format::Faults& faults_;
  std::map<std::string, std::unique_ptr<toml::table>> parsed_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<toml::table>> parsed_alone_;
};

struct ConfigModel;
ModelEntry model_from_config(ConfigModel config);

/// May it be the id of an entry?
bool is_id(const std::string& text);

/// Does a word of a JOB or CASE name a file, not an id? A config.json?
bool is_path(const std::string& word);
bool is_config(const std::string& word);

/// `id`, or "custom" for an inline table that has none.
std::string read_id(format::TableReader& reader);

/// Readers of one table, in the field names of CASE.toml. They note faults and unknown keys.
model::Device read_device(format::TableReader& reader);
model::Precision read_precision(format::TableReader& reader);
WorkloadEntry read_workload(format::TableReader& reader);
model::Law read_law(format::TableReader& reader);
model::Architecture read_architecture(format::TableReader& reader);
ModelEntry read_model(format::TableReader& reader);
model::Engine read_engine(format::TableReader& reader);
model::Limits read_limits(format::TableReader& reader);
model::MlaRanks read_mla_ranks(format::TableReader& reader);

}  // namespace rooflaw::io
