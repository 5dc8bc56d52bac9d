#pragma once
// Reads TOML tables key by key and gathers every fault with file, line, column, key, value and
// rule. A key nobody asked for is a fault too, with the nearest known key as a hint.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/quantity.hpp"
#include "rooflaw/format/words.hpp"

namespace rooflaw::format {

class Faults {
 public:
  void add(InputFault fault) { faults_.push_back(std::move(fault)); }
  /// A fault at a node of a parsed file; its value is quoted as written, shortened if long.
  void add(const toml::node& where, const std::string& key, const std::string& rule,
           const std::string& hint = {});
  bool empty() const { return faults_.empty(); }
  std::size_t size() const { return faults_.size(); }
  /// @throws InputError with all of them, by file and line
  void throw_if_any() const;

 private:
  std::vector<InputFault> faults_;
};

/// @throws InputError for a syntax error, and for text that nests deeper than toml_depth.hpp allows
toml::table parse_toml(const std::string& text, const std::string& name);

/// A node as TOML text.
std::string to_text(const toml::node& node);
/// The same on one line, and floating-point numbers as short as they can be: for messages.
std::string to_line(const toml::node& node);

/// Every value of a table and of those in it, by its path "table.key"; as to_line.
using KeyValues = std::map<std::string, std::string>;
KeyValues key_values_in(const toml::table& table);

/// What a number must satisfy. NaN and infinity never do. One with a dimension may be a text with a
/// unit.
struct NumberRule {
  double low;
  bool low_allowed;
  double high;
  bool high_allowed;
  std::string_view text;
  Dimension dimension = Dimension::none;
  bool holds(double x) const;
};
namespace rules {
// No product or quotient that the model forms of numbers within these and of sizes leaves the range
// of a double.
inline constexpr double huge = 1e30;
inline constexpr NumberRule positive{1 / huge, true, huge, true,
                                     "must be a finite number > 0, from 1e-30 to 1e30"};
inline constexpr NumberRule non_negative{0, true, huge, true,
                                         "must be a finite number >= 0, up to 1e30"};
inline constexpr NumberRule bytes{
    1 / huge,        true, huge, true, "must be a finite number of bytes > 0, from 1e-30 to 1e30",
    Dimension::bytes};
inline constexpr NumberRule seconds{1 / huge,
                                    true,
                                    huge,
                                    true,
                                    "must be a finite number of seconds > 0, from 1e-30 to 1e30",
                                    Dimension::seconds};
inline constexpr NumberRule non_negative_seconds{
    0, true, huge, true, "must be a finite number of seconds >= 0, up to 1e30", Dimension::seconds};
inline constexpr NumberRule bandwidth{1 / huge,
                                      true,
                                      huge,
                                      true,
                                      "must be a finite number of bytes/s > 0, from 1e-30 to 1e30",
                                      Dimension::bytes_per_second};
inline constexpr NumberRule compute_rate{
    1 / huge,
    true,
    huge,
    true,
    "must be a finite number of FLOP/s > 0, from 1e-30 to 1e30",
    Dimension::flop_per_second};
inline constexpr NumberRule finite{-huge, true, huge, true,
                                   "must be a finite number within +-1e30"};
inline constexpr NumberRule exponent{1 / huge, true, 10, true,
                                     "must be a finite number > 0, from 1e-30 to 10"};
inline constexpr NumberRule signed_exponent{-10, true, 10, true,
                                            "must be a finite number from -10 to 10"};
inline constexpr NumberRule non_negative_exponent{0, true, 10, true,
                                                  "must be a finite number from 0 to 10"};
inline constexpr NumberRule signed_number{-huge, true, huge, true,
                                          "must be a finite number from -1e30 to 1e30"};
inline constexpr NumberRule at_least_one{1, true, huge, true,
                                         "must be a finite number >= 1, up to 1e30"};
inline constexpr NumberRule efficiency{1e-6, true, 1.5, true, "must lie in [1e-6, 1.5]"};
inline constexpr NumberRule bytes_per_element{1e-3, true, 16, true,
                                              "must be a number of bytes in [0.001, 16]"};
inline constexpr NumberRule fraction{0, true, 1, false, "must lie in [0, 1)"};
}  // namespace rules

inline constexpr std::int64_t largest_size = 1'000'000'000;  // of any count in an input file
inline constexpr std::size_t longest_list = 10'000;          // elements of a list in an input file
inline constexpr std::size_t longest_text = 4096;            // bytes of a text that is used
std::string too_long_rule();                                 // of a list
/// Neither empty nor longer than `longest_text`, and without control characters: a NUL would end
/// the name of a file early, others would reach a terminal.
bool is_plain_text(const std::string& text);

/// The number at a node; nullopt if it breaks the rule: then a fault is noted.
std::optional<double> read_number(const toml::node& node, const std::string& key,
                                  const NumberRule& rule, Faults& faults);

class TableReader {
 public:
  /// `path` is the name of the table in messages ("space"; "" for the file itself). What the table
  /// lacks is read from `behind`, if there is one, whose own keys are not looked at otherwise.
  TableReader(const toml::table& table, std::string path, Faults& faults,
              const TableReader* behind = nullptr)
      : table_(table), behind_(behind), path_(std::move(path)), faults_(faults) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::string full_name(std::string_view key) const;
  const toml::table& table() const { return table_; }
  const TableReader* behind() const { return behind_; }
  Faults& faults() { return faults_; }

  /// Typed access; nullopt if absent or faulty (then a fault is noted).
  std::optional<double> number(std::string_view key, const NumberRule& rule);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low,
                                      std::int64_t high = largest_size);
  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  const toml::table* sub_table(std::string_view key);
  const toml::array* array(std::string_view key);
  const toml::node* node(std::string_view key);

  /// The same where the key must be there.
  double required_number(std::string_view key, const NumberRule& rule);
  std::int64_t required_integer(std::string_view key, std::int64_t low,
                                std::int64_t high = largest_size);
  std::string required_text(std::string_view key);

  /// One of a list of words; `hint` says which of them a wrong one is near to.
  template <class T, class FromName, class Hint>
  std::optional<T> word(std::string_view key, FromName from_name, std::string_view rule,
                        Hint hint) {
    const auto name = text(key);
    if (!name) return std::nullopt;
    const auto found = from_name(*name);
    if (!found) fault(key, std::string(rule), hint(*name));
    return found;
  }

  /// Keys that are allowed and not read here (name, source, notes, ...).
  void allow(std::initializer_list<std::string_view> keys);
  void allow(const std::vector<std::string_view>& keys);

  /// What is said of a key that is known elsewhere, in the place of "unknown key".
  void explain(std::string_view key, std::string rule);

  /// Notes a fault at a key, or at the table if the key is absent.
  void fault(std::string_view key, const std::string& rule, const std::string& hint = {});

  /// Call last: every key of the table that was never asked for is a fault.
  void reject_unknown_keys();

 private:
  void missing(std::string_view key);
  const toml::node* find(std::string_view key) const;

  const toml::table& table_;
  const TableReader* behind_;
  std::string path_;
  Faults& faults_;
  std::set<std::string, std::less<>> known_;
  std::map<std::string, std::string, std::less<>> explained_;
};

}  // namespace rooflaw::format
