#include "rooflaw/io/job_file.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "entry_list.hpp"
#include "foreign_names.hpp"
#include "job_law.hpp"
#include "portfolio_reader.hpp"
#include "rooflaw/format/toml_override.hpp"
#include "rooflaw/io/file_purpose.hpp"
#include "space_reader.hpp"
#include "target_reader.hpp"

namespace rooflaw::io {

namespace {

constexpr std::int64_t most_samples = 1'000'000'000'000;
constexpr std::int64_t most_scored = 10'000'000;  // plas keeps what it scored

void read_seconds(format::TableReader& reader, double& max_seconds) {
  max_seconds = reader.number("max_seconds", format::rules::seconds).value_or(max_seconds);
}

void read_options(format::TableReader& reader, search::Exact& exact) {
  exact.tolerance =  // 0, not -0
      reader.number("tolerance", format::rules::non_negative).value_or(exact.tolerance) + 0.0;
}

void read_options(format::TableReader&, search::Grid&) {}

void read_options(format::TableReader& reader, search::Sample& sample) {
  sample.points = reader.integer("max_evaluations", 1, most_samples).value_or(sample.points);
  if (!reader.has("max_evaluations"))
    reader.fault("max_evaluations", "is missing: strategy \"sample\" needs it");
  read_seconds(reader, sample.max_seconds);
}

void read_options(format::TableReader& reader, search::PlasOptions& plas) {
  const auto count = [&](std::string_view key, std::int64_t low, std::int64_t& value) {
    value = reader.integer(key, low, most_scored).value_or(value);
  };
  count("max_evaluations", 1, plas.max_evaluations);
  count("initial_samples", 1, plas.initial_samples);
  count("gaps_per_round", 0, plas.gaps_per_round);
  count("moves_per_stretch", 1, plas.moves_per_stretch);
  plas.hypervolume_gain =
      reader.number("hypervolume_gain", format::rules::fraction).value_or(plas.hypervolume_gain);
  read_seconds(reader, plas.max_seconds);
}

/// A key that goes with other methods only is told so; it is known all the same.
void read_search(format::TableReader& reader, Job& job) {
  const auto method = reader.word<search::Method>(
      "strategy", search::method_from, "must be \"exact\", \"grid\", \"sample\" or \"plas\"",
      HintFrom{{"exact", "grid", "sample", "plas"}});
  job.method = method.value_or(job.method);
  std::visit([&](auto& options) { read_options(reader, options); }, job.method);
  const bool known = method.has_value() || !reader.has("strategy");
  const auto name = to_string(job.method);
  const auto only_with = [&](std::initializer_list<std::string_view> methods, const char* rule,
                             std::initializer_list<std::string_view> keys) {
    const bool right = std::find(methods.begin(), methods.end(), name) != methods.end();
    reader.allow(keys);
    for (const auto key : keys)
      if (known && !right && reader.has(key)) reader.fault(key, rule);
  };
  only_with(
      {"sample", "plas"},
      "goes with strategies \"sample\" and \"plas\"; \"exact\" and \"grid\" cover every point",
      {"max_evaluations", "max_seconds"});
  only_with({"exact"}, "goes with strategy \"exact\"", {"tolerance"});
  only_with({"plas"}, "goes with strategy \"plas\"",
            {"initial_samples", "gaps_per_round", "moves_per_stretch", "hypervolume_gain"});
  reader.reject_unknown_keys();
}

void read_refine(format::TableReader& reader, search::RefineOptions& refine) {
  auto& plas = refine.plas;
  refine.enabled = reader.boolean("enabled").value_or(refine.enabled);
  refine.in_range = reader
                        .word<bool>(
                            "range",
                            [](const std::string& name) -> std::optional<bool> {
                              if (name == "law") return true;
                              if (name == "any") return false;
                              return std::nullopt;
                            },
                            "must be \"law\" or \"any\"", HintFrom{{"law", "any"}})
                        .value_or(refine.in_range);
  plas.max_evaluations =
      reader.integer("max_evaluations", 1, most_scored).value_or(plas.max_evaluations);
  plas.hypervolume_gain =
      reader.number("hypervolume_gain", format::rules::fraction).value_or(plas.hypervolume_gain);
  reader.reject_unknown_keys();
}

/// The user's own models go where the public ones are, and in the place of one of the same id.
void read_compare(format::TableReader& reader, Catalogue& catalogue, Job& job) {
  const auto load = [&](const toml::node& node, const std::string& key) {
    auto loaded = catalogue.models(node, key);
    for (const auto& model : loaded)
      if (!model.value.not_expressible.empty())
        reader.faults().add(node, key,
                            fmt::format("the architecture cannot express {}: {}", model.value.id,
                                        model.value.not_expressible));
    return loaded;
  };
  auto models = read_entries<ModelEntry>(reader, "models", load);
  reader.reject_unknown_keys();
  for (auto& model : models) {
    Provenance kept = model.provenance;
    kept.kind = "compare";
    job.inputs.push_back(std::move(kept));
    const auto known = std::find_if(job.models.begin(), job.models.end(), [&](const auto& other) {
      return other.value.id == model.value.id;
    });
    (known == job.models.end() ? job.models.emplace_back() : *known).value = std::move(model.value);
  }
}

/// A portfolio is searched as `exact` does, to the end.
void require_proof(format::TableReader reader, const search::Method& method) {
  if (!search::proven_gap(method))
    reader.fault("strategy", "proves nothing; a portfolio is proven: \"exact\", or no [search]");
  else if (search::proven_gap(method) != 0.0)
    reader.fault("tolerance", "is of frontiers; a portfolio has none");
}

/// What the command line names is the user's affair, --set job.output as -o.
void require_place(format::TableReader& reader, const SourceFiles& files, const std::string& output,
                   const std::string& folder) {
  const auto& source = reader.table().get("output")->source().path;
  if (source && format::is_option(*source)) return;
  if (const auto rule = files.forbidden_output(output, folder); !rule.empty())
    reader.fault("output", rule);
}

}  // namespace

Job read_job(SourceFiles& files, const std::string& path, const std::vector<std::string>& overrides,
             OutputKey output, PortfolioTable portfolio) {
  toml::table table = format::parse_toml(files.read_given(path), path);
  require_job(table);
  for (const auto& text : overrides) format::apply_override(table, text);

  format::Faults faults;
  format::TableReader root(table, "", faults);
  Catalogue catalogue(files, files.folder_of(path), faults);
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
    if (output == OutputKey::required && !job.output.empty())
      require_place(reader, files, job.output, files.folder_of(path));
    job.question.seed = static_cast<std::uint64_t>(
        reader.integer("seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(1));
    reader.reject_unknown_keys();
  }
  if (format::TableReader reader = sub("search", false); table["search"].is_table())
    read_search(reader, job);
  if (format::TableReader reader = sub("refine", false); table["refine"].is_table())
    read_refine(reader, job.refine);
  if (const auto* plas = std::get_if<search::PlasOptions>(&job.method)) {
    job.refine.plas.gaps_per_round = plas->gaps_per_round;
    job.refine.plas.moves_per_stretch = plas->moves_per_stretch;
  }
  if (format::TableReader reader = sub("space", true); table["space"].is_table())
    job.question.space = read_space(reader);
  if (format::TableReader reader = sub("law", true); table["law"].is_table())
    read_job_law(reader, table, catalogue, job);
  format::TableReader engine_reader = sub("engine", false);
  const model::Engine engine = read_engine(engine_reader);
  if (format::TableReader reader = sub("targets", true); table["targets"].is_table())
    read_targets(reader, catalogue, engine, job);
  const bool for_portfolio = portfolio == PortfolioTable::required;
  if (format::TableReader reader = sub("portfolio", for_portfolio); table["portfolio"].is_table())
    job.portfolio = read_portfolio(reader, job.question);
  if (format::TableReader reader = sub("search", false); for_portfolio)
    require_proof(reader, job.method);
  job.models = catalogue.all_models();
  for (const auto& m : job.models) job.inputs.push_back(m.provenance);
  if (format::TableReader reader = sub("compare", false); table["compare"].is_table())
    read_compare(reader, catalogue, job);
  root.reject_unknown_keys();
  faults.throw_if_any();

  std::sort(job.inputs.begin(), job.inputs.end(), [](const Provenance& a, const Provenance& b) {
    return std::tie(a.kind, a.id) < std::tie(b.kind, b.id);
  });
  return job;
}

}  // namespace rooflaw::io
