#pragma once
// CASE.toml: one architecture on one device, for `rooflaw evaluate`.

#include <optional>
#include <string>
#include <vector>

#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/scenario.hpp"

namespace rooflaw::io {

struct Case {
  std::string model{};  // id of what it is, with a hash where fields were changed; empty: inline
  model::Law law;
  model::Architecture architecture;
  model::Scenario scenario;
  model::Limits limits{};             // of the workload
  std::optional<double> uncounted{};  // norms and biases of a config.json
  std::vector<std::string> notes{};   // on it
};

/// What the command line gives beside a file or in its place: ids, or paths of files.
struct CaseChoices {
  std::optional<std::string> model{}, device{}, precision{}, workload{}, law{};
};

/// `path` is a CASE.toml, a config.json, which is the model then, or empty.
/// @throws InputError with every fault; FileError if a file cannot be read.
Case read_case(SourceFiles& files, const std::string& path, const CaseChoices& choices = {});

}  // namespace rooflaw::io
