#include "rooflaw/format/csv.hpp"

#include <string_view>

#include <fmt/format.h>

#include "rooflaw/core/printable.hpp"

namespace rooflaw::format {

namespace {

std::string cell(double x) { return fmt::format("{}", x); }
std::string cell(std::int64_t x) { return fmt::format("{}", x); }
std::string cell(std::string text) {
  // Spreadsheets would take it for a formula.
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  text = printable(text, "\n\r\t");
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::string csv(const std::vector<std::string>& names, const std::vector<Column>& columns) {
  const auto line = [](const std::vector<std::string>& row) {
    return fmt::format("{}\n", fmt::join(row, ","));
  };
  std::vector<std::string> header;
  for (const auto& name : names) header.push_back(cell(name));
  std::string text = line(header);
  const auto length = [](const Column& column) {
    return std::visit([](const auto& values) { return values.size(); }, column);
  };
  const std::size_t rows = columns.empty() ? 0 : length(columns.front());
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<std::string> cells;
    for (const auto& column : columns)
      cells.push_back(
          std::visit([row](const auto& values) { return cell(values.at(row)); }, column));
    text += line(cells);
  }
  return text;
}

}  // namespace rooflaw::format
