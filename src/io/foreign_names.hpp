#pragma once
// Names of other programs, and fields that go with another choice: what they are here.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/model/architecture.hpp"

namespace rooflaw::io {

/// Of an architecture: the fields of the other kind of attention, and those of other programs.
void explain_architecture_keys(format::TableReader& reader, model::AttentionKind attention);

/// Of [space]: those of other programs.
void explain_space_keys(format::TableReader& reader);

/// Which of `words` a wrong one means: by its name elsewhere, else by likeness.
std::string word_hint(const std::string& wrong, const std::vector<std::string_view>& words);

/// The same as the argument of TableReader::word.
struct HintFrom {
  std::vector<std::string_view> words;
  std::string operator()(const std::string& wrong) const { return word_hint(wrong, words); }
};

std::vector<std::string_view> compute_type_names();

// Of a layer, and of a space.
inline constexpr std::string_view mixer_rule =
    "must be \"gqa\" (also for MHA and MQA), \"mla\", \"recurrent\" or \"none\"";
inline const std::vector<std::string_view> mixer_names{"gqa", "mla", "recurrent", "none"};
inline constexpr std::string_view attention_rule =
    "must be \"gqa\" (also for MHA and MQA) or \"mla\"";
inline const std::vector<std::string_view> attention_names{"gqa", "mla"};
inline const std::vector<std::string_view> ffn_names{"gated", "plain"};

/// Kinds by name, but those of which a law has no opinion.
template <class Kind>
auto law_knows(std::optional<Kind> (*from_name)(std::string_view)) {
  return [from_name](const std::string& name) -> std::optional<Kind> {
    if (name == "recurrent" || name == "none") return std::nullopt;
    return from_name(name);
  };
}

}  // namespace rooflaw::io
