#include "rooflaw/format/csv.hpp"

#include <algorithm>

namespace rooflaw::format {

namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r";
  const auto first = text.find_first_not_of(space);
  if (first == text.npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(space) - first + 1));
}

/// Goes through a text field by field.
class Cursor {
 public:
  Cursor(std::string_view text, const std::string& file, Faults& faults)
      : text_(text), file_(file), faults_(faults) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text_.starts_with(byte_order_mark)) line_start_ = at_ = byte_order_mark.size();
  }

  bool at_end() const { return at_ >= text_.size(); }

  /// The fields up to the end of the line, or of the lines that quotes join; empty after a fault.
  CsvRow row() {
    CsvRow cells;
    bool sound = true;
    do {
      skip_spaces();
      CsvCell cell{{}, line_, static_cast<unsigned>(at_ - line_start_ + 1)};
      sound = (next_is('"') ? quoted(cell) : plain(cell)) && sound;
      cells.push_back(std::move(cell));
    } while (take(','));
    if (take('\n')) new_line();
    if (!sound) cells.clear();
    return cells;
  }

 private:
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) {
    const bool is = next_is(c);
    if (is) ++at_;
    return is;
  }
  void new_line() {
    ++line_;
    line_start_ = at_;
  }
  void skip_spaces() {
    while (next_is(' ') || next_is('\t') || next_is('\r')) ++at_;
  }
  std::string_view until_separator() {
    const auto end = std::min(text_.find_first_of(",\n", at_), text_.size());
    const auto field = text_.substr(at_, end - at_);
    at_ = end;
    return field;
  }

  bool plain(CsvCell& cell) {
    cell.text = trimmed(until_separator());
    return true;
  }

  bool quoted(CsvCell& cell) {
    ++at_;
    for (;; ++at_) {
      if (at_end()) return fault(cell, "the quote that opens here has no end");
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      cell.text += text_[at_];
      if (text_[at_] == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
    }
    ++at_;
    if (trimmed(until_separator()).empty()) return true;
    return fault(cell, "text stands behind a field in quotes");
  }

  bool fault(const CsvCell& cell, const char* rule) {
    faults_.add(
        {.file = file_, .line = cell.line, .column = cell.column, .key = "CSV", .rule = rule});
    return false;
  }

  std::string_view text_;
  const std::string& file_;
  Faults& faults_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  unsigned line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file, Faults& faults) {
  std::vector<CsvRow> rows;
  for (Cursor cursor(text, file, faults); !cursor.at_end();) {
    CsvRow row = cursor.row();
    const bool empty_line = row.size() == 1 && row.front().text.empty();
    if (!row.empty() && !empty_line) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace rooflaw::format
