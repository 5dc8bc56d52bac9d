// Measurements in our own columns; see inputs/README.md.
#include <algorithm>

#include <fmt/format.h>

#include "measurement_tables.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/format/words.hpp"

namespace rooflaw::io {

namespace {

using Names = std::vector<std::string>;

const Names columns{"device",        "unit",
                    "engine",        "engine_text",
                    "build",         "power_mode",
                    "model",         "model_printed",
                    "precision",     "precision_printed",
                    "weights_gib",   "threads",
                    "batch",         "phase",
                    "input_tokens",  "output_tokens",
                    "context_depth", "tokens_per_second",
                    "stddev",        "flash_attention",
                    "ubatch",        "kind",
                    "doubt",         "source",
                    "licence",       "note"};
const Names required{"model", "phase", "tokens_per_second"};

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

MeasuredPlace place_of(const std::string& file, const format::CsvCell& cell) {
  return {file, cell.line, cell.column};
}

class Row {
 public:
  Row(const std::string& file, const Names& header, const format::CsvRow& cells,
      format::Faults& faults)
      : file_(file), header_(header), cells_(cells), faults_(faults) {}

  MeasuredPlace place() const { return place_of(file_, cells_.front()); }
  MeasuredPlace place(const std::string& column) const {
    const auto* cell = find(column);
    return cell == nullptr ? place() : place_of(file_, *cell);
  }
  std::string text(const std::string& column) const {
    const auto* cell = find(column);
    return cell == nullptr ? "" : cell->text;
  }
  std::optional<double> number(const std::string& column, const format::NumberRule& rule) const {
    const std::string value = text(column);
    if (value.empty()) return std::nullopt;
    return read_measured_number(value, column, rule, place(column), faults_);
  }
  std::string word(const std::string& column, const std::vector<std::string_view>& words) const {
    const std::string value = text(column);
    if (!value.empty() && std::find(words.begin(), words.end(), value) == words.end())
      fault(column, format::one_of(words));
    return value;
  }
  void fault(const std::string& column, const std::string& rule,
             const std::string& hint = {}) const {
    add_fault(faults_, place(column), column, text(column), rule, hint);
  }

 private:
  const format::CsvCell* find(const std::string& column) const {
    const auto at = std::find(header_.begin(), header_.end(), column);
    return at == header_.end() ? nullptr : &cells_[static_cast<std::size_t>(at - header_.begin())];
  }

  const std::string& file_;
  const Names& header_;
  const format::CsvRow& cells_;
  format::Faults& faults_;
};

/// Empty if rows cannot be read by it.
Names read_header(const std::string& file, const format::CsvRow& cells, format::Faults& faults) {
  Names names;
  bool sound = true;
  for (const auto& cell : cells) {
    if (!has(columns, cell.text))
      add_fault(faults, place_of(file, cell), "column", cell.text, "unknown column",
                format::did_you_mean(cell.text, columns));
    if (has(names, cell.text)) {
      add_fault(faults, place_of(file, cell), "column", cell.text, "stands twice");
      sound = false;
    }
    names.push_back(cell.text);
  }
  for (const auto& name : required) {
    if (has(names, name)) continue;
    add_fault(faults, place_of(file, cells.front()), "column", name, "is missing");
    sound = false;
  }
  return sound ? names : Names{};
}

Measurement read_row(const Row& r) {
  Measurement m;
  m.place = r.place().text();
  m.unit = r.word("unit", {"gpu", "cpu", "npu", "gpu+cpu"});
  m.engine = r.text("engine");
  m.build = r.text("build");
  m.power_mode = r.text("power_mode");
  m.kind = r.word("kind", {"measured", "from-ttft", "prompt-and-decode"});
  m.model_printed = r.text("model_printed");
  m.precision_printed = r.text("precision_printed");
  if (const auto size = r.number("weights_gib", size_rule)) m.weights_bytes = *size * gib;
  m.threads = r.number("threads", at_least_one_rule);
  m.batch = r.number("batch", at_least_one_rule).value_or(1);
  const std::string phase = r.word("phase", {"prefill", "decode"});
  if (phase.empty()) r.fault("phase", "is missing");
  m.phase = phase == "prefill" ? model::Phase::prefill : model::Phase::decode;
  m.input_tokens = r.number("input_tokens", count_rule);
  m.output_tokens = r.number("output_tokens", count_rule);
  m.context_depth = r.number("context_depth", count_rule);
  if (m.phase == model::Phase::prefill && m.input_tokens == 0.0)
    r.fault("input_tokens", "a prefill test has a prompt");
  if (m.phase == model::Phase::decode && m.output_tokens == 0.0)
    r.fault("output_tokens", "a decode test generates tokens");
  if (r.text("tokens_per_second").empty()) r.fault("tokens_per_second", "is missing");
  m.tokens_per_second = r.number("tokens_per_second", speed_rule).value_or(0);
  m.stddev = r.number("stddev", count_rule);
  m.ubatch = r.number("ubatch", at_least_one_rule);
  if (const auto flash = r.word("flash_attention", {"0", "1"}); !flash.empty())
    m.flash_attention = flash == "1";
  m.doubt = r.text("doubt");
  m.source = r.text("source");
  return m;
}

}  // namespace

bool is_measured_csv(const format::CsvRow& header) {
  const auto has_column = [&](std::string_view name) {
    return std::any_of(header.begin(), header.end(),
                       [&](const format::CsvCell& cell) { return cell.text == name; });
  };
  return has_column("tokens_per_second") || (has_column("model") && has_column("phase"));
}

void read_measured_csv(const std::string& path, const std::vector<format::CsvRow>& rows,
                       const MeasurementOptions& options, MeasurementTables& tables,
                       Measurements& all, format::Faults& faults) {
  const Names header = read_header(path, rows.front(), faults);
  if (header.empty()) return;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto place = place_of(path, rows[i].front());
    if (rows[i].size() != header.size()) {
      add_fault(faults, place, "row", "",
                fmt::format("has {} fields, the header {}", rows[i].size(), header.size()));
      continue;
    }
    const Row r(path, header, rows[i], faults);
    const std::size_t before = faults.size();
    Measurement m = read_row(r);
    if (m.engine.empty()) m.engine = options.engine;
    if (m.engine.empty()) r.fault("engine", "is missing; --engine ID says it");
    const model::Device* device = tables.chosen_device();
    if (const auto id = r.text("device"); !id.empty())
      device = tables.device(id, r.place("device"));
    else if (device == nullptr)
      r.fault("device", "is missing; --device ID says it");
    const std::string format_name = r.text("precision");
    const auto* format = tables.quantisations().find(format_name);
    if (!format_name.empty() && format == nullptr)
      r.fault("precision", "is in neither precisions.toml nor quantisations.toml",
              format::did_you_mean(format_name, tables.quantisations().names()));
    const std::string name = r.text("model");
    if (name.empty()) r.fault("model", "is missing");
    const auto* model = tables.model(name, r.place("model"));
    if (faults.size() != before) continue;
    const auto leave_out = [&](const std::string& reason) {
      all.left_out.push_back({m.place, reason, m.doubt});
    };
    if (m.kind == "prompt-and-decode")
      leave_out("prompt and decode in one number");
    else if (model == nullptr)
      leave_out(fmt::format("the shape of {} is in neither models.toml nor a config.json", name));
    else
      add_row(std::move(m), *device, *model, format, std::nullopt, all);
  }
}

}  // namespace rooflaw::io
