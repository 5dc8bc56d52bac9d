#include "measurement_tables.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "rooflaw/format/words.hpp"
#include "rooflaw/model/continuous.hpp"

namespace rooflaw::io {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_quote = 60;

/// A text of the command line as a node that says so.
toml::table option_node(const std::string& option, const std::string& text) {
  const std::string value = is_path(text) ? fs::absolute(text).string() : text;
  return toml::parse("value = " + format::to_line(toml::value<std::string>(value)), option);
}

model::Precision scaled(model::Precision p, double factor) {
  for (double* bytes : {&p.weight_bytes, &p.attention_weight_bytes, &p.ffn_weight_bytes,
                        &p.head_bytes, &p.embedding_bytes})
    *bytes *= factor;
  return p;
}

/// The router is in none of the classes: the size is linear in the factor, not proportional.
model::Precision scaled_to_size(const model::Precision& p, const model::Architecture& a,
                                double bytes) {
  const double once = weight_bytes(a, p);
  const double by_class = weight_bytes(a, scaled(p, 2.0)) - once;
  return scaled(p, std::max(1e-3, 1.0 + (bytes - once) / by_class));
}

/// Of a format that is not known, before its bytes are scaled to a size.
model::Precision unknown_format() {
  return {.id = "unknown",
          .weight_bytes = 1,
          .attention_weight_bytes = 1,
          .ffn_weight_bytes = 1,
          .activation_bytes = 2,
          .kv_bytes = 2,
          .input_bytes = 2,
          .head_bytes = 1,
          .embedding_bytes = 1};
}

}  // namespace

std::string MeasuredPlace::text() const { return fmt::format("{}:{}", file, line); }

void add_fault(format::Faults& faults, const MeasuredPlace& place, const std::string& key,
               const std::string& value, const std::string& rule, const std::string& hint) {
  const bool is_long = value.size() > longest_quote;
  faults.add({.file = place.file,
              .line = place.line,
              .column = place.column,
              .key = key,
              .value = is_long ? value.substr(0, longest_quote) + "..." : value,
              .rule = rule,
              .hint = hint});
}

std::optional<double> read_measured_number(const std::string& text, const std::string& key,
                                           const format::NumberRule& rule,
                                           const MeasuredPlace& place, format::Faults& faults) {
  double x = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, x);
  if (error == std::errc() && stop == end && rule.holds(x)) return x;
  add_fault(faults, place, key, text, std::string(rule.text));
  return std::nullopt;
}

MeasurementTables::MeasurementTables(const MeasurementOptions& options, SourceFiles& files,
                                     format::Faults& faults)
    : files_(files), faults_(faults) {
  Catalogue catalogue(files, "", faults);
  devices_ = values_of(catalogue.all_devices());
  models_ = values_of(catalogue.all_models());
  quantisations_.emplace(values_of(catalogue.all_precisions()),
                         values_of(catalogue.all_quantisations()));
  if (!options.device.empty()) {
    const toml::table node = option_node("--device", options.device);
    // Of a chip of the inputs the data sheet, not what was fitted to it before.
    constexpr std::string_view ideal = ".ideal";
    const std::string base = options.device.ends_with(ideal)
                                 ? options.device.substr(0, options.device.size() - ideal.size())
                                 : options.device;
    const auto* known = known_device(base);
    auto found = known != nullptr ? std::vector{*known}
                                  : values_of(catalogue.devices(*node.get("value"), "device"));
    if (found.size() == 1 && !found.front().efficiencies.empty())
      faults.add(*node.get("value"), "device",
                 "has efficiencies already: give its data sheet, <id> or <id>.ideal");
    if (found.size() > 1)
      faults.add(*node.get("value"), "device", "names a file of several devices; give one");
    else if (found.size() == 1)
      chosen_device_ = std::move(found.front());
  }
  for (const auto& name : options.models) {
    const toml::table node = option_node("--model", name);
    auto found = catalogue.model(*node.get("value"), "model");
    if (!found) continue;
    if (!found->value.not_expressible.empty())
      faults.add(*node.get("value"), "model",
                 "the architecture cannot express it: " + found->value.not_expressible);
    else
      chosen_models_.push_back(std::move(found->value));
  }
}

const model::Device* MeasurementTables::known_device(const std::string& id) const {
  const auto found = std::find_if(devices_.begin(), devices_.end(),
                                  [&](const model::Device& d) { return d.id == id; });
  return found == devices_.end() ? nullptr : &*found;
}

