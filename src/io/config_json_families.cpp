#include "config_json_families.hpp"

#include <algorithm>

namespace rooflaw::io {

namespace {

using model::FfnKind;

constexpr Moe of_intermediate_size{Experts::always, "intermediate_size"};
constexpr Moe of_qwen{Experts::always, "moe_intermediate_size", "shared_expert_intermediate_size"};
constexpr Moe of_deepseek{
    .experts = Experts::perhaps, .shared_size = {}, .shared_count = "n_shared_experts"};
constexpr Moe of_deepseek_v3{.experts = Experts::perhaps,
                             .shared_size = {},
                             .shared_count = "n_shared_experts",
                             .dense_layers = 3};
constexpr Moe of_nemotron{Experts::perhaps, "moe_intermediate_size",
                          "moe_shared_expert_intermediate_size", "n_shared_experts"};

constexpr Uncounted qkv_biased{.qkv_bias = true};
constexpr Uncounted qk_normed{.qk_norm = QkNorm::head};
constexpr Uncounted all_biased{
    .layer_norm = true, .qkv_bias = true, .out_bias = true, .ffn_bias = true};
constexpr Uncounted not_known{.known = false};
constexpr Uncounted four_norms{.norms = 4};

constexpr std::string_view gate_note =
    "the output gate of the attention layers (heads x head_dim x width weights each) is left out";
constexpr std::string_view beside_note =
    "attention and Mamba-2 work side by side in each layer; here they follow each other as two "
    "layers";

// Of configuration_*.py of transformers 4.5x and, for remote code, of the models' own repositories.
constexpr Family families[] = {
    {.model_types = {"llama"},
     .defaults = {.vocab = 32000, .width = 4096, .ffn = 11008, .layers = 32, .heads = 32}},
    {.model_types = {"mistral", "ministral"},
     .layout = Layout::windowed,
     .defaults = {.vocab = 32000,
                  .width = 4096,
                  .ffn = 14336,
                  .layers = 32,
                  .heads = 32,
                  .kv_heads = 8,
                  .window = 4096}},
    {.model_types = {"mixtral"},
     .layout = Layout::windowed,
     .moe = of_intermediate_size,
     .defaults = {.kv_heads = 8}},
    {.model_types = {"qwen2", "qwen2_vl", "qwen2_5_vl", "qwen2_5_vl_text"},
     .layout = Layout::upper,
     .uncounted = qkv_biased},
    {.model_types = {"qwen3", "qwen3_vl_text"},
     .layout = Layout::upper,
     .defaults = {.kv_heads = 32, .head_dim = 128},
     .uncounted = qk_normed},
    {.model_types = {"qwen2_moe"},
     .layout = Layout::upper,
     .moe = of_qwen,
     .defaults = {.kv_heads = 16},
     .uncounted = {.qkv_bias = true, .shared_gate = true}},
    {.model_types = {"qwen3_moe", "qwen3_vl_moe_text"},
     .layout = Layout::upper,
     .moe = {.experts = Experts::always},
     .defaults = {.kv_heads = 4},
     .uncounted = qk_normed},
    {.model_types = {"qwen3_next"},
     .layout = Layout::delta,
     .period = 4,
     .moe = of_qwen,
     .defaults = {.kv_heads = 2, .head_dim = 256},
     .uncounted = not_known,
     .note = gate_note},
    {.model_types = {"qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"},
     .layout = Layout::delta,
     .period = 4,
     .moe = {Experts::perhaps, "moe_intermediate_size", "shared_expert_intermediate_size"},
     .uncounted = not_known},
    {.model_types = {"gemma"},
     .tied = true,
     .defaults = {.vocab = 256000,
                  .width = 3072,
                  .ffn = 24576,
                  .layers = 28,
                  .heads = 16,
                  .kv_heads = 16,
                  .head_dim = 256}},
    {.model_types = {"gemma2"},
     .layout = Layout::periodic,
     .period = 2,
     .tied = true,
     .defaults = {.vocab = 256000,
                  .width = 2304,
                  .ffn = 9216,
                  .layers = 26,
                  .heads = 8,
                  .kv_heads = 4,
                  .head_dim = 256,
                  .window = 4096},
     .uncounted = four_norms,
     .note = "the soft caps on scores and logits are left out"},
    {.model_types = {"gemma3", "gemma3_text"},
     .layout = Layout::periodic,
     .period = 6,
     .tied = true,
     .defaults = {.vocab = 262208,
                  .width = 2304,
                  .ffn = 9216,
                  .layers = 26,
                  .heads = 8,
                  .kv_heads = 4,
                  .head_dim = 256,
                  .window = 4096},
     .uncounted = {.norms = 4, .qk_norm = QkNorm::head}},
    {.model_types = {"gpt_oss"},
     .layout = Layout::periodic,
     .period = 2,
     .moe = of_intermediate_size,
     .defaults = {.kv_heads = 8, .head_dim = 64, .window = 128},
     .uncounted = {.qkv_bias = true,
                   .out_bias = true,
                   .ffn_bias = true,
                   .router_bias = true,
                   .sinks = true}},
    {.model_types = {"phi3", "phi3_v"}, .layout = Layout::windowed},
    {.model_types = {"phimoe"},
     .layout = Layout::windowed,
     .moe = of_intermediate_size,
     .defaults = {.kv_heads = 8},
     .uncounted = {.layer_norm = true}},
    {.model_types = {"olmo2"}, .uncounted = {.qk_norm = QkNorm::whole}},
    {.model_types = {"olmo3"},
     .layout = Layout::periodic,
     .period = 4,
     .defaults = {.window = 4096},
     .uncounted = {.qk_norm = QkNorm::whole}},
    {.model_types = {"olmoe"},
     .moe = of_intermediate_size,
     .uncounted = {.qk_norm = QkNorm::whole}},
    {.model_types = {"deepseek_v2"}, .mla = true, .moe = of_deepseek},
    {.model_types = {"deepseek_v3", "kimi_k2"},
     .mla = true,
     .moe = of_deepseek_v3,
     .uncounted = {.router_bias = true}},
    {.model_types = {"minicpm"}, .tied = true},
    {.model_types = {"minicpm3"}, .tied = true, .mla = true},
    {.model_types = {"internlm2"}},
    {.model_types = {"smollm3"}, .tied = true, .defaults = {.kv_heads = 4}},
    {.model_types = {"granite"}},
    {.model_types = {"granitemoe"}, .moe = of_intermediate_size},
    {.model_types = {"granitemoeshared"},
     .moe = {Experts::always, "intermediate_size", "shared_intermediate_size"}},
    {.model_types = {"granitemoehybrid"},
     .layout = Layout::mamba,
     .moe = {Experts::perhaps, "intermediate_size", "shared_intermediate_size"},
     .uncounted = not_known},
    {.model_types = {"falcon_h1"},
     .layout = Layout::side_by_side,
     .defaults = {.kv_heads = 8},
     .uncounted = not_known,
     .note = beside_note},
    {.model_types = {"nemotron_h"},
     .layout = Layout::pattern,
     .ffn = FfnKind::plain,
     .moe = of_nemotron,
     .uncounted = not_known,
     .note = "mixers and FFNs are layers of their own; squared ReLU, whose zeros are not skipped"},
    {.model_types = {"lfm2", "lfm2_moe"},
     .layout = Layout::indexed_conv,
     .tied = true,
     .moe = {.experts = Experts::perhaps, .dense_layers = 2},
     .defaults = {.kv_heads = 8},
     .uncounted = not_known},
    {.model_types = {"falcon"},
     .ffn = FfnKind::plain,
     .tied = true,
     .defaults = {.ffn = four_widths},
     .uncounted = {.layer_norm = true}},
    {.model_types = {"opt"},
     .ffn = FfnKind::plain,
     .tied = true,
     .positions = true,
     .more_positions = 2,
     .uncounted = all_biased},
    {.model_types = {"gpt2"},
     .ffn = FfnKind::plain,
     .tied = true,
     .positions = true,
     .defaults = {.ffn = four_widths},
     .uncounted = all_biased},
    {.model_types = {"starcoder2"},
     .layout = Layout::windowed,
     .ffn = FfnKind::plain,
     .tied = true,
     .defaults = {.kv_heads = 2},
     .uncounted = all_biased},
    {.model_types = {"gpt_neox"}, .ffn = FfnKind::plain, .uncounted = all_biased},
};

constexpr Family nobody{.model_types = {},
                        .mla = true,
                        .moe = {Experts::perhaps, "moe_intermediate_size",
                                "shared_expert_intermediate_size", "n_shared_experts"},
                        .uncounted = not_known};

}  // namespace

std::vector<std::string> known_model_types() {
  std::vector<std::string> types;
  for (const Family& family : families)
    for (const auto type : family.model_types)
      if (!type.empty()) types.emplace_back(type);
  return types;
}

const Family* find_family(std::string_view model_type) {
  const auto is_called_so = [&](const Family& family) {
    const auto& names = family.model_types;
    return !model_type.empty() && std::find(names.begin(), names.end(), model_type) != names.end();
  };
  const auto* found = std::find_if(std::begin(families), std::end(families), is_called_so);
  return found == std::end(families) ? nullptr : found;
}

const Family& unknown_family() { return nobody; }

}  // namespace rooflaw::io
