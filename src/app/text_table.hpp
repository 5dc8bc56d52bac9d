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

/// Text in lines of at most `width`, but for words that are longer; those after the first are
/// indented.
std::string folded(const std::string& text, std::size_t width);

/// Columns of the terminal: $COLUMNS, else that of stdout or stderr, else 80.
std::size_t terminal_width();

}  // namespace rooflaw::app
