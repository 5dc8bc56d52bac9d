#include "foreign_names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/model/precision.hpp"

namespace rooflaw::io {

using model::AttentionKind;

namespace {

/// The keys of Hugging Face's config.json, GPT-2's, Llama's and GGUF's.
struct ForeignKey {
  std::string_view name;
  std::string_view architecture;  // what to write in [architecture]
  std::string_view space;         // in [space]; empty: nothing there says it
};
constexpr ForeignKey foreign_keys[] = {
    {"hidden_size", "width", "widths"},
    {"d_model", "width", "widths"},
    {"n_embd", "width", "widths"},
    {"embedding_length", "width", "widths"},
    {"num_hidden_layers", "layers", "layers"},
    {"num_layers", "layers", "layers"},
    {"n_layer", "layers", "layers"},
    {"n_layers", "layers", "layers"},
    {"block_count", "layers", "layers"},
    {"num_attention_heads", "heads", "head_dim (heads = width / head_dim)"},
    {"n_head", "heads", "head_dim (heads = width / head_dim)"},
    {"n_heads", "heads", "head_dim (heads = width / head_dim)"},
    {"num_key_value_heads", "kv_heads", "kv_heads"},
    {"num_kv_heads", "kv_heads", "kv_heads"},
    {"n_kv_heads", "kv_heads", "kv_heads"},
    {"intermediate_size", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"n_inner", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"ffn_dim", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"d_ff", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"feed_forward_length", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"moe_intermediate_size", "expert_ffn", "expert_ffn_ratio (its quotient by the width)"},
    {"num_experts", "experts", "experts"},
    {"num_local_experts", "experts", "experts"},
    {"n_routed_experts", "experts", "experts"},
    {"expert_count", "experts", "experts"},
    {"num_experts_per_tok", "top_k", "top_k"},
    {"num_experts_per_token", "top_k", "top_k"},
    {"moe_topk", "top_k", "top_k"},
    {"n_shared_experts", "shared_ffn (the hidden size of all shared experts together)",
     "shared_ffn (the hidden size of all shared experts together)"},
    {"shared_expert_intermediate_size", "shared_ffn", "shared_ffn"},
    {"sliding_window", "window", "window = {tokens, global_every}"},
    {"max_position_embeddings", "positions, if they are learned", ""},
    {"vocab_size", "vocab", "vocab"},
    {"n_vocab", "vocab", "vocab"},
    {"tie_word_embeddings", "tied", "tied"},
    {"hidden_act", "ffn = \"gated\" or \"plain\"", "ffn = [\"gated\"] or [\"plain\"]"},
    {"hidden_activation", "ffn = \"gated\" or \"plain\"", "ffn = [\"gated\"] or [\"plain\"]"},
};

/// Keys of config.json that say how a layer differs from the next one.
constexpr std::string_view unlike_layers[] = {"layer_types", "sliding_window_pattern",
                                              "first_k_dense_replace", "decoder_sparse_step"};

struct BranchKey {
  std::string_view name;
  AttentionKind attention;
};
constexpr BranchKey branch_keys[] = {
    {"head_dim", AttentionKind::gqa},
    {"kv_heads", AttentionKind::gqa},
    {"kv_lora_rank", AttentionKind::mla},
    {"q_lora_rank", AttentionKind::mla},
    {"qk_nope_head_dim", AttentionKind::mla},
    {"qk_rope_head_dim", AttentionKind::mla},
    {"v_head_dim", AttentionKind::mla},
    {"window", AttentionKind::gqa},
    {"mixer_weights", AttentionKind::recurrent},
    {"mixer_width", AttentionKind::recurrent},
    {"state_elements", AttentionKind::recurrent},
    {"state_flops", AttentionKind::recurrent},
};

struct ForeignWord {
  std::string_view name;
  std::string_view here;
};
constexpr ForeignWord foreign_words[] = {
    {"mha", "gqa"},      {"mqa", "gqa"},      {"swiglu", "gated"},  {"geglu", "gated"},
    {"silu", "gated"},   {"relu", "plain"},   {"relu2", "plain"},   {"gelu", "plain"},
    {"ttft", "prefill"}, {"itl", "tpot"},     {"tbt", "tpot"},      {"e2e", "total"},
    {"half", "fp16"},    {"float16", "fp16"}, {"bfloat16", "bf16"}, {"float32", "fp32"},
};

void explain_foreign_keys(format::TableReader& reader, std::string_view ForeignKey::*here) {
  for (const ForeignKey& key : foreign_keys)
    if (!(key.*here).empty())
      reader.explain(key.name, fmt::format("unknown key; here it is {}", key.*here));
  for (const std::string_view key : unlike_layers)
    reader.explain(key, "unknown key; here unlike layers are groups: [[architecture.group]]");
}

}  // namespace

void explain_architecture_keys(format::TableReader& reader, AttentionKind attention) {
  for (const auto& [name, kind] : branch_keys)
    if (kind != attention)
      reader.explain(name, fmt::format("goes with attention = \"{}\"", to_string(kind)));
  explain_foreign_keys(reader, &ForeignKey::architecture);
}

void explain_space_keys(format::TableReader& reader) {
  for (const auto& [name, kind] : branch_keys)
    if (kind == AttentionKind::mla)
      reader.explain(name, "goes into a table of the list mla, with attention = [\"mla\"]");
  explain_foreign_keys(reader, &ForeignKey::space);
}

std::string word_hint(const std::string& wrong, const std::vector<std::string_view>& words) {
  std::string lower = wrong;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const auto& [name, here] : foreign_words)
    if (name == lower && std::find(words.begin(), words.end(), here) != words.end())
      return fmt::format("here it is \"{}\"", here);
  return format::did_you_mean(wrong, {words.begin(), words.end()});
}

std::vector<std::string_view> compute_type_names() {
  std::vector<std::string_view> names;
  for (const auto type : model::all_compute_types) names.push_back(to_string(type));
  return names;
}

}  // namespace rooflaw::io
