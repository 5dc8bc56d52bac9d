#pragma once
// "table.key=value" from the command line, put into a TOML document.

#include <string>

#include <toml++/toml.h>

namespace rooflaw::format {

/// Sets one value; tables on the way are made. A bare word is taken as text: job.name=trial.
/// `source` is the option that gives it, and the file name that its nodes have.
/// @throws InputError unless `text` is a single table.key=value
void apply_override(toml::table& table, const std::string& text,
                    const std::string& source = "--set");

/// Do nodes of this file name come from an option?
inline bool is_option(const std::string& source) { return source.starts_with("--"); }

}  // namespace rooflaw::format
