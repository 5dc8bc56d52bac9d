#pragma once
// A bound on how deep a TOML text nests, checked before it is parsed. toml++ 3.3 bounds nested
// values, but not dotted keys: a key of 100,000 parts is as many tables in each other, and their
// destructors overflow the stack.

#include <cstddef>
#include <string>

namespace rooflaw::format {

inline constexpr std::size_t deepest_nesting = 32;  // lists and inline tables in each other
inline constexpr std::size_t longest_key = 32;      // parts of a dotted key

/// @throws InputError at the first place of `text` that goes beyond; `name` is the file's. Of text
/// that is no TOML it may say so too, or nothing.
void require_shallow(const std::string& text, const std::string& name);

}  // namespace rooflaw::format
