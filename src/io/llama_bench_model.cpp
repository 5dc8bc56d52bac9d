// Which of our models a line like "qwen2 1.5B Q4_K - Medium | 1.04 GiB | 1.78 B" speaks of.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "llama_bench.hpp"
#include "rooflaw/format/words.hpp"
#include "rooflaw/model/continuous.hpp"

namespace rooflaw::io {

namespace {

/// Names of llama.cpp's architectures under which it runs models that are called otherwise.
struct Family {
  std::string_view name;
  std::string_view beginnings[7];  // of ids, letters and digits only
};
constexpr Family families[] = {
    {"llama", {"tinyllama", "mistral", "mixtral", "smollm", "falcon3", "fox", "mobilellm"}},
    {"mistral3", {"mistral"}},
    {"qwen2", {"qwen15"}},
    {"qwen2moe", {"qwen15moe"}},
    {"phi3", {"phi4"}},
    {"phimoe", {"phi35moe"}},
    {"deepseek2", {"deepseek", "moonlight"}},
    {"nemotronhmoe", {"nemotron"}},
    {"nemotronh", {"nemotron"}},
    {"mamba", {"falconmamba"}},
    {"gptneox", {"pythia"}}};
/// Endings of architectures that the names of their models lack.
constexpr std::string_view kinds[] = {"moe", "hybrid", "next"};

/// Letters and digits, in lower case.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : format::lower(std::string(text)))
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  return out;
}

bool belongs(const std::string& id, const std::string& family) {
  const std::string start = plain(id);
  for (const auto& [name, beginnings] : families)
    if (family == name)
      for (const auto beginning : beginnings)
        if (!beginning.empty() && start.starts_with(beginning)) return true;
  std::string stem = family;
  for (const auto kind : kinds)
    if (stem.ends_with(kind) && stem.size() > kind.size()) stem.resize(stem.size() - kind.size());
  return !stem.empty() && start.starts_with(stem);
}

/// Norms and biases, which we do not count, are below 0.2 % of a model.
constexpr double uncounted = 0.0025;

bool is_near(double ours, double printed, double rounding, double tolerance) {
  return std::abs(printed - ours) <= tolerance * ours + rounding;
}

/// Parameters of a layer that predicts the token after the next, and of what joins it to the rest.
double prediction_layer(const model::Architecture& a) {
  double layer = 0;
  for_each_group(a, [&](const model::Layers& group) {
    if (layer > 0 || group.attention == model::AttentionKind::recurrent) return;
    const auto ffn = model::ffn_shape(group, a.width);
    layer = model::attention_shape(group, a.width).weights() + ffn.weights() + ffn.router_weights();
  });
  const auto width = static_cast<double>(a.width);
  return layer + 2 * width * width;
}

/// How a file has a model of so many parameters; nullopt if it cannot be this one.
std::optional<StoredModel> stored_as(const ModelEntry& m, const BenchModel& printed) {
  const auto& a = m.architecture;
  const double once = model::parameters(model::lift(a)).total;
  const double table = static_cast<double>(a.vocab) * static_cast<double>(a.width);
  const double prediction = prediction_layer(a);
  // What we leave out of a model, its publisher counts.
  for (const double count : {once, m.published_params.value_or(once)}) {
    const auto is_printed_with = [&](double more, double tolerance = uncounted) {
      return is_near(count + more, *printed.params, printed.params_rounding, tolerance);
    };
    if (is_printed_with(0)) return StoredModel{};
    if (a.tied && is_printed_with(table)) return StoredModel{.twice = true};
    // The layer may have a gate that the architecture has not.
    if (is_printed_with(prediction, 2 * uncounted))
      return StoredModel{.share_read = count / (count + prediction)};
  }
  return std::nullopt;
}

/// 7B, 0.5B, 335M: as often rounded as not.
bool agrees_with_label(const ModelEntry& m, const std::string& label) {
  double x = 0;
  const char* end = label.data() + label.size();
  const auto [stop, error] = std::from_chars(label.data(), end, x);
  if (error != std::errc() || stop + 1 != end || (*stop != 'B' && *stop != 'M'))
    return label.empty() || label.front() == '?' ||
           plain(m.id).find(plain(label)) != std::string::npos;
  const double ratio = x * (*stop == 'B' ? 1e9 : 1e6) /
                       std::max(1.0, model::parameters(model::lift(m.architecture)).total);
  return ratio > 0.75 && ratio < 1.34;
}

bool fits(const ModelEntry& m, const BenchModel& printed) {
  // The fields of one that is not expressible do not count its parameters.
  if (printed.params && m.not_expressible.empty()) return stored_as(m, printed).has_value();
  return agrees_with_label(m, printed.size_label);
}

bool is_in_file_name(const ModelEntry& m, const BenchModel& printed) {
  return plain(printed.file_name).find(plain(m.id)) != std::string::npos;
}

bool has_size(const ModelEntry& m, const BenchModel& printed) {
  if (!printed.bytes || printed.format == nullptr) return false;
  const double ours = weight_bytes(m.architecture, *printed.format);
  return std::abs(*printed.bytes - ours) <= 0.01 * ours + printed.bytes_rounding;
}

using Candidates = std::vector<const ModelEntry*>;

template <class Holds>
Candidates those(const Candidates& of, Holds holds) {
  Candidates found;
  std::copy_if(of.begin(), of.end(), std::back_inserter(found),
               [&](const ModelEntry* m) { return holds(*m); });
  return found;
}

/// Models that compute the same are one, under the name that the file has, or else the first.
bool are_one(const Candidates& all) {
  return !all.empty() && std::all_of(all.begin(), all.end(), [&](const ModelEntry* m) {
    return m->architecture == all.front()->architecture;
  });
}

Candidates candidates_for(const BenchModel& printed, const MeasurementTables& tables) {
  Candidates all;
  for (const auto& m : tables.models()) all.push_back(&m);
  auto found = those(
      all, [&](const ModelEntry& m) { return belongs(m.id, printed.family) && fits(m, printed); });
  if (found.empty())
    found = those(
        all, [&](const ModelEntry& m) { return is_in_file_name(m, printed) && fits(m, printed); });
  const auto longest_name = [](const ModelEntry* a, const ModelEntry* b) {
    return plain(a->id).size() < plain(b->id).size();
  };
  auto named = those(found, [&](const ModelEntry& m) { return is_in_file_name(m, printed); });
  if (!named.empty()) return {*std::max_element(named.begin(), named.end(), longest_name)};
  if (are_one(found)) return {found.front()};
  auto sized = those(found, [&](const ModelEntry& m) { return has_size(m, printed); });
  if (are_one(sized)) return {sized.front()};
  return found;
}

std::string size_text(const BenchModel& printed) {
  return printed.params ? fmt::format(" with {:.3g} billion parameters", *printed.params / 1e9)
                        : std::string();
}

std::string names_of(const Candidates& list) {
  std::string names;
  for (std::size_t i = 0; i < list.size(); ++i)
    names += (i == 0 ? "" : i + 1 == list.size() ? " or " : ", ") + list[i]->id;
  return names;
}

}  // namespace

