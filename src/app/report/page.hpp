#pragma once
// The report page: one file that loads nothing.

#include <string>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::app::report {

/// @param baseline  that chips are compared with; empty: the first of the result
/// @throws Error (exit 2) if the result has not this device; as compare() and read_page_study
std::string page_of(const format::Hdf5Reader& file, const std::string& baseline);

}  // namespace rooflaw::app::report
