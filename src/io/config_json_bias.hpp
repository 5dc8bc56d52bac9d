#pragma once
// Parameters that the architecture leaves out, to the last one where the family is known.

#include <optional>

#include "config_json_families.hpp"
#include "config_json_fields.hpp"

namespace rooflaw::io {

/// What the family leaves out, with what the config itself says of its biases.
Uncounted read_uncounted(ConfigFields& fields, const Family& family);

/// Norms and biases of the whole model; empty where the family has others, too.
std::optional<double> uncounted_parameters(const Uncounted& u, const model::Architecture& a);

}  // namespace rooflaw::io
