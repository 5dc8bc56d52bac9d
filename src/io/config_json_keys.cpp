#include "config_json_keys.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::io {

namespace {

constexpr std::size_t most_unread = 20;

/// Of models that have such parts: how those reach the text.
constexpr std::string_view multimodal_starts[] = {"image_",
                                                  "images_",
                                                  "video_",
                                                  "vision_",
                                                  "audio_",
                                                  "mm_",
                                                  "projector_",
                                                  "multimodal_",
                                                  "boi_",
                                                  "eoi_",
                                                  "boa_",
                                                  "eoa_",
                                                  "downsample_",
                                                  "spatial_merge",
                                                  "max_image",
                                                  "tile_",
                                                  "num_image",
                                                  "num_query",
                                                  "select_layer",
                                                  "min_dynamic",
                                                  "max_dynamic",
                                                  "dynamic_image",
                                                  "force_image",
                                                  "use_thumbnail",
                                                  "pad2square",
                                                  "ps_version",
                                                  "template",
                                                  "projection_dim",
                                                  "use_image",
                                                  "vit_",
                                                  "encoder_patch",
                                                  "do_image",
                                                  "scale_factor",
                                                  "pixel_shuffle",
                                                  "use_resampler",
                                                  "perceiver_config",
                                                  "embd_layer",
                                                  "candidate_resolutions",
                                                  "global_view_pos",
                                                  "system_message"};

/// Parts beside the decoder: they cost, but not in the text's passes.
constexpr std::string_view towers[] = {
    "vision_config",   "audio_config", "speech_config", "projector_config", "aligner_config",
    "visual",          "vq_config",    "talker_config", "img_processor",    "audio_encoder_config",
    "connector_config"};

void check_flag(ConfigFields& fields, std::string_view key, bool expected) {
  const auto given = fields.flag(key);
  if (given && *given != expected)
    fields.fault(key, fmt::format("must be {}: another decoder than that is not understood",
                                  expected ? "true" : "false"));
}

void check_size(ConfigFields& fields, std::string_view key, std::string_view other,
                std::int64_t expected) {
  const auto given = fields.whole(key, 1);
  if (given && expected > 0 && *given != expected)
    fields.fault(key, fmt::format("must be {}, {}: another is not understood", expected, other));
}

}  // namespace

void check_fixed_keys(ConfigReading& r, const CommonSizes& sizes) {
  for (const std::string_view key : {"is_encoder_decoder", "add_cross_attention"})
    check_flag(r.fields, key, false);
  for (const std::string_view key : {"block_use_swiglu", "mamba_use_mlp"})
    check_flag(r.fields, key, true);
  for (const std::string_view key :
       {"word_embed_proj_dim", "conv_dim", "conv_dim_out", "block_dim"})
    check_size(r.fields, key, "as hidden_size", sizes.width);
  for (const std::string_view key : {"hidden_act", "hidden_activation", "activation_function"})
    r.fields.word(key);
  check_size(r.fields, "num_heads", "as num_attention_heads", sizes.heads);
  check_size(r.fields, "full_attn_mod", "where all layers attend to everything", 1);
}

void allow_multimodal_keys(ConfigFields& fields) {
  for (const std::string_view start : multimodal_starts) fields.allow_prefix(start);
}

void note_uncounted_parts(ConfigFields& fields, std::vector<std::string>& notes) {
  for (const std::string_view key : towers)
    if (fields.has(key)) {
      fields.allow(key);
      allow_multimodal_keys(fields);
      notes.push_back(fmt::format("{} is ignored: the text decoder alone is counted", key));
    }
  for (const std::string_view key : {"num_nextn_predict_layers", "mtp_num_hidden_layers"})
    if (fields.whole(key, 0).value_or(0) > 0)
      notes.push_back(fmt::format("{}: the layers that predict further tokens are left out", key));
  if (fields.flag("attn_output_gate").value_or(false))
    notes.emplace_back("attn_output_gate: the weights of the gate are left out");
  for (const std::string_view key : {"mtp_use_dedicated_embeddings", "mtp_loss_scaling_factor"})
    fields.allow(key);
  for (const std::string_view key : {"quantization_config", "quantization"})
    if (fields.has(key))
      notes.push_back(fmt::format("{} is ignored: the bytes of a weight are the precision's", key));
}

void refuse_unread_keys(ConfigFields& fields) {
  const std::vector<std::string> known(fields.known().begin(), fields.known().end());
  const auto unread = fields.unread();
  for (std::size_t i = 0; i < std::min(unread.size(), most_unread); ++i)
    fields.fault(unread[i], "is not understood, and may change what the model costs",
                 format::did_you_mean(unread[i], known));
  if (unread.size() > most_unread)
    fields.fault("config", fmt::format("has {} more keys that are not understood",
                                       unread.size() - most_unread));
}

}  // namespace rooflaw::io
