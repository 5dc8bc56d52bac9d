#include "toml_depth.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::format {

namespace {

/// Where the string that starts at `at` ends: behind its last quote, or where the text breaks it
/// off.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool long_form = text.substr(at, 3) == three;
  const std::string_view close = long_form ? std::string_view(three) : text.substr(at, 1);
  for (at += close.size(); at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\')
      ++at;
    else if (!long_form && text[at] == '\n')
      return at;
    else if (text.substr(at, close.size()) == close)
      break;
  }
  at += close.size();
  // Up to two quotes of its own may stand before the three that close a long string.
  for (int i = 0; long_form && i < 2 && at < text.size() && text[at] == quote; ++i) ++at;
  return std::min(at, text.size());
}

InputError too_deep(std::string_view text, std::size_t at, const std::string& name,
                    const std::string& rule) {
  InputFault fault{.file = name, .line = 1, .column = 1, .key = "TOML syntax", .rule = rule};
  for (const char c : text.substr(0, at)) {
    fault.column = c == '\n' ? 1 : fault.column + 1;
    fault.line += c == '\n' ? 1 : 0;
  }
  return InputError({std::move(fault)});
}

}  // namespace

void require_shallow(const std::string& text, const std::string& name) {
  std::size_t nesting = 0;
  std::size_t parts = 1;  // of what may be a key; a number with a point counts as two
  for (std::size_t at = 0; at < text.size();) {
    switch (text[at]) {
      case '"':
      case '\'':
        at = end_of_string(text, at);
        continue;
      case '#':
        at = std::min(text.find('\n', at), text.size());
        continue;
      case '[':
      case '{':
        ++nesting;
        parts = 1;
        break;
      case ']':
      case '}':
        if (nesting > 0) --nesting;
        parts = 1;
        break;
      case '=':
      case ',':
      case '\n':
        parts = 1;
        break;
      case '.':
        ++parts;
        break;
      default:
        break;
    }
    if (nesting > deepest_nesting)
      throw too_deep(text, at, name,
                     fmt::format("values must not nest deeper than {}", deepest_nesting));
    if (parts > longest_key)
      throw too_deep(text, at, name,
                     fmt::format("a key must not have more than {} parts", longest_key));
    ++at;
  }
}

}  // namespace rooflaw::format
