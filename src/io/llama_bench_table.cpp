// llama-bench -o md, its default.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "llama_bench.hpp"
#include "rooflaw/format/words.hpp"

namespace rooflaw::io {

namespace {

struct Heading {
  std::string_view printed;
  const char* field;
};
constexpr Heading headings[] = {{"model", "model_type"},
                                {"backend", "backends"},
                                {"ngl", "n_gpu_layers"},
                                {"n_gpu_layers", "n_gpu_layers"},
                                {"threads", "n_threads"},
                                {"n_threads", "n_threads"},
                                {"n_batch", "n_batch"},
                                {"n_ubatch", "n_ubatch"},
                                {"type_k", "type_k"},
                                {"type_v", "type_v"},
                                {"f16_kv", "f16_kv"},
                                {"nkvo", "no_kv_offload"},
                                {"no_kv_offload", "no_kv_offload"},
                                {"fa", "flash_attn"},
                                {"flash_attn", "flash_attn"},
                                {"ot", "tensor_buft_overrides"},
                                {"n_cpu_moe", "n_cpu_moe"},
                                {"ncmoe", "n_cpu_moe"},
                                {"embd", "embeddings"},
                                {"embeddings", "embeddings"}};

constexpr std::string_view spaces = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(spaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

/// The cells of a line `| a | b |`, without the stars and ticks of emphasis.
std::vector<std::string> cells_of(std::string_view line) {
  line = trimmed(line);
  line.remove_prefix(1);
  if (line.ends_with('|')) line.remove_suffix(1);
  std::vector<std::string> cells;
  for (std::size_t start = 0; start <= line.size();) {
    const auto end = std::min(line.find('|', start), line.size());
    std::string cell;
    for (const char c : trimmed(line.substr(start, end - start)))
      if (c != '*' && c != '`') cell += c;
    cells.push_back(cell);
    start = end + 1;
  }
  return cells;
}

bool is_ruler(std::string_view line) { return line.find_first_not_of("|-: \t\r") == line.npos; }

bool is_heading(const std::vector<std::string>& cells) {
  return std::find(cells.begin(), cells.end(), "t/s") != cells.end();
}

/// `3.56 GiB` or `6.74 B` and half of a unit of its last digit, in bytes or ones.
struct Rounded {
  double value = 0;
  double rounding = 0;
};
std::optional<Rounded> read_rounded(std::string_view text) {
  struct Unit {
    std::string_view name;
    double size;
  };
  constexpr Unit units[] = {{"GiB", gib},        {"MiB", gib / 1024}, {"KiB", gib / 1048576},
                            {"TiB", gib * 1024}, {"T", 1e12},         {"B", 1e9},
                            {"M", 1e6},          {"K", 1e3}};
  double x = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc() || !(x > 0) || x > 1e9) return std::nullopt;
  const auto digits = text.substr(0, static_cast<std::size_t>(stop - text.data()));
  const auto unit = trimmed(text.substr(digits.size()));
  const auto point = digits.find('.');
  double last = 0.5;
  if (point != digits.npos)
    for (std::size_t i = point + 1; i < digits.size(); ++i) last /= 10;
  for (const auto& [name, size] : units)
    if (unit == name) return Rounded{x * size, last * size};
  return std::nullopt;
}

class TableFile {
 public:
  TableFile(const std::string& path, format::Faults& faults) : path_(path), faults_(faults) {}

  void read(std::string_view line, unsigned number) {
    const std::string_view content = trimmed(line);
    place_ = {path_, number, static_cast<unsigned>(line.find_first_not_of(spaces) + 1)};
    if (!content.starts_with('|')) {
      header_.clear();
      if (content.starts_with("build:")) footer(trimmed(content.substr(6)));
    } else if (is_ruler(content)) {
      // Between heading and rows.
    } else if (const auto cells = cells_of(content); is_heading(cells) || header_.empty()) {
      header_ = cells;
      header_is_closed_ = content.ends_with('|');
    } else if (is_heading(header_)) {
      if (header_is_closed_ && !content.ends_with('|'))
        add_fault(faults_, place_, "row", "", "breaks off: there is no '|' at its end");
      else
        row(cells);
    }
  }

