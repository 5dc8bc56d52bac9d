// Decisions as JSON and as one CSV table. Keys and columns: results/README.md.

#include "rooflaw/app/decision.hpp"
#include "rooflaw/format/csv.hpp"

namespace rooflaw::app {

using nlohmann::json;

namespace {

json row_json(const std::optional<search::Row>& row) {
  if (!row) return nullptr;
  json j;
  search::for_each_column([&](const char* name, const char*, auto field, auto) {
    const auto& value = (*row).*field;
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_enum_v<T>)
      j[name] = to_string(value);
    else
      j[name] = value;
  });
  return j;
}

/// A column of a CSV table that grows by a row at a time.
template <class T>
void push(std::vector<format::Column>& columns, std::size_t at, T value) {
  if (columns.size() == at) columns.emplace_back(std::vector<T>{});
  std::get<std::vector<T>>(columns[at]).push_back(std::move(value));
}

class CsvRows {
 public:
  template <class T>
  void add(const char* name, T value) {
    if (columns_.size() == at_) names_.emplace_back(name);
    push(columns_, at_++, std::move(value));
  }
  void end_row() { at_ = 0; }
  std::string text() const { return format::csv(names_, columns_); }

 private:
  std::vector<std::string> names_;
  std::vector<format::Column> columns_;
  std::size_t at_ = 0;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Without a row numbers are NaN and words empty.
void add_row(CsvRows& rows, const Decision& d, const char* kind,
             const std::optional<search::Row>& row) {
  rows.add<std::string>("law", d.target.law);
  rows.add<std::string>("device", d.target.device);
  rows.add<std::string>("precision", d.target.precision);
  rows.add<std::string>("workload", d.target.workload);
  rows.add<std::string>("latency", std::string(to_string(d.target.objective)));
  rows.add<std::string>("budget", d.memory);
  rows.add<std::string>("target", d.target.id);
  rows.add<double>("within", d.budget);
  rows.add<std::string>("within_from", std::string(to_string(d.from)));
  rows.add<std::string>("kind", kind);
  rows.add<std::string>("binds", joined(d.binds));
  rows.add<std::string>("as_good", joined(d.as_good));
  rows.add<std::string>("efficiency", std::string(to_string(d.target.efficiency)));
  rows.add<std::int64_t>("certified", d.certified);
  rows.add<double>("loss_gap_bound", d.loss_gap_bound);
  rows.add<std::int64_t>("reached", row.has_value());
  const search::Row none{};
  search::for_each_column([&](const char* name, const char*, auto field, auto) {
    const auto& value = (row ? *row : none).*field;
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<T, double>)
      rows.add<double>(name, row ? value : std::nan(""));
    else if constexpr (std::is_enum_v<T>)
      rows.add<std::string>(name, row ? std::string(to_string(value)) : "");
    else
      rows.add<std::int64_t>(name, value);
  });
  rows.end_row();
}

}  // namespace

json decision_json(const std::vector<Decision>& all) {
  json list = json::array();
  for (const auto& d : all)
    list.push_back({{"law", d.target.law},
                    {"device", d.target.device},
                    {"precision", d.target.precision},
                    {"workload", d.target.workload},
                    {"latency", to_string(d.target.objective)},
                    {"budget", d.memory},
                    {"memory_budget_bytes", d.target.memory_budget_bytes},
                    {"target", d.target.id},
                    {"within", d.budget},
                    {"within_from", to_string(d.from)},
                    {"best", row_json(d.best)},
                    {"in_range", d.ranges ? row_json(d.inside) : row_json(std::nullopt)},
                    {"law_has_range", d.ranges},
                    {"refined", row_json(d.finer)},
                    {"least_objective", d.least_objective},
                    {"binds", d.binds},
                    {"as_good", d.as_good},
                    {"efficiency", to_string(d.target.efficiency)},
                    {"certified", d.certified},
                    {"loss_gap_bound", d.loss_gap_bound}});
  return list;
}

std::string decision_csv(const std::vector<Decision>& all) {
  CsvRows rows;
  for (const auto& d : all) {
    add_row(rows, d, "best", d.best);
    if (d.ranges) add_row(rows, d, "in_range", d.inside);
    if (d.finer) add_row(rows, d, "refined", d.finer);
  }
  return rows.text();
}

}  // namespace rooflaw::app
