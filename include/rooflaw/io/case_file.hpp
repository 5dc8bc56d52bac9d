#pragma once
// CASE.toml: one architecture on one device, for `rooflaw evaluate`.

#include <string>

#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/scenario.hpp"

namespace rooflaw::io {

struct Case {
  model::Law law;
  model::Architecture architecture;
  model::Scenario scenario;
};

/// @throws InputError with every fault; FileError if a file cannot be read.
Case read_case(SourceFiles& files, const std::string& path);

}  // namespace rooflaw::io
