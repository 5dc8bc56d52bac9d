#pragma once
// Tables for a terminal.

#include <cstddef>
#include <string>
#include <vector>

namespace rooflaw::app {

/// Lines of cells, the first the titles: the first column to the left, the others to the right.
/// Where they take more than `width` columns, those that do not fit follow below, with the first
/// column again. Characters are bytes.
std::string text_table(const std::vector<std::vector<std::string>>& lines, std::size_t width);

/// Text in lines of at most `width` where words allow it, `indent` to the right, those behind the
/// first by two more.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent = 0);

/// Columns of the terminal: $COLUMNS, else that of stdout or stderr, else 80.
std::size_t terminal_width();

}  // namespace rooflaw::app
