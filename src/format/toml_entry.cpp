#include "rooflaw/format/toml_entry.hpp"

#include <algorithm>

namespace rooflaw::format {

std::optional<std::string> entry_alone(std::string_view text, std::string_view kind,
                                       std::string_view id) {
  for (const std::string_view several_lines : {"\"\"\"", "'''"})
    if (text.find(several_lines) != std::string_view::npos) return std::nullopt;
  const std::string head = "[[" + std::string(kind) + "]]\n";
  const std::string name = "\nid = \"" + std::string(id) + "\"\n";
  const auto at = text.find(name);
  if (at == std::string_view::npos || text.find(name, at + 1) != std::string_view::npos)
    return std::nullopt;
  // The id stands right under its head, as in all our tables.
  if (at + 1 < head.size() || text.substr(at + 1 - head.size(), head.size()) != head)
    return std::nullopt;
  const auto start = at + 1 - head.size();
  if (start > 0 && text[start - 1] != '\n') return std::nullopt;
  const auto end = text.find("\n" + head, at);
  std::string alone(static_cast<std::size_t>(std::count(
                        text.begin(), text.begin() + static_cast<std::ptrdiff_t>(start), '\n')),
                    '\n');
  return alone.append(text.substr(start, end == std::string_view::npos ? end : end + 1 - start));
}

}  // namespace rooflaw::format
