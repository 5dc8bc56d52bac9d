#pragma once
// What is asked of the model, and how the engine runs it.

#include <cstdint>
#include <limits>
#include <string>

namespace rooflaw::model {

struct Workload {
  std::string id;
  std::int64_t batch = 1;          // B >= 1
  std::int64_t input_tokens = 0;   // S_in >= 0
  std::int64_t output_tokens = 0;  // S_out >= 0
};

/// Further limits on a point beside the memory budget; infinite = none.
struct LatencyLimits {
  double prefill_s = std::numeric_limits<double>::infinity();
  double tpot_s = std::numeric_limits<double>::infinity();
  double total_s = std::numeric_limits<double>::infinity();
};

/// The tighter of each.
LatencyLimits tighter(const LatencyLimits& a, const LatencyLimits& b);

/// Defaults are an up-to-date engine; [S] uses eager, not causal, no lm_head.
struct Engine {
  bool flash = true;          // attention = "flash" | "eager"
  bool causal = true;         // flash prefill attends (S+1)/2 keys on average instead of S
  bool lm_head = true;        // the output projection is part of each pass
  bool query_heads = false;   // kv_traffic = "kv_heads" | "query_heads" (no GQA-aware kernel)
  bool mla_expanded = false;  // mla = "absorbed" | "expanded" (reads decompressed K and V)
};

}  // namespace rooflaw::model