  std::vector<BenchTest> tests;

 private:
  /// Stands below the tables it speaks of.
  void footer(std::string_view build) {
    for (; without_build_ < tests.size(); ++without_build_)
      tests[without_build_].fields["build"] = build;
  }

  void row(const std::vector<std::string>& cells) {
    if (std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return cell.empty(); }))
      return;
    if (cells.size() != header_.size())
      return add_fault(
          faults_, place_, "row", "",
          fmt::format("has {} cells, the heading of the table {}", cells.size(), header_.size()));
    BenchTest test{place_, {}, 0, 0};
    const auto set = [&](const char* field, std::string_view text) {
      if (!text.empty()) test.fields.emplace(field, text);
    };
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string& cell = cells[i];
      for (const auto& [printed, field] : headings)
        if (header_[i] == printed) set(field, cell);
      if (header_[i] == "size")
        size(test, "model_size", test.size_rounding, cell);
      else if (header_[i] == "params")
        size(test, "model_n_params", test.params_rounding, cell);
      else if (header_[i] == "test")
        lengths(test, cell);
      else if (header_[i] == "t/s")
        speed(test, cell);
    }
    tests.push_back(std::move(test));
  }

  void size(BenchTest& test, const char* field, double& rounding, const std::string& cell) {
    if (cell.empty()) return;
    if (const auto size = read_rounded(cell)) {
      test.fields.emplace(field, fmt::format("{}", size->value));
      rounding = size->rounding;
    } else {
      add_fault(faults_, place_, field, cell, "must be a number and its unit: 3.56 GiB, 6.74 B");
    }
  }

  void lengths(BenchTest& test, const std::string& cell) {
    if (const auto lengths = read_bench_lengths(cell)) {
      test.fields.emplace("n_prompt", lengths->prompt);
      test.fields.emplace("n_gen", lengths->output);
      test.fields.emplace("n_depth", lengths->depth);
    } else {
      add_fault(faults_, place_, "test", cell,
                "must be pp and tg with their lengths: pp512, tg128, pp512 @ d4096");
    }
  }

  /// `12.34 ± 0.05`, the sign in whatever encoding.
  static void speed(BenchTest& test, std::string_view cell) {
    const auto end = cell.find(' ');
    test.fields.emplace("avg_ts", cell.substr(0, end));
    if (end == cell.npos) return;
    const auto last = cell.substr(cell.rfind(' ') + 1);
    if (cell.find(' ', end + 1) != cell.npos) test.fields.emplace("stddev_ts", last);
  }

  const std::string& path_;
  format::Faults& faults_;
  std::vector<std::string> header_;
  bool header_is_closed_ = false;  // by a | as rows are, too
  MeasuredPlace place_;
  std::size_t without_build_ = 0;
};

}  // namespace

std::optional<BenchLengths> read_bench_lengths(std::string_view text) {
  BenchLengths lengths{"0", "0", "0"};
  const auto take = [&](std::string_view word) {
    text = trimmed(text);
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
  };
  const auto take_number = [&](std::string& number) {
    text = trimmed(text);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits > 0) number = text.substr(0, digits);
    text.remove_prefix(digits);
    return digits > 0;
  };
  const bool has_prompt = take("pp");
  if (has_prompt && !take_number(lengths.prompt)) return std::nullopt;
  const bool joined = has_prompt && take("+");
  if (!has_prompt || joined)
    if (!take("tg") || !take_number(lengths.output)) return std::nullopt;
  if (take("@") && (!take("d") || !take_number(lengths.depth))) return std::nullopt;
  if (!trimmed(text).empty()) return std::nullopt;
  return lengths;
}

std::vector<BenchTest> read_bench_tables(const std::string& path, std::string_view text,
                                         format::Faults& faults) {
  TableFile file(path, faults);
  unsigned number = 1;
  for (std::size_t start = 0; start < text.size(); ++number) {
    const auto end = std::min(text.find('\n', start), text.size());
    file.read(text.substr(start, end - start), number);
    start = end + 1;
  }
  return std::move(file.tests);
}

}  // namespace rooflaw::io
