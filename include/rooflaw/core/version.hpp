#pragma once
// Which program wrote a result: compiled in by the build (src/core/version.cmake).

#include <string_view>

namespace rooflaw {

std::string_view program_version();  // "0.1.0"; "0.1.0+4" four commits after the tag v0.1.0
/// 40 hex digits, "-dirty" appended if the tree had changes; "source-" and 40 digits of a hash of the
/// sources where they are no git repository of their own
std::string_view git_commit();

}  // namespace rooflaw
