#pragma once
// The keys of one object of a config.json: each read once with its rule, none forgotten.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rooflaw/core/error.hpp"

namespace rooflaw::io {

// No size of a model comes near it, and products of two stay exact in a double.
inline constexpr std::int64_t largest_size = std::int64_t{1} << 24;
inline constexpr std::int64_t most_layers = 4096;
inline constexpr std::int64_t largest_context = std::int64_t{1} << 40;

/// @throws InputError for a text that is too long, no JSON, nested too deep or with a key twice.
nlohmann::json parse_config(std::string_view text, const std::string& file);

class ConfigFields {
 public:
  ConfigFields(const nlohmann::json& object, std::string file, std::string prefix,
               std::vector<InputFault>& faults)
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)), faults_(faults) {}

  /// The value of a key; null is as good as absent.
  const nlohmann::json* find(std::string_view key);
  bool has(std::string_view key) const;

  /// Empty if the key is absent or, with a fault, of another type or out of range.
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t least,
                                    std::int64_t most = largest_size);
  std::optional<bool> flag(std::string_view key);
  std::optional<std::string> word(std::string_view key);
  std::optional<std::vector<std::string>> words(std::string_view key);
  std::optional<std::vector<std::int64_t>> wholes(std::string_view key);

  /// The first of several spellings that is there; a fault if two differ.
  std::optional<std::int64_t> whole_of(const std::vector<std::string_view>& spellings,
                                       std::int64_t least, std::int64_t most = largest_size);

  void allow(std::string_view key) { read_.emplace(key); }
  void allow_prefix(std::string_view prefix);
  void fault(std::string_view key, const std::string& rule, const std::string& hint = "");
  void missing(std::string_view key);
  void missing(const std::vector<std::string_view>& spellings);

  /// Keys with a value that nobody read or allowed.
  std::vector<std::string> unread() const;
  const std::set<std::string, std::less<>>& known() const { return read_; }
  const nlohmann::json& object() const { return object_; }

 private:
  const nlohmann::json& object_;
  std::string file_;
  std::string prefix_;
  std::vector<InputFault>& faults_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace rooflaw::io
