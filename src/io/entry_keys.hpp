#pragma once
// Keys that tables of several kinds have.

#include <optional>
#include <string_view>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::io {

/// Keys that describe an entry and take no part in any formula.
inline void allow_description(format::TableReader& reader) {
  reader.allow({"id", "name", "vendor", "source", "confidence", "checked", "notes"});
}

/// [low, high]; absent if the key is, or after a fault.
std::optional<model::Interval> read_interval(format::TableReader& reader, std::string_view key);

}  // namespace rooflaw::io
