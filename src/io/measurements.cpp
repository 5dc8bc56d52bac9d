#include "rooflaw/io/measurements.hpp"

#include <algorithm>
#include <set>

#include "llama_bench.hpp"
#include "measurement_tables.hpp"
#include "rooflaw/format/csv.hpp"
#include "rooflaw/format/file_kind.hpp"

namespace rooflaw::io {

namespace {

/// What llama.cpp prints beside its results where both go to one file.
constexpr std::string_view log_beginnings[] = {
    "ggml_",       "llama_", "llama-bench:", "load_",  "register_", "main:",
    "warning:",    "error:", "common",       "build:", "Device ",   "system_info",
    "print_info:", "graph_", "sched_",       "set_",   "~"};

bool is_log(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::any_of(std::begin(log_beginnings), std::end(log_beginnings),
                     [&](std::string_view start) { return line.starts_with(start); });
}

template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    visit(start, text.substr(start, end - start));
    start = end + 1;
  }
}

/// The lines stay, so that the others keep their place.
std::string without_logs(std::string_view text) {
  std::string kept(text);
  for_each_line(text, [&](std::size_t start, std::string_view line) {
    if (is_log(line))
      std::fill_n(kept.begin() + static_cast<std::ptrdiff_t>(start), line.size(), ' ');
  });
  return kept;
}

enum class Kind { unknown, ours, bench_csv, bench_json, bench_table, sql };

struct Told {
  Kind kind = Kind::unknown;
  std::size_t start = 0;  // of the line that tells
};

Kind kind_of(std::string_view line, const std::string& path) {
  const auto first = line.find_first_not_of(" \t\r\xef\xbb\xbf");
  if (first == line.npos) return Kind::unknown;
  const std::string_view content = line.substr(first);
  const auto second = content.find_first_not_of(" \t\r", 1);
  if (content.front() == '{') return Kind::bench_json;
  if (content.front() == '[' &&
      (second == content.npos || content[second] == '{' || content[second] == ']'))
    return Kind::bench_json;
  if (content.front() == '|' && content.find("t/s") != content.npos) return Kind::bench_table;
  if (content.starts_with("CREATE TABLE") || content.starts_with("INSERT INTO")) return Kind::sql;
  if (content.find(',') == content.npos) return Kind::unknown;
  format::Faults none_of_ours;
  const auto rows = format::parse_csv(content, path, none_of_ours);
  if (rows.size() != 1) return Kind::unknown;
  if (is_bench_csv(rows.front())) return Kind::bench_csv;
  return is_measured_csv(rows.front()) ? Kind::ours : Kind::unknown;
}

Told tell(std::string_view text, const std::string& path) {
  Told told;
  for_each_line(text, [&](std::size_t start, std::string_view line) {
    if (told.kind == Kind::unknown) told = {kind_of(line, path), start};
  });
  return told;
}

/// The text from an offset on, in its place.
std::string from_line(std::string_view text, std::size_t start) {
  std::string kept(text);
  for (std::size_t i = 0; i < start; ++i)
    if (kept[i] != '\n') kept[i] = ' ';
  return kept;
}

constexpr const char* rule =
    "is neither a CSV with the columns of inputs/measured.csv nor output of llama-bench (-o json, "
    "jsonl, csv, md)";

class Files {
 public:
  Files(const MeasurementOptions& options, MeasurementTables& tables, Measurements& all,
        format::Faults& faults)
      : options_(options), tables_(tables), all_(all), faults_(faults) {}

  void read(const std::string& path, const std::string& text) {
    const auto refuse = [&](const std::string& why) {
      add_fault(faults_, {path, 1, 1}, "measurements", "", why);
    };
    if (!read_.insert(path).second) return refuse("is named twice");
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
      return refuse("is a text in UTF-16; save it as UTF-8");
    const auto other = format::other_kind(text);
    if (!other.empty() && other != "a JSON file") return refuse("this is " + other);
    const auto [kind, start] = tell(text, path);
    const std::size_t before = faults_.size();
    const std::size_t rows_before = tests_.size();
    if (kind == Kind::sql) return refuse("is SQL of llama-bench, which is not read; -o jsonl is");
    if (kind == Kind::unknown) return refuse(rule);
    if (kind == Kind::ours)
      return read_measured_csv(path, format::parse_csv(from_line(text, start), path, faults_),
                               options_, tables_, all_, faults_);
    if (kind == Kind::bench_json) take(read_bench_json(path, without_logs(text), faults_));
    if (kind == Kind::bench_table) take(read_bench_tables(path, text, faults_));
    if (kind == Kind::bench_csv) {
      const std::string tests = from_line(without_logs(text), start);
      take(read_bench_csv(path, format::parse_csv(tests, path, faults_), faults_));
    }
    if (faults_.size() == before && tests_.size() == rows_before) refuse("holds no test");
  }

  const std::vector<BenchTest>& tests() const { return tests_; }

 private:
  void take(std::vector<BenchTest> tests) {
    for (auto& test : tests) tests_.push_back(std::move(test));
  }

  const MeasurementOptions& options_;
  MeasurementTables& tables_;
  Measurements& all_;
  format::Faults& faults_;
  std::vector<BenchTest> tests_;
  std::set<std::string> read_;
};

}  // namespace

Measurements read_measurements(const std::vector<std::string>& paths,
                               const MeasurementOptions& options, SourceFiles& files,
                               format::Faults& faults) {
  MeasurementTables tables(options, files, faults);
  Measurements all;
  Files each(options, tables, all, faults);
  for (const auto& path : paths) each.read(path, files.read_given(path));
  add_bench_tests(each.tests(), options, tables, all, faults);
  return all;
}

}  // namespace rooflaw::io
