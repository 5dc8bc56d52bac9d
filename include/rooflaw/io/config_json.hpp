#pragma once
// config.json of Hugging Face: the shape of a published model, as transformers reads it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/model/architecture.hpp"

namespace rooflaw::io {

struct ConfigModel {
  std::string id;    // of the characters a-z 0-9 . _ -
  std::string name;  // as the config or its folder has it
  model::Architecture architecture;
  std::optional<double> uncounted;  // norms and biases, which the architecture leaves out
  std::vector<std::string> notes;   // what the architecture leaves out or takes for granted
};

/// `file` names the text in errors and, if the text does not, the model: the folder it lies in. The
/// text part of a multimodal model is read. An unknown model_type is read by its fields if they
/// suffice. @throws InputError with every fault; among them every key that is neither read nor
/// known to leave the cost alone
ConfigModel read_config_json(std::string_view text, const std::string& file);

}  // namespace rooflaw::io
