#pragma once
// Tables as CSV (RFC 4180, but lines end in \n): a header row, then a line a row.

#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::format {

/// Numbers have all the digits it takes to read the same number back.
std::string csv(const std::vector<std::string>& names, const std::vector<Column>& columns);

}  // namespace rooflaw::format
