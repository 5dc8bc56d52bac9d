// The mixers of the kinds of layers that a config has.
#include <algorithm>

#include <fmt/format.h>

#include "config_json_layers.hpp"

namespace rooflaw::io {

using model::AttentionKind;

std::int64_t size_or_default(ConfigReading& r, const std::vector<std::string_view>& spellings,
                             std::int64_t otherwise, bool anywhere) {
  const auto given = r.fields.whole_of(spellings, 1);
  if (given) return *given;
  const bool there = std::any_of(spellings.begin(), spellings.end(),
                                 [&](std::string_view key) { return r.fields.has(key); });
  if (there) return 0;
  if (otherwise > 0 && (anywhere || r.nested)) {
    r.notes.push_back(
        fmt::format("{} is not given: {}, as transformers takes it", spellings.front(), otherwise));
    return otherwise;
  }
  r.fields.missing(spellings);
  return 0;
}

CommonSizes read_common_sizes(ConfigReading& r) {
  const Defaults& d = r.family.defaults;
  CommonSizes s{.layers = size_or_default(r, {"num_hidden_layers", "n_layer"}, d.layers, false),
                .width = size_or_default(r, {"hidden_size", "n_embd"}, d.width, false)};
  if (s.layers > most_layers) {
    r.fields.fault("num_hidden_layers", fmt::format("must not exceed {}", most_layers));
    s.layers = 0;
  }
  s.heads = size_or_default(r, {"num_attention_heads", "n_head"}, d.heads, false);
  return s;
}

namespace {

/// multi_query of falcon: one head, whatever num_kv_heads says, but for its newer layout.
bool has_one_kv_head(ConfigReading& r) {
  const bool falcon = r.family.model_types[0] == "falcon";
  const bool newer = r.fields.flag("new_decoder_architecture").value_or(false);
  return r.fields.flag("multi_query").value_or(falcon) && !newer;
}

std::int64_t kv_heads_of(ConfigReading& r, std::int64_t heads) {
  const std::vector<std::string_view> spellings = {"num_key_value_heads", "num_kv_heads"};
  const bool one = has_one_kv_head(r);
  if (one) {
    for (const auto key : spellings) r.fields.allow(key);
    return 1;
  }
  if (const auto given = r.fields.whole_of(spellings, 1)) return *given;
  if (r.fields.has(spellings[0]) || r.fields.has(spellings[1])) return 0;
  if (r.family.defaults.kv_heads == 0) return heads;
  return size_or_default(r, spellings, r.family.defaults.kv_heads, true);
}

std::int64_t head_dim_of(ConfigReading& r, const CommonSizes& s) {
  const std::vector<std::string_view> spellings = {"head_dim", "attention_head_dim", "kv_channels"};
  const auto given = r.fields.whole_of(spellings, 1);
  if (given) return *given;
  if (r.family.defaults.head_dim > 0)
    return size_or_default(r, spellings, r.family.defaults.head_dim, true);
  if (s.heads == 0 || s.width == 0) return 0;
  if (s.width % s.heads != 0)
    r.fields.fault(
        "num_attention_heads",
        fmt::format("must divide hidden_size = {} where head_dim is not given", s.width));
  return s.width / s.heads;
}

std::int64_t required(ConfigReading& r, std::string_view key, std::int64_t least = 1) {
  const auto given = r.fields.whole(key, least);
  if (!given && !r.fields.has(key)) r.fields.missing(key);
  return given.value_or(0);
}

model::Layers read_mla(ConfigReading& r, const CommonSizes& s) {
  for (const std::string_view key : {"num_key_value_heads", "head_dim", "qk_head_dim"})
    r.fields.allow(key);
  model::Layers g;
  g.attention = AttentionKind::mla;
  g.heads = s.heads;
  g.mla = {.kv_lora_rank = required(r, "kv_lora_rank"),
           .q_lora_rank = r.fields.whole("q_lora_rank", 0).value_or(0),
           .qk_nope_head_dim = required(r, "qk_nope_head_dim"),
           .qk_rope_head_dim = required(r, "qk_rope_head_dim", 0),
           .v_head_dim = required(r, "v_head_dim")};
  return g;
}

model::Layers read_gqa(ConfigReading& r, const CommonSizes& s) {
  model::Layers g;
  g.heads = s.heads;
  g.kv_heads = kv_heads_of(r, s.heads);
  g.head_dim = head_dim_of(r, s);
  if (g.heads > 0 && g.kv_heads > 0 && g.heads % g.kv_heads != 0)
    r.fields.fault("num_key_value_heads", fmt::format("must divide the {} query heads", g.heads));
  return g;
}

model::Layers read_attention(ConfigReading& r, const CommonSizes& s) {
  const bool latent = r.fields.flag("use_mla").value_or(true) &&
                      (&r.family != &unknown_family() || r.fields.has("kv_lora_rank"));
  if (r.family.mla && latent) return read_mla(r, s);
  if (r.family.mla)
    for (const std::string_view key :
         {"kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"})
      r.fields.allow(key);
  return read_gqa(r, s);
}

/// A window that the context never reaches is none.
std::int64_t read_window(ConfigReading& r) {
  const bool is_null = r.fields.object().contains("sliding_window");
  const auto given =
      r.fields.whole_of({"sliding_window", "sliding_window_size"}, 1, largest_context);
  const bool faulty = r.fields.has("sliding_window") && !given;
  if (faulty) return 0;
  if (!given && !is_null && r.family.defaults.window > 0)
    return size_or_default(r, {"sliding_window"}, r.family.defaults.window, true);
  const auto context = r.fields.whole("max_position_embeddings", 1, largest_context);
  if (!given || !context || *given < *context) return given.value_or(0);
  r.notes.push_back(
      fmt::format("sliding_window = {} is no window in a context of {} tokens", *given, *context));
  return 0;
}

/// Products of sizes, taken in double: exact below 2^53, and what is not is no model.
std::int64_t whole_product(ConfigReading& r, std::string_view key, double x) {
  constexpr double exact = 9007199254740992.0;
  if (x < exact) return static_cast<std::int64_t>(x);
  r.fields.fault(key, "makes a mixer too large to count");
  return 0;
}

model::RecurrentSizes sizes_of(ConfigReading& r, std::string_view key, double weights, double width,
                               double state, double flops) {
  return {.mixer_weights = whole_product(r, key, weights),
          .mixer_width = whole_product(r, key, width),
          .state_elements = whole_product(r, key, state),
          .state_flops = static_cast<double>(whole_product(r, key, flops))};
}

model::RecurrentSizes read_conv(ConfigReading& r, double d) {
  const auto kernel = static_cast<double>(required(r, "conv_L_cache", 2));
  return sizes_of(r, "conv_L_cache", 4 * d * d, 3 * d, (kernel - 1) * d, 2 * kernel * d + 2 * d);
}

model::RecurrentSizes read_delta(ConfigReading& r, double d) {
  const auto size = [&](std::string_view key) { return static_cast<double>(required(r, key)); };
  const double heads = size("linear_num_value_heads");
  const double keys = size("linear_num_key_heads") * size("linear_key_head_dim");
  const double values = heads * size("linear_value_head_dim");
  const double state = values * size("linear_key_head_dim");
  const double kernel = size("linear_conv_kernel_dim");
  const double channels = 2 * keys + values;
  return sizes_of(r, "linear_num_value_heads", d * (2 * keys + 2 * values + 2 * heads) + values * d,
                  values, state + (kernel - 1) * channels, 7 * state + 2 * kernel * channels);
}

/// mamba_d_ssm, else heads times their size, of which "auto" means mamba_expand * width / heads.
double mamba_width(ConfigReading& r, double d, double heads) {
  if (const auto given = r.fields.whole("mamba_d_ssm", 1)) {
    r.fields.allow("mamba_d_head");
    return static_cast<double>(*given);
  }
  const auto* head_dim = r.fields.find("mamba_d_head");
  if (head_dim != nullptr && *head_dim == "auto")
    return static_cast<double>(required(r, "mamba_expand")) * d;
  const auto size = r.fields.whole_of({"mamba_d_head", "mamba_head_dim"}, 1);
  if (!size && head_dim == nullptr) r.fields.missing("mamba_d_head");
  return heads * static_cast<double>(size.value_or(0));
}

model::RecurrentSizes read_mamba(ConfigReading& r, double d) {
  const auto size = [&](const std::vector<std::string_view>& spellings) {
    return static_cast<double>(size_or_default(r, spellings, 0, false));
  };
  const double heads = size({"mamba_n_heads", "mamba_num_heads"});
  const double width = mamba_width(r, d, heads);
  const double state = size({"mamba_d_state", "ssm_state_size"});
  const double groups = size({"mamba_n_groups", "n_groups"});
  const double kernel = size({"mamba_d_conv", "conv_kernel"});
  const double channels = width + 2 * groups * state;
  return sizes_of(r, "mamba_n_heads", d * (2 * width + 2 * groups * state + heads) + width * d,
                  width, width * state + (kernel - 1) * channels,
                  6 * width * state + 2 * kernel * channels);
}

}  // namespace

Mixers read_mixers(ConfigReading& r, const CommonSizes& sizes,
                   const std::vector<LayerKind>& kinds) {
  const auto occurs = [&](std::initializer_list<Mixer> any) {
    return std::any_of(kinds.begin(), kinds.end(), [&](const LayerKind& kind) {
      return std::find(any.begin(), any.end(), kind.mixer) != any.end();
    });
  };
  const auto width = static_cast<double>(sizes.width);
  Mixers m;
  m.attention = read_attention(r, sizes);
  if (occurs({Mixer::window})) m.window = read_window(r);
  if (occurs({Mixer::conv})) m.conv = read_conv(r, width);
  if (occurs({Mixer::delta})) m.delta = read_delta(r, width);
  if (occurs({Mixer::mamba, Mixer::beside}))
    m.mamba = read_mamba(r, width);
  else
    r.fields.allow_prefix("mamba_");
  return m;
}

}  // namespace rooflaw::io
