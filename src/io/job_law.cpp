#include "job_law.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "entry_list.hpp"
#include "foreign_names.hpp"
#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::io {

namespace {

constexpr std::size_t usual_resamples = 100;
constexpr std::int64_t least_resamples = 20, most_resamples = 10'000;
// Points that a search looks at one by one where it cannot bound them.
constexpr search::Index most_unbounded = 1'000'000'000;

/// What [law] says of the job, beside what laws it names.
struct OfJob {
  bool enforced = false;
  InputFault at_range{.file = "", .key = "law.range"};  // where that is said
  std::optional<double> tokens;
  std::optional<std::int64_t> resamples;
  std::vector<Loaded<model::Law>> opinions;
};

/// Takes a key out of the table, so that a law may be read from the rest.
void take(toml::table& table, format::TableReader& reader, std::string_view key) {
  reader.allow({key});
  table.erase(key);
}

OfJob read_policy(format::TableReader& reader, toml::table& table) {
  OfJob policy;
  // In a job `range` may be this policy instead of the table of an inline law.
  const toml::node* word = table.get("range");
  if (word == nullptr || word->is_table()) return policy;
  const auto enforce = reader.word<bool>(
      "range",
      [](const std::string& name) -> std::optional<bool> {
        if (name == "enforce") return true;
        if (name == "flag") return false;
        return std::nullopt;
      },
      "must be \"flag\" or \"enforce\"", HintFrom{{"flag", "enforce"}});
  policy.enforced = enforce.value_or(false);
  const auto& source = word->source();
  policy.at_range = {.file = source.path ? *source.path : "",
                     .line = source.begin.line,
                     .column = source.begin.column,
                     .key = "law.range",
                     .value = format::to_line(*word)};
  take(table, reader, "range");
  return policy;
}

template <class Load>
OfJob read_of_job(format::TableReader& reader, toml::table& table, const Load& load) {
  OfJob of_job = read_policy(reader, table);
  if (const toml::node* list = reader.node("second_opinions")) {
    of_job.opinions = list->is_array() ? read_entries<model::Law>(reader, "second_opinions", load)
                                       : load(*list, "law.second_opinions");
    take(table, reader, "second_opinions");
  }
  // Of an inline law it may be the table of its own vectors.
  if (const toml::node* number = table.get("resamples"); number && !number->is_table()) {
    of_job.resamples = reader.integer("resamples", 0, most_resamples);
    if (of_job.resamples && *of_job.resamples > 0 && *of_job.resamples < least_resamples)
      reader.fault("resamples", fmt::format("must be 0, or from {} to {}: nine of ten of fewer are "
                                            "no band",
                                            least_resamples, most_resamples));
    take(table, reader, "resamples");
  }
  if (table.contains("tokens")) {
    of_job.tokens = reader.number("tokens", format::rules::at_least_one);
    take(table, reader, "tokens");
  }
  return of_job;
}

/// The law, and its text in the result, for so many training tokens.
void plan_tokens(Loaded<model::Law>& law, double tokens) {
  law.value.tokens = tokens;
  toml::table text = toml::parse(law.provenance.text);
  text.insert_or_assign("tokens", tokens);
  law.provenance.text = format::to_text(text);
}

std::string names_of(const std::vector<model::Law>& laws) {
  std::vector<std::string> names;
  for (const auto& law : laws) names.push_back(law.id);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// An axis along which no law says anything would be searched to its cheapest end.
void require_opinions(format::TableReader& reader, const toml::table& root, const Job& job) {
  const auto& space = job.question.space;
  const auto& laws = job.question.laws;
  // Of a law that no search can use that is said, and enough.
  if (!std::all_of(laws.begin(), laws.end(), model::is_separable)) return;
  for (const search::Axis axis : search::all_axes) {
    const auto& home = search::home_of(axis);
    if (search::axis_lengths(space)[axis] < 2) continue;
    if (std::any_of(laws.begin(), laws.end(), [&](const model::Law& law) {
          return model::has_opinion(law, home.law_variable);
        }))
      continue;
    std::string key(home.key);
    // Its values stand under other keys than the axis.
    for (const char* of_attention : {"mla", "kv_heads"})
      if (axis == search::Axis::attention && root["space"][of_attention]) key = of_attention;
    const toml::node* values = root["space"][key].node();
    if (values == nullptr) continue;  // the space has told what it lacks
    reader.faults().add(
        *values, "space." + key,
        fmt::format("no law of the job ({}) has an opinion on the {}: the search would go to "
                    "whatever value is fastest; give one value, or a further law in law.id",
                    names_of(laws), to_string(home.law_variable)));
  }
}

bool can_be_bounded(const model::Law& law) {
  return model::is_monotone(law) &&
         std::all_of(law.resamples.begin(), law.resamples.end(), model::is_monotone);
}

void require_searchable(format::TableReader& reader, const Job& job) {
  for (const auto& law : job.question.laws) {
    if (!model::is_separable(law))
      reader.fault("id", fmt::format("law {} {}: name it in law.second_opinions, or in evaluate",
                                     law.id, why_not_searched(law)));
    else if (std::holds_alternative<search::Exact>(job.method) && !can_be_bounded(law) &&
             reader.faults().empty() && search::count_within(job.question.space) > most_unbounded)
      reader.fault("id",
                   fmt::format("law {}, or a resample of it, has a negative term, or a loss that "
                               "rises with the FFN ratio "
                               "or the number of experts: boxes cannot be bounded, every point is "
                               "looked at, and the space has more than {}",
                               law.id, most_unbounded));
  }
}

void enforce_range(format::TableReader& reader, InputFault at_range, Job& job) {
  const auto& laws = job.question.laws;
  const model::LawRange& range = laws.front().range;
  if (laws.size() > 1)
    at_range.rule = "\"enforce\" goes with one law: ranges differ";
  else if (range == model::LawRange{})
    at_range.rule = "\"enforce\" goes with a law that states its range; this one states none";
  job.question.space.within = range;
  if (at_range.rule.empty() && reader.faults().empty() &&
      search::count_within(job.question.space) == 0)
    at_range.rule =
        fmt::format("leaves no architecture: none of the space lies in the range of law \"{}\"",
                    laws.front().id);
  if (!at_range.rule.empty()) reader.faults().add(at_range);
}

void note_caveats(const OfJob& of_job, Job& job) {
  const auto note = [&](const model::Law& law) {
    for (auto& text : caveats(law, of_job.tokens.has_value())) job.notes.push_back(std::move(text));
  };
  for (const auto& law : job.question.laws) note(law);
  for (const auto& law : job.opinions) note(law.value);
}

}  // namespace

void read_job_law(format::TableReader& reader, toml::table& root, Catalogue& catalogue, Job& job) {
  toml::table& table = *root["law"].as_table();
  const auto load = [&](const auto& node, const auto& key) { return catalogue.laws(node, key); };
  OfJob of_job = read_of_job(reader, table, load);
  std::vector<Loaded<model::Law>> laws;
  const bool has_fields =
      std::any_of(table.begin(), table.end(), [](const auto& e) { return e.first != "id"; });
  if (has_fields) {
    laws = catalogue.laws(table, "law");
    for (const auto& [key, value] : table) reader.allow({key.str()});
  } else if (const toml::node* id = reader.node("id")) {
    laws = id->is_array() ? read_entries<model::Law>(reader, "id", load) : load(*id, "law.id");
  } else {
    reader.fault("id", "is missing");
  }
  const auto searches = [&](const Loaded<model::Law>& opinion) {
    return std::any_of(laws.begin(), laws.end(),
                       [&](const auto& law) { return law.provenance.id == opinion.provenance.id; });
  };
  std::erase_if(of_job.opinions, searches);  // it speaks anyway
  job.opinions = std::move(of_job.opinions);
  for (auto* list : {&laws, &job.opinions})
    for (auto& law : *list) {
      if (of_job.tokens) plan_tokens(law, *of_job.tokens);
      job.inputs.push_back(law.provenance);
    }
  job.resamples = static_cast<std::size_t>(of_job.resamples.value_or(usual_resamples));
  for (auto& law : laws) {
    auto& resamples = law.value.resamples;
    resamples.resize(std::min(resamples.size(), job.resamples));
    job.question.laws.push_back(std::move(law.value));
  }
  reader.reject_unknown_keys();
  if (laws.empty()) return;
  require_opinions(reader, root, job);
  require_searchable(reader, job);
  if (of_job.enforced) enforce_range(reader, of_job.at_range, job);
  note_caveats(of_job, job);
}

}  // namespace rooflaw::io
