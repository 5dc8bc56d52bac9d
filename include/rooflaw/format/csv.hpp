#pragma once
// Tables as CSV (RFC 4180, but lines end in \n): a header row, then a line a row.

#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::format {

/// Numbers have all the digits it takes to read the same number back.
std::string csv(const std::vector<std::string>& names, const std::vector<Column>& columns);

/// A field, and where it begins: line and column from 1, for messages.
struct CsvCell {
  std::string text;
  unsigned line = 0;
  unsigned column = 0;
};
using CsvRow = std::vector<CsvCell>;  // at least one cell

/// The rows of a text, its header among them; empty lines are none, lines may end in \r\n, spaces
/// around a field are no part of it. Notes a fault for a quote that has no end or stands inside of
/// a field; its row is left out. Cost: linear.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file, Faults& faults);

}  // namespace rooflaw::format
