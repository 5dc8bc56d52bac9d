#include "rooflaw/model/operators.hpp"

namespace rooflaw::model {

std::string_view to_string(OperatorKind kind) {
  static constexpr std::string_view names[] = {
      "qkv_proj", "q_proj",  "q_down", "q_up",   "kv_down", "kv_up",    "attention", "scores",
      "softmax",  "context", "o_proj", "router", "ffn_up",  "ffn_down", "quantize",  "lm_head"};
  return names[static_cast<std::size_t>(kind)];
}

Pass prefill_pass(const Workload& workload, const Engine& engine) {
  const auto batch = static_cast<double>(workload.batch);
  const auto tokens = static_cast<double>(workload.input_tokens);
  const bool triangle = engine.flash && engine.causal;
  return {.batch = batch,
          .tokens = batch * tokens,
          .keys = triangle ? (tokens + 1.0) / 2.0 : tokens,
          .cached_tokens = batch * tokens,
          .decode = false};
}

Pass decode_pass(const Workload& workload, double step) {
  const auto batch = static_cast<double>(workload.batch);
  const double context = static_cast<double>(workload.input_tokens) + step;
  return {.batch = batch,
          .tokens = batch,
          .keys = context,
          .cached_tokens = batch * context,
          .decode = true};
}

double down_rows_read(double sparsity, double tokens) {
  return sparsity > 0.0 ? 1.0 - power(sparsity, tokens) : 1.0;
}

}  // namespace rooflaw::model
