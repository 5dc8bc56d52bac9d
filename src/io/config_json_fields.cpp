#include "config_json_fields.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/io/source_files.hpp"

namespace rooflaw::io {

using nlohmann::json;

namespace {

constexpr std::size_t deepest = 32;
constexpr std::size_t longest_quote = 60;
constexpr std::size_t longest_list = 4096;

[[noreturn]] void refuse(const std::string& file, const std::string& key, const std::string& rule) {
  throw InputError({{.file = file, .key = key, .rule = rule}});
}

InputFault syntax_fault(std::string_view text, std::size_t byte, const std::string& file) {
  const std::string_view before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto newline = before.rfind('\n');
  const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  return {.file = file,
          .line = static_cast<unsigned>(std::count(before.begin(), before.end(), '\n') + 1),
          .column = static_cast<unsigned>(before.size() - start + 1),
          .key = "JSON syntax",
          .rule = "the text is no JSON from here on"};
}

/// Python writes the bare word Infinity, which is no JSON. A number beyond every range stands in
/// for it, so that no size may be infinite; as many characters, so that errors keep their place.
std::string without_infinities(std::string_view text) {
  constexpr std::string_view infinity = "Infinity";
  std::string out(text);
  bool quoted = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (quoted && out[i] == '\\')
      ++i;
    else if (out[i] == '"')
      quoted = !quoted;
    else if (!quoted && out.compare(i, infinity.size(), infinity) == 0)
      out.replace(i, infinity.size(), "1e308   ");
  }
  return out;
}

std::string quote(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > longest_quote) text = text.substr(0, longest_quote) + "...";
  return text;
}

}  // namespace

json parse_config(std::string_view text, const std::string& file) {
  if (text.size() > longest_source)
    refuse(file, "config", fmt::format("must not be larger than {} MiB", longest_source >> 20));
  // As editors of Windows save it; neither byte can open a text in UTF-8.
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    refuse(file, "config", "is a text in UTF-16; save it as UTF-8");
  std::vector<std::set<std::string>> keys;
  const auto guard = [&](int depth, json::parse_event_t event, json& parsed) {
    if (static_cast<std::size_t>(depth) >= deepest)
      refuse(file, "config", fmt::format("must not be nested deeper than {} levels", deepest));
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto key = parsed.get<std::string>();
      if (!keys.back().insert(key).second)
        refuse(file, key.substr(0, longest_quote), "stands twice in the same object");
    }
    return true;
  };
  try {
    return json::parse(without_infinities(text), guard);
  } catch (const json::parse_error& e) {
    throw InputError({syntax_fault(text, e.byte, file)});
  } catch (const json::out_of_range&) {
    refuse(file, "JSON syntax", "holds a number that no computer can hold");
  }
}

bool ConfigFields::has(std::string_view key) const {
  const auto at = object_.find(key);
  return at != object_.end() && !at->is_null();
}

const json* ConfigFields::find(std::string_view key) {
  allow(key);
  return has(key) ? &*object_.find(key) : nullptr;
}

void ConfigFields::fault(std::string_view key, const std::string& rule, const std::string& hint) {
  InputFault fault{.file = file_, .key = prefix_ + std::string(key.substr(0, 2 * longest_quote))};
  if (has(key)) fault.value = quote(*object_.find(key));
  fault.rule = rule;
  fault.hint = hint;
  faults_.push_back(std::move(fault));
}

void ConfigFields::missing(std::string_view key) { fault(key, "is missing"); }

void ConfigFields::missing(const std::vector<std::string_view>& spellings) {
  const std::vector<std::string_view> others(spellings.begin() + 1, spellings.end());
  fault(spellings.front(),
        others.empty() ? "is missing"
                       : fmt::format("is missing (also written {})", fmt::join(others, ", ")));
}

std::optional<std::int64_t> ConfigFields::whole(std::string_view key, std::int64_t least,
                                                std::int64_t most) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto in_range = [&](auto x) {
    return std::cmp_greater_equal(x, least) && std::cmp_less_equal(x, most);
  };
  const bool holds = value->is_number_unsigned()
                         ? in_range(value->get<std::uint64_t>())
                         : value->is_number_integer() && in_range(value->get<std::int64_t>());
  if (holds) return value->get<std::int64_t>();
  fault(key, fmt::format("must be a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<bool> ConfigFields::flag(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fault(key, "must be true or false");
  return std::nullopt;
}

std::optional<std::string> ConfigFields::word(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fault(key, "must be a text");
  return std::nullopt;
}

std::optional<std::vector<std::string>> ConfigFields::words(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto is_word = [](const json& each) { return each.is_string(); };
  if (value->is_array() && value->size() <= longest_list &&
      std::all_of(value->begin(), value->end(), is_word))
    return value->get<std::vector<std::string>>();
  fault(key, "must be a list of texts, one for each layer");
  return std::nullopt;
}

std::optional<std::vector<std::int64_t>> ConfigFields::wholes(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto is_index = [](const json& each) {
    return each.is_number_unsigned() &&
           each.get<std::uint64_t>() <= static_cast<std::uint64_t>(most_layers);
  };
  if (value->is_array() && value->size() <= longest_list &&
      std::all_of(value->begin(), value->end(), is_index))
    return value->get<std::vector<std::int64_t>>();
  fault(key, fmt::format("must be a list of whole numbers from 0 to {}", most_layers));
  return std::nullopt;
}

std::optional<std::int64_t> ConfigFields::whole_of(const std::vector<std::string_view>& spellings,
                                                   std::int64_t least, std::int64_t most) {
  std::optional<std::int64_t> first;
  for (const auto key : spellings) {
    const auto value = whole(key, least, most);
    if (first && value && *first != *value)
      fault(key, fmt::format("contradicts another spelling of it, which says {}", *first));
    if (!first) first = value;
  }
  return first;
}

void ConfigFields::allow_prefix(std::string_view prefix) {
  for (const auto& [key, value] : object_.items())
    if (std::string_view(key).starts_with(prefix)) allow(key);
}

std::vector<std::string> ConfigFields::unread() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : object_.items())
    if (!value.is_null() && !read_.contains(key)) names.push_back(key);
  return names;
}

}  // namespace rooflaw::io
