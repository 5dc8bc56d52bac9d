#include "text_table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace rooflaw::app {

std::string text_table(const std::vector<std::vector<std::string>>& lines, std::size_t width) {
  if (lines.empty() || lines.front().empty()) return "";
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  const std::string indent = "  ";
  std::string text;
  for (std::size_t first = 1, last = 1; first < widths.size() || first == 1; first = last) {
    std::size_t used = indent.size() + widths[0];
    last = first;
    while (last < widths.size() && (last == first || used + 2 + widths[last] <= width))
      used += 2 + widths[last++];
    for (const auto& line : lines) {
      std::string shown = fmt::format("{}{:<{}}", indent, line[0], widths[0]);
      for (std::size_t c = first; c < last; ++c)
        shown += fmt::format("  {:>{}}", line[c], widths[c]);
      shown.erase(shown.find_last_not_of(' ') + 1);
      text += shown + "\n";
    }
    if (last == widths.size()) break;
  }
  return text;
}

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::string lines, line(indent, ' ');
  bool is_empty = true;  // the line
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (!is_empty && line.size() + 1 + end - at > width) {
      lines += line + "\n";
      line.assign(indent + 2, ' ');
      is_empty = true;
    }
    if (!is_empty) line += ' ';
    line.append(text, at, end - at);
    is_empty = false;
    at = end + 1;
  }
  return lines + line + "\n";
}

std::size_t terminal_width() {
  constexpr std::size_t least = 40, usual = 80;
  std::size_t width = 0;
  if (const char* columns = std::getenv("COLUMNS")) {
    const auto [end, error] = std::from_chars(columns, columns + std::strlen(columns), width);
    if (error == std::errc() && *end == '\0' && width >= least) return width;
  }
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(stream, TIOCGWINSZ, &size) == 0 && size.ws_col >= least) return size.ws_col;
  }
  return usual;
}

}  // namespace rooflaw::app
