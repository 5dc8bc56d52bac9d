#include "rooflaw/format/toml_reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <tuple>

#include <fmt/format.h>

#include "rooflaw/format/file_kind.hpp"
#include "toml_depth.hpp"

namespace rooflaw::format {

namespace {

constexpr std::size_t longest_quote = 60;
constexpr std::size_t longest_key_quoted = 200;

std::string shortened(std::string text, std::size_t length) {
  if (text.size() > length) text = text.substr(0, length) + "...";
  return text;
}

InputFault fault_at(const toml::node& where, const std::string& key) {
  const toml::source_region& source = where.source();
  return {.file = source.path ? *source.path : std::string("command line"),
          .line = source.begin.line,
          .column = source.begin.column,
          .key = shortened(key, longest_key_quoted)};
}

/// The shortest text that reads back as x, with a point so that it is no whole number: 0.1, 4.0,
/// nan.
std::string short_text(double x) {
  const std::string text = fmt::format("{}", x);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

}  // namespace

void Faults::add(const toml::node& where, const std::string& key, const std::string& rule,
                 const std::string& hint) {
  InputFault fault = fault_at(where, key);
  if (!where.is_table() && !where.is_array_of_tables()) {
    fault.value = shortened(to_line(where), longest_quote);
  }
  fault.rule = rule;
  fault.hint = hint;
  add(std::move(fault));
}

void Faults::throw_if_any() const {
  if (faults_.empty()) return;
  auto sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const InputFault& a, const InputFault& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  // One mistake may come up several times: an unknown memory with every workload.
  std::set<std::string> told;
  std::erase_if(sorted, [&](const InputFault& f) { return !told.insert(f.text()).second; });
  throw InputError(std::move(sorted));
}

toml::table parse_toml(const std::string& text, const std::string& name) {
  if (const std::string kind = other_kind(text); !kind.empty())
    throw InputError(
        {{.file = name, .line = 1, .column = 1, .key = "TOML syntax", .rule = "this is " + kind}});
  require_shallow(text, name);
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    throw InputError({{.file = name,
                       .line = e.source().begin.line,
                       .column = e.source().begin.column,
                       .key = "TOML syntax",
                       .rule = std::string(e.description())}});
  }
}

namespace {
std::string formatted(const toml::node& node, toml::format_flags without) {
  std::ostringstream out;
  node.visit([&](const auto& typed) {
    out << toml::toml_formatter{typed, toml::toml_formatter::default_flags & ~without};
  });
  return out.str();
}
}  // namespace

std::string to_text(const toml::node& node) {
  return formatted(node, toml::format_flags::indentation);
}

std::string to_line(const toml::node& node) {
  if (const auto* number = node.as_floating_point()) return short_text(number->get());
  // Double quotes, as nearly everyone writes them.
  std::string text =
      formatted(node, toml::format_flags::indentation | toml::format_flags::allow_literal_strings);
  // A long list comes on several lines.
  if (node.is_array()) std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

namespace {
void flatten(const toml::table& table, const std::string& prefix, KeyValues& settings) {
  for (const auto& [key, value] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* deeper = value.as_table())
      flatten(*deeper, name + ".", settings);
    else
      settings[name] = to_line(value);
  }
}
}  // namespace

KeyValues key_values_in(const toml::table& table) {
  KeyValues settings;
  flatten(table, "", settings);
  return settings;
}

std::string too_long_rule() {
  return fmt::format("must not have more than {} elements", longest_list);
}

bool is_plain_text(const std::string& text) {
  return !text.empty() && text.size() <= longest_text &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto code = static_cast<unsigned char>(c);
           return code < 0x20 || code == 0x7f;
         });
}

bool NumberRule::holds(double x) const {
  if (!std::isfinite(x)) return false;
  return (low_allowed ? x >= low : x > low) && (high_allowed ? x <= high : x < high);
}

