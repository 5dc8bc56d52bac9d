#pragma once

#include <string>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::app {

/// An attribute of a result for people: numbers to six digits, a version as 2.2.
std::string attribute_text(const format::Attribute& attribute);

}  // namespace rooflaw::app
