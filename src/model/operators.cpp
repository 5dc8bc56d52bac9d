#include "rooflaw/model/operators.hpp"

namespace rooflaw::model {

std::string_view to_string(OperatorKind kind) {
  static constexpr std::string_view names[] = {
      "norm",      "qkv_proj", "q_proj",     "q_down",   "q_up",     "kv_down",    "kv_up",
      "attention", "scores",   "softmax",    "context",  "o_proj",   "mixer_proj", "mixer_state",
      "router",    "ffn_up",   "activation", "ffn_down", "quantize", "lm_head"};
  return names[static_cast<std::size_t>(kind)];
}

double down_rows_read(double sparsity, double tokens) {
  return sparsity > 0.0 ? 1.0 - power(sparsity, tokens) : 1.0;
}

}  // namespace rooflaw::model
