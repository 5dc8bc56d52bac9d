#pragma once
// What a result was searched under, from the texts it keeps: enough to evaluate an architecture on
// its targets once more, without the files of the inputs folder.

#include <optional>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/search/question.hpp"
#include "rooflaw/search/result.hpp"

namespace rooflaw::io {

/// A table of /inputs, read. @throws FileError if the result has none of this kind and id;
/// InputError if it is not as it should be
template <class Read>
auto read_kept(const format::Hdf5Reader& file, const std::string& kind, const std::string& id,
               Read read) {
  const std::string path = "/inputs/" + kind + "/" + id;
  const toml::table table = format::parse_toml(file.text(path), file.file() + path);
  format::Faults faults;
  format::TableReader reader(table, kind, faults);
  auto value = read(reader);
  faults.throw_if_any();
  return value;
}

/// What the id of a target has behind its parts: "." and its budget where the job lists several,
/// else nothing.
std::string budget_suffix(const search::TargetInfo& target);

/// What a job says for all of its targets.
struct StudySetting {
  search::Space space;
  model::Engine engine;
  model::Limits limits;       // of [targets], but for the memory
  std::string memory_budget;  // in the job's words, "usable" by default
};
/// @throws FileError if the result has no job; InputError if its job is not as it should be
StudySetting read_setting(const format::Hdf5Reader& file);
/// Of the text of a whole job, called `name` in messages. @throws InputError
StudySetting setting_of(const std::string& job_toml, const std::string& name);

/// The name of a target's memory budget: its own, or that of all.
std::string budget_name(const StudySetting& setting, const search::TargetInfo& target);

/// What a target was searched under. @throws as read_kept
search::Deployment read_deployment(const format::Hdf5Reader& file, const StudySetting& setting,
                                   const search::TargetInfo& target);
model::Law read_kept_law(const format::Hdf5Reader& file, const std::string& id);
/// Half-width of the published values of a precision's loss penalty, nats; empty: unknown.
std::optional<double> read_loss_uncertainty(const format::Hdf5Reader& file,
                                            const std::string& precision);

/// The models of the job's [compare], as they were. @throws as read_kept
std::vector<ModelEntry> read_compared_models(const format::Hdf5Reader& file);
/// The public models, as they were. @throws as read_kept
std::vector<ModelEntry> read_public_models(const format::Hdf5Reader& file);

/// The models that a word of the command line names: an id of those that the result knows, else as
/// Catalogue::models. @throws InputError, naming `option`, if there is none or no architecture here
/// expresses it
std::vector<ModelEntry> named_models(const format::Hdf5Reader& file, SourceFiles& files,
                                     const std::string& option, const std::string& word);

/// A frontier with what a comparison takes from the tables beside it.
struct FrontierRecord {
  std::vector<search::Row> rows;
  // Each empty where the result has none, else an entry a row.
  std::vector<double> worth_compute, worth_bandwidth, worth_memory;  // nats per 1 %
  std::vector<double> latency_low_s, latency_high_s;
};
/// @throws FileError if columns are missing that each result has, if they differ in length, or if
///         the objective does not rise and the loss not fall from row to row
FrontierRecord read_frontier(const format::Hdf5Reader& file, const search::TargetInfo& target);

}  // namespace rooflaw::io
