#pragma once
// Which program wrote a result: compiled in by the build.

#include <string_view>

namespace rooflaw {

std::string_view program_version();  // "0.1.0"
std::string_view git_commit();       // 40 hex digits, "-dirty" appended if the tree had changes

}  // namespace rooflaw