BenchModel read_bench_model(const BenchTest& test, const Quantisations& quantisations) {
  std::string type = test.text("model_type");
  for (const std::string_view extra : {" (guessed)", "(guessed) "})
    if (const auto at = type.find(extra); at != type.npos) type.erase(at, extra.size());
  BenchModel printed;
  const auto ending = quantisations.ending_of(type);
  printed.format = ending.precision;
  printed.format_printed = ending.name;
  if (ending.precision != nullptr) type = ending.before;
  const auto space = std::min(type.find(' '), type.size());
  printed.family = plain(type.substr(0, space));
  std::string rest = space < type.size() ? type.substr(space + 1) : "";
  if (rest.starts_with("v2 ")) {  // LLaMA v2 7B
    printed.family += '2';
    rest.erase(0, 3);
  }
  printed.size_label = rest.substr(0, rest.find(' '));
  printed.file_name = test.text("model_filename");
  return printed;
}

FoundModel find_bench_model(const BenchModel& printed, const MeasurementTables& tables) {
  const auto found = [&](const ModelEntry& m) {
    FoundModel result{.model = &m, .stored = {}, .rule = {}};
    if (printed.params && m.not_expressible.empty()) result.stored = stored_as(m, printed);
    return result;
  };
  const auto& chosen = tables.chosen_models();
  for (const auto& m : chosen)
    if (printed.params ? stored_as(m, printed).has_value() : chosen.size() == 1) return found(m);
  const Candidates candidates = candidates_for(printed, tables);
  if (candidates.size() == 1) return found(*candidates.front());
  // What a config.json does not say (gates, a vision tower) may be missing in its count.
  for (const auto& m : chosen)
    if (printed.params && is_near(model::parameters(model::lift(m.architecture)).total,
                                  *printed.params, printed.params_rounding, 0.05))
      return found(m);
  if (!candidates.empty())
    return {.model = nullptr,
            .stored = {},
            .rule = fmt::format("may be {}; --model ID says which", names_of(candidates))};
  std::string rule = fmt::format(
      "no model of this name{} is in models.toml; --model ID or --model FOLDER/config.json says "
      "which it is",
      size_text(printed));
  for (const auto& m : chosen)
    rule += fmt::format("; {} has {:.3g} billion", m.id,
                        model::parameters(model::lift(m.architecture)).total / 1e9);
  return {.model = nullptr, .stored = {}, .rule = rule};
}

}  // namespace rooflaw::io
