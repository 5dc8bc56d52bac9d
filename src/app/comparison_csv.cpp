// A comparison as one CSV table. Columns: results/README.md.

#include <limits>
#include <map>
#include <variant>

#include <fmt/format.h>

#include "rooflaw/app/comparison.hpp"
#include "rooflaw/format/csv.hpp"

namespace rooflaw::app {

namespace {

struct CsvColumn {
  const char* name;
  bool is_text = false;
};
constexpr CsvColumn csv_columns[] = {{"kind", true},
                                     {"law", true},
                                     {"precision", true},
                                     {"workload", true},
                                     {"latency", true},
                                     {"budget", true},
                                     {"device", true},
                                     {"picked_on", true},
                                     {"model", true},
                                     {"rung"},
                                     {"chosen", true},
                                     {"objective"},
                                     {"loss"},
                                     {"best_loss"},
                                     {"regret_nats"},
                                     {"ratio"},
                                     {"ratio_least"},
                                     {"ratio_largest"},
                                     {"loss_from"},
                                     {"loss_to"},
                                     {"tie", true},
                                     {"band_low"},
                                     {"band_high"},
                                     {"energy_j"},
                                     {"worth_compute"},
                                     {"worth_bandwidth"},
                                     {"worth_memory"},
                                     {"memory_bytes"},
                                     {"layers"},
                                     {"width"},
                                     {"kv_heads"},
                                     {"expert_ffn"},
                                     {"experts"},
                                     {"top_k"},
                                     {"extrapolated"},
                                     {"misses", true},
                                     {"calibration", true},
                                     {"confidence", true},
                                     {"why_not", true}};

using CsvRow = std::map<std::string, std::variant<double, std::string>>;

class CsvTable {
 public:
  CsvRow& add(const ComparedGroup& g, const char* kind, const std::string& device) {
    return rows_.emplace_back(CsvRow{{"kind", kind},
                                     {"law", g.law},
                                     {"precision", g.precision},
                                     {"workload", g.workload},
                                     {"latency", std::string(to_string(g.objective))},
                                     {"budget", g.budget},
                                     {"device", device}});
  }

  std::string text() const {
    std::vector<std::string> names;
    std::vector<format::Column> columns;
    for (const auto& [name, is_text] : csv_columns) {
      names.emplace_back(name);
      if (is_text)
        columns.emplace_back(values<std::string>(name, ""));
      else
        columns.emplace_back(values<double>(name, std::numeric_limits<double>::quiet_NaN()));
    }
    return format::csv(names, columns);
  }

 private:
  template <class T>
  std::vector<T> values(const char* name, const T& absent) const {
    std::vector<T> column;
    for (const auto& row : rows_) {
      const auto found = row.find(name);
      column.push_back(found == row.end() ? absent : std::get<T>(found->second));
    }
    return column;
  }
  std::vector<CsvRow> rows_;
};

std::string missed_names(const Placed& p) {
  std::vector<std::string_view> names;
  for (const auto objective : p.missed) names.push_back(to_string(objective));
  return fmt::format("{}", fmt::join(names, " "));
}

const char* tie_word(search::Tie tie) {
  return tie == search::Tie::unknown ? "unknown" : tie == search::Tie::yes ? "yes" : "no";
}

void add_device(CsvTable& table, const ComparedGroup& g, const ComparedDevice& d,
                const std::string& baseline) {
  auto& row = table.add(g, "device", d.device);
  row["calibration"] = d.calibration;
  row["confidence"] = d.confidence;
  row["memory_bytes"] = d.memory_budget_bytes;
  row["band_low"] = d.band.low;
  row["band_high"] = d.band.high;
  if (d.points > 0) {
    row["objective"] = d.fastest;
    row["best_loss"] = d.least_loss;
  }
  if (!d.ratio) return;
  row["ratio"] = d.ratio->mean;
  row["ratio_least"] = d.ratio->least;
  row["ratio_largest"] = d.ratio->largest;
  row["loss_from"] = d.ratio->loss_from;
  row["loss_to"] = d.ratio->loss_to;
  if (d.device != baseline) row["tie"] = std::string(tie_word(d.tie));
}

void add_best(CsvTable& table, const ComparedGroup& g, const Rung& rung, std::size_t device) {
  auto& row = table.add(g, "best", g.devices[device].device);
  row["rung"] = rung.objective;
  const auto& choice = rung.best[device];
  if (!choice) return;
  const auto& r = choice->row;
  row["chosen"] = choice->precision;
  row["objective"] = r.objective;
  row["loss"] = r.loss;
  row["energy_j"] = r.energy_j;
  row["worth_compute"] = choice->worth.compute;
  row["worth_bandwidth"] = choice->worth.bandwidth;
  row["worth_memory"] = choice->worth.memory;
  row["memory_bytes"] = r.memory_bytes;
  row["extrapolated"] = r.extrapolated ? 1.0 : 0.0;
  for (const auto& [name, value] : {std::pair{"layers", r.layers},
                                    {"width", r.width},
                                    {"kv_heads", r.kv_heads},
                                    {"expert_ffn", r.expert_ffn},
                                    {"experts", r.experts},
                                    {"top_k", r.top_k}})
    row[name] = static_cast<double>(value);
}

void fill_placed(CsvRow& row, const Placed& p) {
  if (!p.why_not.empty()) {
    row["why_not"] = p.why_not;
    return;
  }
  row["objective"] = p.objective;
  row["loss"] = p.loss;
  row["best_loss"] = p.best_loss;
  row["regret_nats"] = p.regret.nats;
  row["ratio"] = p.regret.ratio;
  row["energy_j"] = p.energy_j;
  row["extrapolated"] = p.extrapolated ? 1.0 : 0.0;
  row["misses"] = missed_names(p);
}

}  // namespace

std::string comparison_csv(const DeviceComparison& c) {
  CsvTable table;
  for (const auto& g : c.groups) {
    for (const auto& d : g.devices) add_device(table, g, d, c.baseline);
    for (const auto& rung : g.rungs) {
      for (std::size_t d = 0; d < g.devices.size(); ++d) add_best(table, g, rung, d);
      for (std::size_t from = 0; from < g.devices.size(); ++from)
        for (std::size_t on = 0; on < rung.placed[from].size(); ++on) {
          auto& row = table.add(g, "trap", g.devices[on].device);
          row["picked_on"] = g.devices[from].device;
          row["rung"] = rung.objective;
          row["chosen"] = rung.pick[from]->precision;
          fill_placed(row, rung.placed[from][on]);
        }
    }
    for (const auto& m : g.models)
      for (std::size_t on = 0; on < m.on.size(); ++on) {
        auto& row = table.add(g, "model", g.devices[on].device);
        row["model"] = m.model;
        fill_placed(row, m.on[on]);
      }
  }
  return table.text();
}

}  // namespace rooflaw::app