std::optional<double> read_number(const toml::node& node, const std::string& key,
                                  const NumberRule& rule, Faults& faults) {
  Quantity quantity;
  if (rule.dimension != Dimension::none && node.is_string()) {
    quantity = read_quantity(*node.value<std::string>(), rule.dimension);
    if (quantity.value && !quantity.has_unit) quantity = {.fault = "the text has no unit"};
  } else if (node.is_number())
    quantity.value = node.value<double>();
  if (quantity.value && rule.holds(*quantity.value)) return quantity.value;
  std::string text(rule.text);
  if (rule.dimension != Dimension::none)
    text += fmt::format(" (as text with a unit: {})", unit_names(rule.dimension));
  if (!quantity.fault.empty()) text += ": " + quantity.fault;
  faults.add(node, key, text, quantity.hint);
  return std::nullopt;
}

std::string TableReader::full_name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const toml::node* TableReader::node(std::string_view key) {
  known_.emplace(key);
  return find(key);
}

const toml::node* TableReader::find(std::string_view key) const {
  const toml::node* own = table_.get(key);
  return own == nullptr && behind_ != nullptr ? behind_->find(key) : own;
}

void TableReader::fault(std::string_view key, const std::string& rule, const std::string& hint) {
  const toml::node* n = find(key);
  if (n != nullptr) {
    faults_.add(*n, full_name(key), rule, hint);
  } else {
    InputFault fault = fault_at(table_, full_name(key));
    fault.rule = rule;
    fault.hint = hint;
    faults_.add(std::move(fault));
  }
}

void TableReader::missing(std::string_view key) { fault(key, "is missing"); }

std::optional<double> TableReader::number(std::string_view key, const NumberRule& rule) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  return read_number(*n, full_name(key), rule, faults_);
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t low,
                                                 std::int64_t high) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  const auto x = n->is_integer() ? n->value<std::int64_t>() : std::nullopt;
  if (!x || *x < low || *x > high) {
    fault(key,
          "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
  }
  return x;
}

std::optional<std::string> TableReader::text(std::string_view key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  if (!n->is_string() || !is_plain_text(*n->value<std::string>())) {
    fault(key,
          fmt::format(
              "must be a text that is not empty, of at most {} bytes, without control characters",
              longest_text));
    return std::nullopt;
  }
  return n->value<std::string>();
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  if (!n->is_boolean()) {
    fault(key, "must be true or false");
    return std::nullopt;
  }
  return n->value<bool>();
}

const toml::table* TableReader::sub_table(std::string_view key) {
  const toml::node* n = node(key);
  if (n == nullptr) return nullptr;
  if (!n->is_table()) fault(key, "must be a table");
  return n->as_table();
}

const toml::array* TableReader::array(std::string_view key) {
  const toml::node* n = node(key);
  if (n == nullptr) return nullptr;
  if (!n->is_array()) {
    fault(key, "must be a list");
  } else if (n->as_array()->size() > longest_list) {
    fault(key, too_long_rule());
    return nullptr;
  }
  return n->as_array();
}

double TableReader::required_number(std::string_view key, const NumberRule& rule) {
  if (!has(key)) missing(key);
  return number(key, rule).value_or(1.0);
}

std::int64_t TableReader::required_integer(std::string_view key, std::int64_t low,
                                           std::int64_t high) {
  if (!has(key)) missing(key);
  return integer(key, low, high).value_or(std::max<std::int64_t>(low, 1));
}

std::string TableReader::required_text(std::string_view key) {
  if (!has(key)) missing(key);
  return text(key).value_or("");
}

void TableReader::allow(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) known_.emplace(key);
}

void TableReader::allow(const std::vector<std::string_view>& keys) {
  for (const auto key : keys) known_.emplace(key);
}

void TableReader::explain(std::string_view key, std::string rule) {
  explained_.emplace(key, std::move(rule));
}

void TableReader::reject_unknown_keys() {
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const auto& [key, value] : table_) {
    const std::string name(key.str());
    if (known_.contains(name)) continue;
    InputFault fault = fault_at(value, full_name(name));
    if (const auto& at = key.source().begin; at.line > 0) {
      fault.line = at.line;
      fault.column = at.column;
    }
    if (const auto explained = explained_.find(name); explained != explained_.end()) {
      fault.rule = explained->second;
    } else {
      fault.rule = "unknown key";
      fault.hint = did_you_mean(name, known);
    }
    faults_.add(std::move(fault));
  }
}

}  // namespace rooflaw::format
