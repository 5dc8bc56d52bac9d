// What the tables of the inputs folder hold, an entry a line, or whole as JSON.

#include <algorithm>
#include <sstream>

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/format/words.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;
using nlohmann::json;

namespace {

const std::string list_usage = "list devices|precisions|workloads|models|laws [WORD] [--json]";

/// The table of an entry, all its keys as they stand.
json fields_of(const io::Provenance& provenance) {
  std::ostringstream text;
  text << toml::json_formatter{format::parse_toml(provenance.text, provenance.file)};
  return json::parse(text.str());
}

template <class T>
std::vector<json> entries(const std::vector<io::Loaded<T>>& loaded) {
  std::vector<json> all;
  for (const auto& entry : loaded) all.push_back(fields_of(entry.provenance));
  return all;
}

// What may be written with a unit comes as a number.

std::vector<json> devices(io::Catalogue& catalogue) {
  auto loaded = catalogue.all_devices();
  std::set<std::string> chips;
  for (const auto& chip : loaded) chips.insert(chip.value.id);
  // Behind the data sheets what was measured of them, by engine.
  for (auto& measured : catalogue.calibrated_devices())
    if (!chips.contains(measured.value.id)) loaded.push_back(std::move(measured));
  auto all = entries(loaded);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const model::Device& device = loaded[i].value;
    if (device.memory_bytes) all[i]["memory_bytes"] = *device.memory_bytes;
    for (const auto& [precision, efficiency] : device.efficiencies) {
      json& written = all[i]["efficiency"][precision];
      if (written.contains("layer_overhead"))
        written["layer_overhead"] = efficiency.layer_overhead_s;
    }
  }
  return all;
}

std::vector<json> precisions(io::Catalogue& catalogue) {
  return entries(catalogue.all_precisions());
}

std::vector<json> workloads(io::Catalogue& catalogue) {
  const auto loaded = catalogue.all_workloads();
  auto all = entries(loaded);
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& limit : loaded[i].value.limits.finite())
      all[i][std::string(entry(limit.objective).limit_key)] = limit.bound;
  return all;
}

std::vector<json> models(io::Catalogue& catalogue) {
  const auto loaded = catalogue.all_models();
  auto all = entries(loaded);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool expressible = loaded[i].value.not_expressible.empty();
    all[i]["expressible"] = expressible;
    if (!expressible) continue;
    const auto& architecture = loaded[i].value.architecture;
    all[i]["layers_in_all"] = model::depth(architecture);
    all[i]["kinds_of_layers"] = 1 + architecture.further.size();
    const auto [total, active] = parameters(model::lift(architecture));
    all[i]["params_total"] = total;
    all[i]["params_active"] = active;
  }
  return all;
}

std::vector<json> laws(io::Catalogue& catalogue) {
  const auto loaded = catalogue.all_laws();
  auto all = entries(loaded);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const model::Law& law = loaded[i].value;
    all[i]["form"] = name_of(law.form);
    all[i]["opinion_on"] = opinions(law);
    all[i]["silent_on"] = silent_on(law);
    all[i]["searchable"] = is_separable(law);
    if (!is_separable(law)) all[i]["why_not_searchable"] = why_not_searched(law);
  }
  return all;
}

std::string plain(const json& x) {
  if (x.is_string()) return x.get<std::string>();
  return x.is_number() ? fmt::format("{:.10g}", x.get<double>()) : x.dump();
}
std::string bytes(const json& x) { return readable_bytes(x.get<double>()); }
std::string seconds(const json& x) { return readable_seconds(x.get<double>()); }
std::string bytes_per_second(const json& x) { return readable_count(x.get<double>(), "B/s"); }
std::string flops(const json& x) { return readable_count(x.get<double>(), "FLOP/s"); }
std::string count(const json& x) { return readable_count(x.get<double>()); }

std::string words(const json& x) {
  return fmt::format("{}", fmt::join(x.get<std::vector<std::string>>(), ", "));
}

struct ListColumn {
  const char* title;
  const char* pointer;  // JSON pointer into the entry
  std::string (*text)(const json&);
};

struct Listing {
  std::string_view name;
  std::vector<json> (*read)(io::Catalogue&);
  std::vector<ListColumn> columns;
};

