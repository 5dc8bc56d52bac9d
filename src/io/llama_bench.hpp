#pragma once
// Output of llama-bench, versions of 2023 to 2026, in each of its formats. Names of fields are
// those of its JSON and CSV; the headings of its tables are translated to them.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "measurement_tables.hpp"

namespace rooflaw::io {

/// One test as printed.
struct BenchTest {
  MeasuredPlace place;
  std::map<std::string, std::string> fields;
  double size_rounding = 0;    // bytes; half of the last digit printed
  double params_rounding = 0;  // of the number of parameters

  std::string text(const std::string& field) const {
    const auto found = fields.find(field);
    return found == fields.end() ? "" : found->second;
  }
};

/// The readers of the formats. They note what is no format, not what a test says.
std::vector<BenchTest> read_bench_json(const std::string& path, std::string_view text,
                                       format::Faults& faults);
bool is_bench_csv(const format::CsvRow& header);
/// From the row of the first header on.
std::vector<BenchTest> read_bench_csv(const std::string& path,
                                      const std::vector<format::CsvRow>& rows,
                                      format::Faults& faults);
/// Tables of Markdown; other tables and text between them are no part of it.
std::vector<BenchTest> read_bench_tables(const std::string& path, std::string_view text,
                                         format::Faults& faults);

/// A test of `pp512`, `tg128`, `pp512+tg128`, `pp 512 @ d4096`: lengths of prompt, output, depth.
struct BenchLengths {
  std::string prompt, output, depth;
};
std::optional<BenchLengths> read_bench_lengths(std::string_view text);

/// A model as llama-bench describes it: `qwen2 1.5B Q8_0`, its parameters and its size.
struct BenchModel {
  std::string family;
  std::string size_label;  // 1.5B
  std::string file_name;
  std::optional<double> params;
  double params_rounding = 0;
  std::optional<double> bytes;
  double bytes_rounding = 0;
  const model::Precision* format = nullptr;
  std::string format_printed;
};
BenchModel read_bench_model(const BenchTest& test, const Quantisations& quantisations);

/// What a file has of a model beside what a token reads.
struct StoredModel {
  bool twice = false;     // a tied table, once more for the output
  double share_read = 1;  // without a layer that predicts the token after the next
};

/// The one of the options, else the only one of the tables, that it can be; else a rule that says
/// why there is none.
struct FoundModel {
  const ModelEntry* model = nullptr;
  std::optional<StoredModel> stored;  // by the printed parameters
  std::string rule;
};
FoundModel find_bench_model(const BenchModel& printed, const MeasurementTables& tables);

/// Adds the tests of all files, after each has been read.
void add_bench_tests(const std::vector<BenchTest>& tests, const MeasurementOptions& options,
                     const MeasurementTables& tables, Measurements& all, format::Faults& faults);

}  // namespace rooflaw::io
