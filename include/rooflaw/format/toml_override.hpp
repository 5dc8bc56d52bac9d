#pragma once
// "table.key=value" from the command line, put into a TOML document.

#include <string>

#include <toml++/toml.h>

namespace rooflaw::format {

/// Sets one value; tables on the way are made. A bare word is taken as text: job.name=trial.
/// @throws InputError unless `text` is a single table.key=value
void apply_override(toml::table& table, const std::string& text);

}  // namespace rooflaw::format
