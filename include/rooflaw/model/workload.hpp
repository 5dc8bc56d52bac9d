#pragma once
// What is asked of the model, and how the engine runs it.

#include <cstdint>
#include <string>

namespace rooflaw::model {

struct Workload {
  std::string id;
  std::int64_t batch = 1;          // B >= 1
  std::int64_t input_tokens = 0;   // S_in >= 0
  std::int64_t output_tokens = 0;  // S_out >= 0
};

/// Defaults are an up-to-date engine; [S] uses eager, not causal, no lm_head.
struct Engine {
  bool flash = true;          // attention = "flash" | "eager"
  bool causal = true;         // flash prefill attends (S+1)/2 keys on average instead of S
  bool lm_head = true;        // the output projection is part of each pass
  bool query_heads = false;   // kv_traffic = "kv_heads" | "query_heads" (no GQA-aware kernel)
  bool mla_expanded = false;  // mla = "absorbed" | "expanded" (reads decompressed K and V)
};

}  // namespace rooflaw::model
