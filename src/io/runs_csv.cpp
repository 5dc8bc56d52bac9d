#include "rooflaw/io/runs_csv.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "measurement_tables.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/core/statistics.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/format/words.hpp"

namespace rooflaw::io {

namespace {

using fit::Column;

constexpr format::NumberRule loss_rule{1e-6, true, 100, true,
                                       "must be a loss in nats per token > 0, up to 100"};
constexpr format::NumberRule share_rule{1e-12, true, 1, true, "must be a share > 0, up to 1"};
constexpr format::NumberRule weight_rule{1e-6, true, 1e6, true,
                                         "must be a number > 0, from 1e-6 to 1e6"};
constexpr format::NumberRule size_of_a_run{1e-12, true, 1e24, true,
                                           "must be a number > 0, from 1e-12 to 1e24"};

/// So many times the median is no run of the same campaign.
constexpr double far_shape = 100, far_share = 1e4, far_budget = 1e5, far_loss = 5;

constexpr std::size_t most_runs = 10000, most_groups = 50;

double far_of(Column column) {
  switch (column) {
    case Column::activation_rate:
      return far_share;
    case Column::tokens:
    case Column::parameters:
      return far_budget;
    default:
      return far_shape;
  }
}

const std::vector<std::string> others{"loss", "weight", "group"};

/// Lines that begin with # emptied, so that the lines below keep their numbers.
std::string without_comments(const std::string& text) {
  std::string left;
  left.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto first = text.find_first_not_of(" \t", at);
    if (first >= end || text[first] != '#') left.append(text, at, end - at);
    if (end < text.size()) left += '\n';
    at = end + 1;
  }
  return left;
}

/// Where the columns of a table stand.
struct Header {
  std::map<std::string, std::size_t> places;  // of known names
  std::size_t size = 0;
  bool sound = true;
};

class Reader {
 public:
  Reader(const std::string& path, bool doubtful, format::Faults& faults)
      : path_(path), doubtful_(doubtful), faults_(faults) {}

  fit::Runs read(const std::vector<format::CsvRow>& rows) {
    read_header(rows.front());
    if (!header_.sound) return std::move(runs_);
    for (std::size_t i = 1; i < rows.size(); ++i) read_row(rows[i]);
    if (runs_.rows.size() > most_runs)
      fault(rows[most_runs + 1].front(), "row", "",
            fmt::format("there are more than {} runs", most_runs));
    std::set<std::string> groups;
    for (const auto& run : runs_.rows) groups.insert(run.group);
    if (groups.size() > most_groups)
      fault(rows.front().front(), "column", "group",
            fmt::format("has {} values; at most {} groups are fitted", groups.size(), most_groups));
    if (runs_.rows.empty() && faults_.size() == 0)
      fault(rows.front().front(), "row", "", "there are no runs below the header");
    if (!doubtful_) {
      find_far();
      find_twice();
    }
    return std::move(runs_);
  }

 private:
  void fault(const format::CsvCell& cell, const std::string& column, const std::string& value,
             const std::string& rule, const std::string& hint = {}) {
    add_fault(faults_, {path_, cell.line, cell.column}, column, value, rule, hint);
  }