const model::Device* MeasurementTables::device(const std::string& id, const MeasuredPlace& place) {
  if (chosen_device_ && chosen_device_->id == id) return &*chosen_device_;
  if (const auto* known = known_device(id)) return known;
  std::vector<std::string> ids;
  for (const auto& d : devices_) ids.push_back(d.id);
  add_fault(faults_, place, "device", id,
            "there is no device of this id; rooflaw list devices names them",
            format::did_you_mean(id, ids));
  return nullptr;
}

std::string MeasurementTables::near_models(const std::string& name) const {
  std::vector<std::string> ids;
  for (const auto& m : models_) ids.push_back(m.id);
  return format::did_you_mean(name, ids);
}

const ModelEntry* MeasurementTables::model(const std::string& name, const MeasuredPlace& place) {
  const auto named = [&](const ModelEntry& m) { return m.id == name; };
  for (const auto* list : {&chosen_models_, &models_})
    if (const auto found = std::find_if(list->begin(), list->end(), named); found != list->end())
      return &*found;
  if (!is_config(name)) return nullptr;
  const auto key = (fs::path(files_.folder_of(place.file)) / name).lexically_normal().string();
  auto [known, is_new] = models_of_files_.try_emplace(key);
  if (is_new) known->second = model_of_file(name, place);
  return known->second ? &*known->second : nullptr;
}

std::optional<ModelEntry> MeasurementTables::model_of_file(const std::string& name,
                                                           const MeasuredPlace& place) {
  const std::string folder = files_.folder_of(place.file);
  const auto path = (fs::path(folder) / name).lexically_normal().string();
  auto rule = files_.forbidden(path, folder);
  if (rule.empty() && !files_.exists(path)) rule = "no such file: " + path;
  if (!rule.empty()) {
    add_fault(faults_, place, "model", name, rule);
    return std::nullopt;
  }
  try {
    Catalogue catalogue(files_, "", faults_);
    auto found = catalogue.model(toml::value<std::string>(path), "model");
    if (!found) return std::nullopt;
    found->value.id = name;
    return std::move(found->value);
  } catch (const InputError& error) {
    for (const auto& fault : error.faults()) faults_.add(fault);
    return std::nullopt;
  }
}

double weight_bytes(const model::Architecture& a, const model::Precision& p) {
  model::Scenario s;
  s.precision = p;
  return model::memory(model::lift(a), s).weights;
}

model::Precision scaled_to(const model::Precision& p, const model::Architecture& a, double bytes,
                           std::optional<bool> twice) {
  model::Architecture stored = a;
  stored.tied = false;
  const auto distance = [&](const model::Architecture& of) {
    const double ratio = bytes / weight_bytes(of, p);
    return std::max(ratio, 1 / ratio) - 1;
  };
  // A format gives nearly every size to this; the widest tables are a quarter of a model.
  constexpr double near = 0.03;
  if (!twice) twice = a.tied && distance(a) > near && distance(stored) < near;
  return scaled_to_size(p, *twice ? stored : a, bytes);
}

void add_row(Measurement row, const model::Device& device, const ModelEntry& model,
             const model::Precision* format, std::optional<bool> twice, Measurements& all) {
  const auto leave_out = [&](const std::string& reason) {
    all.left_out.push_back({row.place, reason, row.doubt});
  };
  if (!model.not_expressible.empty())
    return leave_out("the architecture cannot express " + model.id);
  if (format == nullptr && !row.weights_bytes)
    return leave_out("neither the format of the weights nor their size is known");
  row.precision = format == nullptr ? unknown_format() : *format;
  if (!device.peak_flops.contains(row.precision.matmul))
    return leave_out(fmt::format("{} has no rate for {} products", device.id,
                                 model::to_string(row.precision.matmul)));
  if (format == nullptr && !twice) twice = false;
  if (row.weights_bytes)
    row.precision = scaled_to(row.precision, model.architecture, *row.weights_bytes, twice);
  if (row.phase == model::Phase::prefill && !row.input_tokens)
    return leave_out("a prefill test whose prompt length is not printed");
  row.device = device.id;
  row.model = model.id;
  all.devices.emplace(device.id, device);
  all.models.emplace(model.id, model.architecture);
  all.rows.push_back(std::move(row));
}

}  // namespace rooflaw::io
