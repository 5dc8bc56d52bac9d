#pragma once
// What the families of models in transformers differ in, as far as it matters for their cost.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/model/architecture.hpp"

namespace rooflaw::io {

/// The kinds of layers, where the config has no list of them.
enum class Layout {
  full,          // all attend to everything
  windowed,      // all within sliding_window
  periodic,      // every period-th attends to everything, the others within sliding_window
  upper,         // within sliding_window from layer max_window_layers on, if use_sliding_window
  indexed_conv,  // those of full_attn_idxs attend, the others are short convolutions
  delta,         // every full_attention_interval-th attends, the others are gated delta nets
  mamba,         // Mamba-2
  side_by_side,  // attention and Mamba-2 in each layer
  pattern,       // a letter for each layer in hybrid_override_pattern
};

/// Norms of queries and keys: one vector for all heads, or one as wide as all heads together.
enum class QkNorm { none, head, whole };

inline constexpr std::int64_t four_widths = -4;  // as a default of ffn

/// Sizes that transformers sets where a config has none; 0: it must have one. A head_dim of 0 is
/// width / heads, kv_heads of 0 is heads.
struct Defaults {
  std::int64_t vocab = 0;
  std::int64_t width = 0;
  std::int64_t ffn = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t window = 0;
};

/// What the architecture leaves out: norms and biases. `known` is false where other vectors come
/// in.
struct Uncounted {
  bool known = true;
  int norms = 2;  // of the width, per layer
  bool layer_norm = false;
  QkNorm qk_norm = QkNorm::none;
  bool qkv_bias = false;
  bool out_bias = false;
  bool ffn_bias = false;
  bool router_bias = false;
  bool sinks = false;  // a value for each head
  bool head_bias = false;
  bool shared_gate = false;  // a vector of the width in each layer with shared experts
};

enum class Experts { none, perhaps, always };

/// The keys in which a family says how large its experts are.
struct Moe {
  Experts experts = Experts::none;
  std::string_view expert_size = "moe_intermediate_size";
  std::string_view shared_size{};   // hidden size of one shared expert; empty: of a routed one
  std::string_view shared_count{};  // how many; empty: one of shared_size
  std::int64_t dense_layers = 0;    // the first ones, where the config does not say
};

struct Family {
  std::array<std::string_view, 4> model_types;
  Layout layout = Layout::full;
  std::int64_t period = 0;
  model::FfnKind ffn = model::FfnKind::gated;
  bool tied = false;  // where tie_word_embeddings is absent
  bool mla = false;
  bool positions = false;           // a learned table of them
  std::int64_t more_positions = 0;  // rows of it beyond max_position_embeddings
  Moe moe{};
  Defaults defaults{};
  Uncounted uncounted{};
  std::string_view note{};
};

std::vector<std::string> known_model_types();

/// Null if no family is called so.
const Family* find_family(std::string_view model_type);

/// For models of no known family: nothing is taken for granted.
const Family& unknown_family();

}  // namespace rooflaw::io
