#pragma once
// What is asked of the model, and how the engine runs it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rooflaw::model {

struct Workload {
  std::string id;
  std::int64_t batch = 1;          // B >= 1
  std::int64_t input_tokens = 0;   // S_in >= 0
  std::int64_t output_tokens = 0;  // S_out >= 0
};

/// separate: norms and activations are kernels of their own; fused: the activation is part of the
/// up projection; ignored: neither is counted, as in [S].
enum class Elementwise { separate, fused, ignored };
std::string_view to_string(Elementwise elementwise);
std::optional<Elementwise> elementwise_from(std::string_view name);

/// Defaults are an up-to-date engine; [S] uses eager, not causal, no lm_head, one prefill pass,
/// elementwise ignored.
struct Engine {
  bool flash = true;          // attention = "flash" | "eager"
  bool causal = true;         // flash prefill skips masked keys
  bool lm_head = true;        // the output projection is part of each pass
  bool query_heads = false;   // kv_traffic = "kv_heads" | "query_heads" (no GQA-aware kernel)
  bool mla_expanded = false;  // mla = "absorbed" | "expanded" (the cache holds K and V)
  std::int64_t prefill_chunk = 2048;  // tokens of a sequence in a prefill pass; 0: all
  bool full_window_cache = false;     // window_cache = "trimmed" | "full"
  Elementwise elementwise = Elementwise::separate;
};

}  // namespace rooflaw::model
