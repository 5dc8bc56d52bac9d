// Which kind each layer is: from a list of words, or by the rule of the family.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "config_json_layers.hpp"

namespace rooflaw::io {

namespace {

constexpr std::array<std::pair<std::string_view, Mixer>, 8> words_of_layers = {{
    {"full_attention", Mixer::full},
    {"attention", Mixer::full},
    {"sliding_attention", Mixer::window},
    {"linear_attention", Mixer::delta},
    {"conv", Mixer::conv},
    {"short_conv", Mixer::conv},
    {"mamba", Mixer::mamba},
    {"hybrid", Mixer::beside},
}};

/// Of families whose mixers and FFNs are layers of their own.
struct Letter {
  char letter;
  std::string_view word;
  LayerKind kind;
};
constexpr std::array<Letter, 4> letters_of_layers = {{
    {'M', "mamba", {Mixer::mamba, FfnOf::none}},
    {'*', "attention", {Mixer::full, FfnOf::none}},
    {'-', "mlp", {Mixer::none, FfnOf::dense}},
    {'E', "moe", {Mixer::none, FfnOf::experts}},
}};

void wrong_length(ConfigReading& r, std::string_view key, std::size_t size, std::int64_t layers) {
  r.fields.fault(key,
                 fmt::format("must have an entry for each of the {} layers, not {}", layers, size));
}

std::optional<LayerKind> kind_of(const std::string& word, Layout layout) {
  if (layout == Layout::pattern) {
    for (const Letter& each : letters_of_layers)
      if (each.word == word) return each.kind;
  } else {
    for (const auto& [known, mixer] : words_of_layers)
      if (known == word) return LayerKind{mixer, FfnOf::dense};
  }
  return std::nullopt;
}

std::vector<LayerKind> from_words(ConfigReading& r, std::string_view key, std::int64_t layers) {
  std::vector<LayerKind> kinds;
  const auto words = r.fields.words(key);
  if (!words) return kinds;
  if (std::cmp_not_equal(words->size(), layers)) wrong_length(r, key, words->size(), layers);
  for (const auto& word : *words) {
    const auto kind = kind_of(word, r.family.layout);
    if (!kind) {
      r.fields.fault(key, "has a kind of layer that is not understood: \"" + word + "\"");
      return {};
    }
    kinds.push_back(*kind);
  }
  return kinds;
}

std::vector<LayerKind> from_letters(ConfigReading& r, std::int64_t layers) {
  constexpr std::string_view key = "hybrid_override_pattern";
  std::vector<LayerKind> kinds;
  const auto pattern = r.fields.word(key);
  if (!pattern) {
    if (!r.fields.has(key)) r.fields.missing(key);
    return kinds;
  }
  if (std::cmp_not_equal(pattern->size(), layers)) wrong_length(r, key, pattern->size(), layers);
  for (const char letter : *pattern) {
    const auto* known = std::find_if(letters_of_layers.begin(), letters_of_layers.end(),
                                     [&](const Letter& each) { return each.letter == letter; });
    if (known == letters_of_layers.end()) {
      r.fields.fault(key, "may hold the letters M, *, - and E only");
      return {};
    }
    kinds.push_back(known->kind);
  }
  return kinds;
}

struct Rule {
  std::int64_t period = 1;  // every period-th, counted from 1 ...
  Mixer regular = Mixer::full;
  Mixer others = Mixer::full;  // ... and the layers between
};

std::int64_t period_of(ConfigReading& r, const std::vector<std::string_view>& spellings) {
  return r.fields.whole_of(spellings, 1, most_layers).value_or(r.family.period);
}

Rule rule_of(ConfigReading& r) {
  switch (r.family.layout) {
    case Layout::windowed:
      return {.regular = Mixer::window};
    case Layout::periodic:
      return {.period = period_of(r, {"sliding_window_pattern", "_sliding_window_pattern"}),
              .others = Mixer::window};
    case Layout::delta:
      return {.period = period_of(r, {"full_attention_interval"}), .others = Mixer::delta};
    case Layout::mamba:
      return {.regular = Mixer::mamba};
    case Layout::side_by_side:
      return {.regular = Mixer::beside};
    default:
      return {};
  }
}

std::vector<LayerKind> by_rule(ConfigReading& r, std::int64_t layers) {
  std::vector<LayerKind> kinds(static_cast<std::size_t>(layers));
  const Rule rule = rule_of(r);
  for (std::int64_t i = 0; i < layers; ++i)
    kinds[static_cast<std::size_t>(i)].mixer =
        (i + 1) % rule.period == 0 ? rule.regular : rule.others;
  return kinds;
}

std::vector<LayerKind> by_indices(ConfigReading& r, std::int64_t layers) {
  constexpr std::string_view key = "full_attn_idxs";
  std::vector<LayerKind> kinds(static_cast<std::size_t>(layers), LayerKind{Mixer::conv});
  const auto indices = r.fields.wholes(key);
  if (!indices && !r.fields.has(key)) r.fields.missing(key);
  for (const std::int64_t i : indices.value_or(std::vector<std::int64_t>())) {
    if (i >= layers) {
      r.fields.fault(key, fmt::format("must be indices of the {} layers", layers));
      break;
    }
    kinds[static_cast<std::size_t>(i)].mixer = Mixer::full;
  }
  return kinds;
}

std::vector<LayerKind> from_upper(ConfigReading& r, std::int64_t layers) {
  std::vector<LayerKind> kinds(static_cast<std::size_t>(layers));
  constexpr std::string_view key = "max_window_layers";
  const auto first = r.fields.whole(key, 0);
  if (!first && !r.fields.has(key)) r.fields.missing(key);
  for (std::int64_t i = first.value_or(layers); i < layers; ++i)
    kinds[static_cast<std::size_t>(i)].mixer = Mixer::window;
  return kinds;
}

bool same_mixers(const std::vector<LayerKind>& a, const std::vector<LayerKind>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const LayerKind& x, const LayerKind& y) { return x.mixer == y.mixer; });
}

