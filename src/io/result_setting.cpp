#include "rooflaw/io/result_setting.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "result_columns.hpp"
#include "rooflaw/format/toml_override.hpp"
#include "rooflaw/io/config_json.hpp"
#include "space_reader.hpp"

namespace rooflaw::io {

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Datasets of a group; none if there is no such group.
std::vector<std::string> datasets_in(const format::Hdf5Reader& file, const std::string& group) {
  return file.has(group) ? file.datasets(group) : std::vector<std::string>{};
}

std::vector<double> column_or_none(const format::Hdf5Reader& file, const std::string& group,
                                   const char* name, std::size_t rows) {
  if (!has(datasets_in(file, group), name)) return {};
  auto column = format::column_as<double>(file, group + "/" + name);
  if (column.size() != rows)
    throw FileError(file.file(), fmt::format("{}/{}: has {} rows, the frontier {}", group, name,
                                             column.size(), rows));
  return column;
}

void require_expressible(const ModelEntry& model, const std::string& option,
                         const std::string& word) {
  if (!model.not_expressible.empty())
    throw InputError({{.file = "command line",
                       .key = option,
                       .value = word,
                       .rule = "the architecture cannot express it: " + model.not_expressible}});
}

/// A model as the result keeps it: an entry of a table or a config.json.
ModelEntry read_kept_model(const format::Hdf5Reader& file, const std::string& kind,
                           const std::string& id) {
  const std::string path = "/inputs/" + kind + "/" + id;
  const std::string name = format::attribute_as<std::string>(file, path, "file");
  ModelEntry entry = is_config(name) ? model_from_config(read_config_json(file.text(path), name))
                                     : read_kept(file, kind, id, read_model);
  entry.id = id;
  return entry;
}

std::vector<ModelEntry> read_kept_models(const format::Hdf5Reader& file, const std::string& kind) {
  std::vector<ModelEntry> models;
  for (const auto& id : datasets_in(file, "/inputs/" + kind))
    models.push_back(read_kept_model(file, kind, id));
  return models;
}

}  // namespace

std::string budget_suffix(const search::TargetInfo& target) {
  const std::string parts = fmt::format("{}.{}.{}.{}", target.device, target.precision,
                                        target.workload, to_string(target.objective));
  return target.id.starts_with(parts) ? target.id.substr(parts.size()) : "";
}

StudySetting read_setting(const format::Hdf5Reader& file) {
  return setting_of(format::attribute_as<std::string>(file, "/", "job_toml"),
                    file.file() + "/@job_toml");
}

StudySetting setting_of(const std::string& job_toml, const std::string& name) {
  const toml::table job = format::parse_toml(job_toml, name);
  format::Faults faults;
  const toml::table empty;
  const auto reader = [&](const char* key) {
    const toml::table* table = job[key].as_table();
    return format::TableReader(table == nullptr ? empty : *table, key, faults);
  };
  StudySetting setting;
  format::TableReader space = reader("space"), engine = reader("engine"),
                      targets = reader("targets");
  setting.space = read_space(space);
  setting.engine = read_engine(engine);
  setting.limits = read_limits(targets);
  faults.throw_if_any();
  const toml::node* budget = targets.table().get("memory_budget");
  setting.memory_budget = budget == nullptr
                              ? "usable"
                              : budget->value<std::string>().value_or(format::to_line(*budget));
  return setting;
}

std::string budget_name(const StudySetting& setting, const search::TargetInfo& target) {
  const std::string suffix = budget_suffix(target);
  return suffix.empty() ? setting.memory_budget : suffix.substr(1);
}

search::Deployment read_deployment(const format::Hdf5Reader& file, const StudySetting& setting,
                                   const search::TargetInfo& target) {
  auto device = read_kept(file, "device", target.device, read_device);
  auto precision = read_kept(file, "precision", target.precision, read_precision);
  auto workload = read_kept(file, "workload", target.workload, read_workload);
  // A changed entry keeps the id of the one it changes in its text.
  device.id = target.device;
  precision.id = target.precision;
  workload.workload.id = target.workload;
  search::Deployment deployment{
      .scenario = model::make_scenario(device, precision, workload.workload, setting.engine),
      .limits = setting.limits};
  deployment.limits.tighten(workload.limits);
  deployment.limits.set(model::Objective::memory, target.memory_budget_bytes);
  return deployment;
}

model::Law read_kept_law(const format::Hdf5Reader& file, const std::string& id) {
  auto law = read_kept(file, "law", id, read_law);
  law.id = id;
  return law;
}

std::optional<double> read_loss_uncertainty(const format::Hdf5Reader& file,
                                            const std::string& precision) {
  return read_kept(file, "precision", precision, read_precision).loss_delta_uncertainty;
}

std::vector<ModelEntry> read_compared_models(const format::Hdf5Reader& file) {
  return read_kept_models(file, "compare");
}

std::vector<ModelEntry> read_public_models(const format::Hdf5Reader& file) {
  return read_kept_models(file, "model");
}

std::vector<ModelEntry> named_models(const format::Hdf5Reader& file, SourceFiles& files,
                                     const std::string& option, const std::string& word) {
  std::vector<ModelEntry> models;
  for (const char* kind : {"compare", "model"})
    if (models.empty() && has(datasets_in(file, fmt::format("/inputs/{}", kind)), word))
      models.push_back(read_kept_model(file, kind, word));
  if (models.empty()) {
    toml::table table;
    format::apply_override(
        table, fmt::format("model={}", format::to_line(toml::value<std::string>(word))), option);
    format::Faults faults;
    Catalogue catalogue(files, "", faults);
    for (auto& loaded : catalogue.models(*table.get("model"), option))
      models.push_back(std::move(loaded.value));
    faults.throw_if_any();
  }
  for (const auto& model : models) require_expressible(model, option, word);
  return models;
}

FrontierRecord read_frontier(const format::Hdf5Reader& file, const search::TargetInfo& target) {
  const auto group = [&](const char* kind) {
    return fmt::format("/{}/{}/{}", kind, target.law, target.id);
  };
  const std::string frontier = group("frontiers"), sensitivity = group("sensitivity");
  FrontierRecord record;
  record.rows = read_table(file, frontier, row_columns());
  require_frontier(file, frontier, record.rows);
  const std::size_t rows = record.rows.size();
  record.worth_compute = column_or_none(file, sensitivity, "worth_compute", rows);
  record.worth_bandwidth = column_or_none(file, sensitivity, "worth_bandwidth", rows);
  record.worth_memory = column_or_none(file, sensitivity, "worth_memory", rows);
  record.latency_low_s = column_or_none(file, frontier, "latency_low_s", rows);
  record.latency_high_s = column_or_none(file, frontier, "latency_high_s", rows);
  return record;
}

}  // namespace rooflaw::io
