#pragma once
// What a file is that was given where TOML is expected.

#include <string>
#include <string_view>

namespace rooflaw::format {

/// "a JSON file", with the command that reads it where there is one; empty for what may be TOML. It
/// looks at the first bytes only.
std::string other_kind(std::string_view text);

}  // namespace rooflaw::format
