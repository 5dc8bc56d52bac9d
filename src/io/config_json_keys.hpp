#pragma once
// Keys of a config.json beside its sizes: those that leave the cost alone, and those that do not.

#include "config_json_layers.hpp"

namespace rooflaw::io {

/// Allows the keys that change no size: tokens, initialisation, dropout, rotary embeddings, ...
void allow_harmless_keys(ConfigFields& fields);

/// Allows the keys that say how images and sounds reach the text.
void allow_multimodal_keys(ConfigFields& fields);

/// Keys that may only say what the architecture takes for granted.
void check_fixed_keys(ConfigReading& r, const CommonSizes& sizes);

/// Notes on parts of the model that are not counted.
void note_uncounted_parts(ConfigFields& fields, std::vector<std::string>& notes);

/// A fault for each key that nobody knows.
void refuse_unread_keys(ConfigFields& fields);

}  // namespace rooflaw::io