const std::vector<Listing>& tables() {
  static const std::vector<Listing> all{{"devices",
                                         devices,
                                         {{"id", "/id", plain},
                                          {"memory", "/memory_bytes", bytes},
                                          {"bandwidth", "/bandwidth", bytes_per_second},
                                          {"fp16", "/peak_flops/fp16", flops},
                                          {"int8", "/peak_flops/int8", flops},
                                          {"confidence", "/confidence", plain},
                                          {"name", "/name", plain}}},
                                        {"precisions",
                                         precisions,
                                         {{"id", "/id", plain},
                                          {"weights B", "/weight_bytes", plain},
                                          {"head B", "/head_bytes", plain},
                                          {"activations B", "/activation_bytes", plain},
                                          {"KV B", "/kv_bytes", plain},
                                          {"matmul", "/matmul", plain},
                                          {"loss delta", "/loss_delta", plain},
                                          {"confidence", "/confidence", plain},
                                          {"name", "/name", plain}}},
                                        {"workloads",
                                         workloads,
                                         {{"id", "/id", plain},
                                          {"batch", "/batch", plain},
                                          {"in", "/input_tokens", plain},
                                          {"out", "/output_tokens", plain},
                                          {"prefill within", "/max_prefill_s", seconds},
                                          {"token within", "/max_tpot_s", seconds},
                                          {"total within", "/max_total_s", seconds},
                                          {"name", "/name", plain}}},
                                        {"models",
                                         models,
                                         {{"id", "/id", plain},
                                          {"layers", "/layers_in_all", plain},
                                          {"kinds", "/kinds_of_layers", plain},
                                          {"width", "/width", plain},
                                          {"heads", "/heads", plain},
                                          {"KV heads", "/kv_heads", plain},
                                          {"FFN", "/expert_ffn", plain},
                                          {"experts", "/experts", plain},
                                          {"top-k", "/top_k", plain},
                                          {"vocab", "/vocab", plain},
                                          {"parameters", "/params_total", count},
                                          {"active", "/params_active", count},
                                          {"expressible", "/expressible", plain}}},
                                        {"laws",
                                         laws,
                                         {{"id", "/id", plain},
                                          {"runs", "/runs", plain},
                                          {"R2 held out", "/r2_held_out", plain},
                                          {"layers", "/range/layers", plain},
                                          {"width", "/range/width", plain},
                                          {"form", "/form", plain},
                                          {"searchable", "/searchable", plain},
                                          {"opinion on", "/opinion_on", words},
                                          {"confidence", "/confidence", plain},
                                          {"name", "/name", plain}}}};
  return all;
}

const Listing& table_named(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& table : tables()) {
    if (table.name == name) return table;
    known.emplace_back(table.name);
  }
  throw InputError({{.file = "command line",
                     .key = "table",
                     .value = name,
                     .rule = format::one_of({known.begin(), known.end()}),
                     .hint = format::did_you_mean(name, known)}});
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_about(const json& entry, const std::string& word) {
  static constexpr const char* names[] = {"id", "name"};
  return std::any_of(std::begin(names), std::end(names), [&](const char* key) {
    return entry.contains(key) && lower(plain(entry[key])).find(word) != std::string::npos;
  });
}

void print_lines(const Listing& table, const std::vector<json>& shown) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& column : table.columns) lines[0].emplace_back(column.title);
  for (const auto& entry : shown) {
    auto& line = lines.emplace_back();
    for (const auto& column : table.columns) {
      const json::json_pointer at(column.pointer);
      line.push_back(entry.contains(at) ? column.text(entry.at(at)) : "-");
    }
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[c].size());
      text += c + 1 == line.size() ? line[c] : fmt::format("{:<{}}  ", line[c], width);
    }
    fmt::print("{}\n", text);
  }
}

}  // namespace

ExitCode list_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("json", po::bool_switch(), "print a JSON list of the entries, all fields");
  const auto values = parse_arguments(
      arguments, list_usage,
      "What the tables of the inputs folder hold; with WORD the entries that have it in their id "
      "or name.\nIds stand wherever a job, a case or an option names a device, precision, "
      "workload, model or law.\nExample: rooflaw list devices orin",
      options, {"TABLE", "WORD"});
  if (!values) return ExitCode::done;
  const Listing& table = table_named(required(*values, "TABLE", list_usage));

  io::SourceFiles files;
  format::Faults faults;
  io::Catalogue catalogue(files, "", faults);
  auto shown = table.read(catalogue);
  faults.throw_if_any();
  if (values->count("WORD") > 0) {
    const std::string word = (*values)["WORD"].as<std::string>();
    std::erase_if(shown, [&](const json& entry) { return !is_about(entry, lower(word)); });
    if (shown.empty() && !(*values)["json"].as<bool>())
      fmt::print("none of the {} has \"{}\" in its id or name\n", table.name, word);
  }
  if ((*values)["json"].as<bool>())
    fmt::print("{}\n", json(shown).dump(2));
  else if (!shown.empty())
    print_lines(table, shown);
  return ExitCode::done;
}

}  // namespace rooflaw::app