  void read_header(const format::CsvRow& cells) {
    header_.size = cells.size();
    std::vector<std::string> known(fit::column_names.begin(), fit::column_names.end());
    known.insert(known.end(), others.begin(), others.end());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto& name = cells[i].text;
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        if (!name.empty()) runs_.ignored.push_back(printable(name));
      } else if (!header_.places.try_emplace(name, i).second) {
        fault(cells[i], "column", name, "stands twice");
        header_.sound = false;
      }
    }
    for (std::size_t c = 0; c < fit::column_count; ++c)
      runs_.has[c] = header_.places.contains(std::string(fit::column_names[c]));
    if (!header_.places.contains("loss")) {
      fault(cells.front(), "column", "loss", "is missing",
            format::did_you_mean("loss", runs_.ignored));
      header_.sound = false;
    }
    if (std::none_of(runs_.has.begin(), runs_.has.end(), [](bool has) { return has; })) {
      fault(cells.front(), "column", "",
            fmt::format("none of {} is there: nothing to fit the loss to",
                        fmt::join(fit::column_names, ", ")));
      header_.sound = false;
    }
  }

  const format::CsvCell* cell(const format::CsvRow& cells, const std::string& column) const {
    const auto place = header_.places.find(column);
    return place == header_.places.end() ? nullptr : &cells[place->second];
  }

  double number(const format::CsvRow& cells, const std::string& column,
                const format::NumberRule& rule) {
    const auto* c = cell(cells, column);
    if (c == nullptr) return 1;
    return read_measured_number(c->text, column, rule, {path_, c->line, c->column}, faults_)
        .value_or(1);
  }

  void read_row(const format::CsvRow& cells) {
    if (cells.size() != header_.size) {
      fault(cells.front(), "row", "",
            fmt::format("has {} fields, the header {}", cells.size(), header_.size));
      return;
    }
    const std::size_t before = faults_.size();
    fit::Run run;
    run.line = cells.front().line;
    for (std::size_t c = 0; c < fit::column_count; ++c)
      run.values[c] =
          number(cells, std::string(fit::column_names[c]),
                 static_cast<Column>(c) == Column::activation_rate ? share_rule : size_of_a_run);
    run.loss = number(cells, "loss", loss_rule);
    run.weight = number(cells, "weight", weight_rule);
    if (const auto* group = cell(cells, "group")) run.group = printable(group->text);
    if (faults_.size() != before) return;
    runs_.rows.push_back(std::move(run));
    cells_.push_back(&cells);
  }

  void find_far() {
    const auto look = [&](const std::string& name, double far, const auto& value_of) {
      std::vector<double> values;
      for (const auto& run : runs_.rows) values.push_back(value_of(run));
      const double median = quantile(values, 0.5);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double times = values[i] / median;
        if (times <= far && times >= 1 / far) continue;
        const auto* c = cell(*cells_[i], name);
        fault(*c, name, c->text,
              fmt::format("is {:.2g} times the median of its column, {:.6g}", times, median),
              "--force takes it");
      }
    };
    for (std::size_t c = 0; c < fit::column_count; ++c)
      if (runs_.has[c])
        look(std::string(fit::column_names[c]), far_of(static_cast<Column>(c)),
             [c](const fit::Run& run) { return run.values[c]; });
    look("loss", far_loss, [](const fit::Run& run) { return run.loss; });
  }

  void find_twice() {
    std::map<std::tuple<std::array<double, fit::column_count>, double, double, std::string>,
             unsigned>
        first;
    for (std::size_t i = 0; i < runs_.rows.size(); ++i) {
      const auto& run = runs_.rows[i];
      const auto [at, is_new] =
          first.try_emplace({run.values, run.loss, run.weight, run.group}, run.line);
      if (!is_new)
        fault(cells_[i]->front(), "row", "",
              fmt::format("is the same run, with the same loss, as line {}", at->second),
              "--force takes both");
    }
  }

  const std::string& path_;
  bool doubtful_;
  format::Faults& faults_;
  Header header_;
  fit::Runs runs_;
  std::vector<const format::CsvRow*> cells_;  // of the runs
};

}  // namespace

fit::Runs read_runs(const std::string& path, SourceFiles& files, bool doubtful,
                    format::Faults& faults) {
  const std::size_t before = faults.size();
  const auto rows = format::parse_csv(without_comments(files.read_given(path)), path, faults);
  if (rows.empty()) {
    if (faults.size() == before)
      add_fault(faults, {path, 1, 1}, "column", "", "there is no header, nor a run");
    return {};
  }
  return Reader(path, doubtful, faults).read(rows);
}

}  // namespace rooflaw::io
