#include "rooflaw/format/toml_override.hpp"

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/toml_reader.hpp"
#include "toml_depth.hpp"

namespace rooflaw::format {

void apply_override(toml::table& table, const std::string& text, const std::string& source) {
  const auto syntax = [&](const std::string& rule) {
    return InputError({{.file = source, .key = text, .rule = rule}});
  };
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw syntax("must be table.key=value");
  require_shallow(text, source);
  toml::table parsed;
  try {
    parsed = toml::parse(text, std::string_view(source));
  } catch (const toml::parse_error& error) {
    // A bare word is text: --set job.name=trial. What opens a list, a table or a text is none.
    if (std::string_view("[{\"'").find(text[equals + 1]) != std::string_view::npos)
      throw InputError({{.file = source,
                         .line = 1,
                         .column = static_cast<unsigned>(equals + 2),
                         .key = text.substr(0, equals),
                         .value = text.substr(equals + 1),
                         .rule = std::string(error.description())}});
    const std::string quoted = text.substr(0, equals + 1) + "\"" + text.substr(equals + 1) + "\"";
    try {
      parsed = toml::parse(quoted, std::string_view(source));
    } catch (const toml::parse_error& e) {
      throw syntax(std::string(e.description()));
    }
  }
  toml::table* into = &table;
  toml::table* from = &parsed;
  for (;;) {
    if (from->size() != 1) throw syntax("must be a single table.key=value");
    const auto first = from->begin();
    const toml::key& key = first->first;
    toml::node& value = first->second;
    toml::table* deeper = value.as_table();
    toml::table* existing = into->contains(key) ? into->get(key)->as_table() : nullptr;
    if (deeper == nullptr || deeper->is_inline() || existing == nullptr) {
      into->insert_or_assign(key, std::move(value));
      return;
    }
    into = existing;
    from = deeper;
  }
}

}  // namespace rooflaw::format
