#pragma once
// A job, a case and a file of tables are told apart before they are read: a file given to the wrong
// command is one fault, not ten.

#include <toml++/toml.h>

namespace rooflaw::io {

/// @throws InputError for what is plainly a case or a file of tables
void require_job(const toml::table& file);
/// @throws InputError for what is plainly a job or a file of tables
void require_case(const toml::table& file);

}  // namespace rooflaw::io
