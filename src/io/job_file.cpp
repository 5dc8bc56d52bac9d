#include "rooflaw/io/job_file.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "rooflaw/format/toml_override.hpp"
#include "space_reader.hpp"
#include "target_reader.hpp"

namespace rooflaw::io {

using search::Question;

namespace {

void read_search(format::TableReader& reader, Question& question) {
  using search::Strategy;
  const auto strategy = reader.word<Strategy>(
      "strategy", search::strategy_from, "must be \"exact\", \"grid\", \"sample\" or \"plas\"");
  question.strategy = strategy.value_or(question.strategy);
  constexpr std::int64_t most = 1'000'000'000'000;
  constexpr std::int64_t most_scored = 10'000'000;  // plas keeps what it scored
  const bool plas = question.strategy == Strategy::plas;
  if (const auto n = reader.integer("max_evaluations", 1, plas ? most_scored : most)) {
    question.max_evaluations = *n;
    question.plas.max_evaluations = *n;
  }
  if (const auto s = reader.number("max_seconds", format::rules::positive))
    question.max_seconds = *s;
  auto& settings = question.plas;
  const auto count = [&](std::string_view key, std::int64_t low, std::int64_t& value) {
    value = reader.integer(key, low, most_scored).value_or(value);
  };
  count("initial_samples", 1, settings.initial_samples);
  count("gaps_per_round", 0, settings.gaps_per_round);
  count("moves_per_stretch", 1, settings.moves_per_stretch);
  settings.hypervolume_gain = reader.number("hypervolume_gain", format::rules::fraction)
                                  .value_or(settings.hypervolume_gain);

  if (question.strategy == Strategy::sample && !reader.has("max_evaluations"))
    reader.fault("max_evaluations", "is missing: strategy \"sample\" needs it");
  const bool known = strategy.has_value() || !reader.has("strategy");
  const auto only_with = [&](std::initializer_list<std::string_view> keys, bool right,
                             const char* rule) {
    for (const auto key : keys)
      if (known && !right && reader.has(key)) reader.fault(key, rule);
  };
  question.tolerance =
      reader.number("tolerance", format::rules::non_negative).value_or(question.tolerance);
  only_with(
      {"max_evaluations", "max_seconds"}, plas || question.strategy == Strategy::sample,
      "goes with strategies \"sample\" and \"plas\"; \"exact\" and \"grid\" cover every point");
  only_with({"tolerance"}, question.strategy == Strategy::exact, "goes with strategy \"exact\"");
  only_with({"initial_samples", "gaps_per_round", "moves_per_stretch", "hypervolume_gain"}, plas,
            "goes with strategy \"plas\"");
  reader.reject_unknown_keys();
}

void read_refine(format::TableReader& reader, search::RefineOptions& refine) {
  refine.enabled = reader.boolean("enabled").value_or(refine.enabled);
  refine.max_evaluations =
      reader.integer("max_evaluations", 1, 10'000'000).value_or(refine.max_evaluations);
  refine.hypervolume_gain =
      reader.number("hypervolume_gain", format::rules::fraction).value_or(refine.hypervolume_gain);
  reader.reject_unknown_keys();
}

/// `table` is that of `reader`; a policy in it is taken out.
void read_job_law(format::TableReader& reader, toml::table& table, Catalogue& catalogue, Job& job) {
  // In a job `range` may be this policy instead of the table of an inline law.
  bool enforced = false;
  if (!table["range"].is_table()) {
    const auto enforce = reader.word<bool>(
        "range",
        [](const std::string& word) -> std::optional<bool> {
          if (word == "enforce") return true;
          if (word == "flag") return false;
          return std::nullopt;
        },
        "must be \"flag\" or \"enforce\"");
    enforced = enforce.value_or(false);
    table.erase("range");
  }
  std::vector<Loaded<model::Law>> laws;
  if (reader.has("kappa_l")) {
    laws = catalogue.laws(table, "law");
    for (const auto& [key, value] : table) reader.allow({key.str()});
  } else if (const toml::node* id = reader.node("id")) {
    laws = catalogue.laws(*id, "law.id");
    if (laws.size() > 1) reader.fault("id", "names a file of several laws; a job takes one");
  } else {
    reader.fault("id", "is missing");
  }
  if (laws.size() == 1) {
    job.question.law = laws.front().value;
    if (enforced) job.question.space.within = job.question.law.range;
    job.inputs.push_back(laws.front().provenance);
  }
  reader.reject_unknown_keys();
}

}  // namespace

Job read_job(SourceFiles& files, const std::string& path, const std::vector<std::string>& overrides,
             OutputKey output) {
  toml::table table = format::parse_toml(files.read(path), path);
  for (const auto& text : overrides) format::apply_override(table, text);

  format::Faults faults;
  format::TableReader root(table, "", faults);
  Catalogue catalogue(files, std::filesystem::path(path).parent_path().string(), faults);
  Job job;
  // Overrides are part of what was run; without them the file's own words are kept.
  job.text = overrides.empty() ? files.read(path) : format::to_text(table);

  const toml::table empty;
  const auto sub = [&](const char* key, bool required) {
    if (required && !root.has(key)) root.fault(key, "is missing");
    const toml::table* found = root.sub_table(key);
    return format::TableReader(found == nullptr ? empty : *found, key, faults);
  };
  if (format::TableReader reader = sub("job", true); table["job"].is_table()) {
    job.name = reader.required_text("name");
    job.output = reader.text("output").value_or("");
    if (output == OutputKey::required && !reader.has("output"))
      reader.fault("output", "is missing, and there is no -o FILE.h5");
    job.question.seed = static_cast<std::uint64_t>(
        reader.integer("seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(1));
    reader.reject_unknown_keys();
  }
  if (format::TableReader reader = sub("search", false); table["search"].is_table())
    read_search(reader, job.question);
  if (format::TableReader reader = sub("refine", false); table["refine"].is_table())
    read_refine(reader, job.question.refine);
  if (format::TableReader reader = sub("space", true); table["space"].is_table())
    job.question.space = read_space(reader);
  if (format::TableReader reader = sub("law", true); table["law"].is_table())
    read_job_law(reader, *table["law"].as_table(), catalogue, job);
  format::TableReader engine_reader = sub("engine", false);
  const model::Engine engine = read_engine(engine_reader);
  if (format::TableReader reader = sub("targets", true); table["targets"].is_table())
    read_targets(reader, catalogue, engine, job);
  root.reject_unknown_keys();
  job.models = catalogue.all_models();
  faults.throw_if_any();

  for (const auto& m : job.models) job.inputs.push_back(m.provenance);
  std::sort(job.inputs.begin(), job.inputs.end(), [](const Provenance& a, const Provenance& b) {
    return std::tie(a.kind, a.id) < std::tie(b.kind, b.id);
  });
  return job;
}

}  // namespace rooflaw::io
