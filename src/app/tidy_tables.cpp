#include "tidy_tables.hpp"

#include "rooflaw/app/decision.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/io/result_setting.hpp"

namespace rooflaw::app {

namespace {

struct Table {
  std::vector<std::string> names;
  std::vector<format::Column> columns;
};

void add_text(Table& table, const char* name, const std::string& value, std::size_t rows) {
  table.names.emplace_back(name);
  table.columns.emplace_back(std::vector<std::string>(rows, value));
}

Table table_of(const search::TargetInfo& info, const std::string& memory,
               const std::vector<search::Row>& rows) {
  Table table;
  add_text(table, "law", info.law, rows.size());
  add_text(table, "target", info.id, rows.size());
  add_text(table, "device", info.device, rows.size());
  add_text(table, "precision", info.precision, rows.size());
  add_text(table, "workload", info.workload, rows.size());
  add_text(table, "latency", std::string(to_string(info.objective)), rows.size());
  add_text(table, "budget", memory, rows.size());
  search::for_each_column([&](const char* name, const char*, auto field, auto) {
    using T = std::remove_cvref_t<decltype(rows.front().*field)>;
    using Kept = std::conditional_t<std::is_enum_v<T>, std::string,
                                    std::conditional_t<std::is_integral_v<T>, std::int64_t, T>>;
    std::vector<Kept> values;
    values.reserve(rows.size());
    for (const auto& row : rows)
      if constexpr (std::is_enum_v<T>)
        values.emplace_back(to_string(row.*field));
      else
        values.push_back(static_cast<Kept>(row.*field));
    table.names.emplace_back(name);
    table.columns.emplace_back(std::move(values));
  });
  return table;
}

}  // namespace

std::string tidy_frontiers(const format::Hdf5Reader& file) {
  const auto setting = io::read_setting(file);
  std::string text;
  for (const auto& target : io::read_targets(file)) {
    const auto rows = io::read_frontiers(file, target).rows;
    const Table table = table_of(target, io::budget_name(setting, target), rows);
    const std::string part = format::csv(table.names, table.columns);
    text += text.empty() ? part : part.substr(part.find('\n') + 1);
  }
  return text;
}

std::string tidy_best(const format::Hdf5Reader& file) { return decision_csv(decisions(file, {})); }

}  // namespace rooflaw::app
