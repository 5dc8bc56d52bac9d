#pragma once
// The [space] table of a JOB.

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/search/space/space.hpp"

namespace rooflaw::io {

/// Notes every fault: of single values, duplicates, values no combination can use, a space of more
/// than 2^63 - 1 points.
search::Space read_space(format::TableReader& reader);

}  // namespace rooflaw::io