/// use_sliding_window rules over lists and patterns in the families that read it, of which those of
/// layout `upper` need it. The code of the others does not know it.
bool windows_are_off(ConfigReading& r) {
  const auto used = r.fields.flag("use_sliding_window");
  if (r.family.layout == Layout::windowed || r.family.layout == Layout::periodic) {
    if (used && !*used && r.fields.has("sliding_window"))
      r.notes.emplace_back(
          "use_sliding_window = false has no effect in this model_type: the windows stay");
    return false;
  }
  return used ? !*used : r.family.layout == Layout::upper;
}

std::vector<LayerKind> kinds_of_config(ConfigReading& r, std::int64_t layers, bool windows) {
  for (const std::string_view key : {"layer_types", "layers_block_type"}) {
    if (!r.fields.has(key)) continue;
    auto kinds = from_words(r, key, layers);
    for (const std::string_view rule :
         {"sliding_window_pattern", "_sliding_window_pattern", "full_attention_interval",
          "max_window_layers", "sliding_window", "sliding_window_size"})
      r.fields.allow(rule);
    r.fields.allow("hybrid_override_pattern");
    if (r.fields.has("full_attn_idxs") && !same_mixers(kinds, by_indices(r, layers)))
      r.fields.fault(key, "contradicts full_attn_idxs");
    return kinds;
  }
  if (r.family.layout == Layout::indexed_conv) return by_indices(r, layers);
  if (r.family.layout == Layout::pattern) return from_letters(r, layers);
  if (r.family.layout == Layout::upper && windows) return from_upper(r, layers);
  if (&r.family == &unknown_family() && r.fields.has("sliding_window")) {
    r.fields.allow("sliding_window");
    r.fields.fault(
        "sliding_window",
        "which layers have it is not known of this model_type: give layer_types, or null "
        "for none");
    return std::vector<LayerKind>(static_cast<std::size_t>(layers));
  }
  if (r.family.layout != Layout::windowed && r.family.layout != Layout::periodic &&
      r.fields.flag("use_sliding_window").value_or(false))
    r.fields.fault("use_sliding_window", "needs layer_types: which layers have the window?");
  return by_rule(r, layers);
}

}  // namespace

std::vector<LayerKind> read_kinds(ConfigReading& r, std::int64_t layers) {
  const bool off = windows_are_off(r);
  auto kinds = kinds_of_config(r, layers, !off);
  if (!off) return kinds;
  for (const std::string_view key : {"sliding_window", "max_window_layers"}) r.fields.allow(key);
  for (LayerKind& kind : kinds)
    if (kind.mixer == Mixer::window) kind.mixer = Mixer::full;
  return kinds;
}

}  // namespace rooflaw::io
