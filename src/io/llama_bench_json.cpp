// llama-bench -o json and -o jsonl, and -o csv.
#include <algorithm>

#include <fmt/format.h>

#include "config_json_fields.hpp"
#include "llama_bench.hpp"

namespace rooflaw::io {

namespace {

using nlohmann::json;

/// A test in a text of JSON, or of JSON objects line by line.
struct Found {
  std::string_view text;
  unsigned line = 0;
  unsigned column = 0;
};

/// Finds the objects on the top level and in lists on it. Lines outside of them that begin neither
/// are what other programs have printed.
class ObjectFinder {
 public:
  ObjectFinder(const std::string& path, std::string_view text, format::Faults& faults)
      : path_(path), text_(text), faults_(faults) {}

  std::vector<Found> all() {
    while (skip(" \t\r\n,"), at_ < text_.size()) {
      const char next = text_[at_];
      if (next == '{')
        object();
      else if (next == '[' && opens_list())
        list();
      else
        at_ = std::min(text_.find('\n', at_), text_.size());
    }
    return std::move(found_);
  }

 private:
  void skip(std::string_view characters) {
    at_ = std::min(text_.find_first_not_of(characters, at_), text_.size());
  }
  bool opens_list() const {
    const auto behind = text_.find_first_not_of(" \t\r", at_ + 1);
    return behind == text_.npos || std::string_view("\n{]").find(text_[behind]) != text_.npos;
  }
  MeasuredPlace place(std::size_t at) {
    // Asked for in ascending order.
    for (; counted_ < at; ++counted_)
      if (text_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    return {path_, line_, static_cast<unsigned>(at - line_start_ + 1)};
  }
  void fault(std::size_t at, const char* rule) {
    add_fault(faults_, place(at), "JSON syntax", "", rule);
  }

  void list() {
    const std::size_t opened = at_++;
    const MeasuredPlace where = place(opened);
    for (;;) {
      skip(" \t\r\n,");
      if (at_ >= text_.size())
        return add_fault(faults_, where, "JSON syntax", "",
                         "the list that opens here has no end: was the run stopped?");
      if (text_[at_] == ']') break;
      if (text_[at_] != '{') {
        fault(at_, "a test, in braces, is expected here");
        at_ = text_.size();
        return;
      }
      object();
    }
    ++at_;
  }

  void object() {
    const std::size_t start = at_;
    const MeasuredPlace where = place(start);
    int depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted) {
        if (c == '\n') break;  // no text in JSON goes on behind it
        if (c == '\\') ++at_;
        if (c == '"') quoted = false;
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) {
        ++at_;
        found_.push_back({text_.substr(start, at_ - start), where.line, where.column});
        return;
      }
    }
    at_ = std::min(at_, text_.size());
    add_fault(faults_, where, "JSON syntax", "", "the test that begins here breaks off");
  }

  const std::string& path_;
  std::string_view text_;
  format::Faults& faults_;
  std::vector<Found> found_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::size_t line_start_ = 0;
  unsigned line_ = 1;
};

/// The length of a number that is none, as C and Python print it; 0 for anything else.
std::size_t nan_length(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_of(",]}: \t\r\n"));
  for (const std::string_view nan :
       {"nan", "-nan", "NaN", "-nan(ind)", "inf", "-inf", "Infinity", "-Infinity"})
    if (word == nan) return nan.size();
  return 0;
}

/// Such a word is no JSON: it stands as a text.
std::string with_quoted_nans(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      out += text[i++];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (const auto length = quoted ? 0 : nan_length(text.substr(i, 12)); length > 0) {
      out += fmt::format("\"{}\"", text.substr(i, length));
      i += length - 1;
      continue;
    }
    out += text[i];
  }
  return out;
}

std::string as_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  return value.is_number() ? value.dump() : "";
}

}  // namespace

std::vector<BenchTest> read_bench_json(const std::string& path, std::string_view text,
                                       format::Faults& faults) {
  std::vector<BenchTest> tests;
  for (const auto& found : ObjectFinder(path, text, faults).all()) {
    try {
      const json object = parse_config(with_quoted_nans(found.text), path);
      BenchTest test{{path, found.line, found.column}, {}, 0, 0};
      for (const auto& [key, value] : object.items())
        if (auto field = as_text(value); !field.empty()) test.fields.emplace(key, std::move(field));
      tests.push_back(std::move(test));
    } catch (const InputError& error) {
      for (auto fault : error.faults()) {
        if (fault.line <= 1) fault.column += found.column - (fault.line == 0 ? 0 : 1);
        fault.line = found.line + (fault.line == 0 ? 0 : fault.line - 1);
        faults.add(std::move(fault));
      }
    }
  }
  return tests;
}

bool is_bench_csv(const format::CsvRow& header) {
  return std::any_of(header.begin(), header.end(), [](const format::CsvCell& cell) {
    return cell.text == "model_type" || cell.text == "avg_ts";
  });
}

std::vector<BenchTest> read_bench_csv(const std::string& path,
                                      const std::vector<format::CsvRow>& rows,
                                      format::Faults& faults) {
  std::vector<BenchTest> tests;
  const format::CsvRow* header = nullptr;
  for (const auto& row : rows) {
    const MeasuredPlace place{path, row.front().line, row.front().column};
    if (is_bench_csv(row)) {
      header = &row;
    } else if (header != nullptr && row.size() != header->size()) {
      add_fault(faults, place, "row", "",
                fmt::format("has {} fields, the header on line {} {}", row.size(),
                            header->front().line, header->size()));
    } else if (header != nullptr) {
      BenchTest test{place, {}, 0, 0};
      for (std::size_t i = 0; i < row.size(); ++i)
        if (!row[i].text.empty()) test.fields.emplace((*header)[i].text, row[i].text);
      tests.push_back(std::move(test));
    }
  }
  return tests;
}

}  // namespace rooflaw::io
