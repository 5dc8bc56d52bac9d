#pragma once
// One entry of a long table file, [[kind]] after [[kind]], without parsing the others: what a
// command takes to start does not depend on how long the tables are.

#include <optional>
#include <string>
#include <string_view>

namespace rooflaw::format {

/// The text of the one entry with this id, on its own lines: what stands before it is empty lines.
/// nullopt where that cannot be told from the lines alone: no such id, several, or strings of
/// several lines. Cost: one pass over the text.
std::optional<std::string> entry_alone(std::string_view text, std::string_view kind,
                                       std::string_view id);

}  // namespace rooflaw::format
