// The FFNs of a config: dense ones, and those with experts.
#include <algorithm>

#include <fmt/format.h>

#include "config_json_layers.hpp"

namespace rooflaw::io {

namespace {

const std::vector<std::string_view> ffn_spellings = {"intermediate_size", "ffn_dim", "n_inner",
                                                     "ffn_hidden_size"};
const std::vector<std::string_view> expert_spellings = {"num_experts", "num_local_experts",
                                                        "n_routed_experts", "moe_num_experts"};
const std::vector<std::string_view> top_k_spellings = {"num_experts_per_tok", "experts_per_token",
                                                       "moe_topk", "moe_top_k"};
const std::vector<std::string_view> first_spellings = {"first_k_dense_replace", "num_dense_layers"};

/// LFM2 writes a width that its code takes two thirds of, rounded up.
std::int64_t adjusted_ffn(ConfigReading& r, std::int64_t size) {
  if (!r.fields.flag("block_auto_adjust_ff_dim").value_or(true)) return size;
  const std::int64_t unit = r.fields.whole("block_multiple_of", 1).value_or(256);
  const std::int64_t two_thirds = 2 * size / 3;
  auto shrunk = static_cast<double>(two_thirds);
  if (const auto* factor = r.fields.find("block_ffn_dim_multiplier")) {
    if (!factor->is_number() || !(factor->get<double>() > 0 && factor->get<double>() <= 16)) {
      r.fields.fault("block_ffn_dim_multiplier", "must be a number in (0, 16]");
      return 0;
    }
    shrunk *= factor->get<double>();
  }
  const std::int64_t adjusted = (static_cast<std::int64_t>(shrunk) + unit - 1) / unit * unit;
  r.notes.push_back(fmt::format("the FFN of {} is adjusted to {}", size, adjusted));
  return adjusted;
}

std::int64_t dense_ffn(ConfigReading& r, std::int64_t width, std::int64_t experts) {
  const std::string_view shared = r.family.moe.shared_size;
  if (experts == 0 && shared == "shared_intermediate_size" && r.fields.has(shared)) {
    r.fields.allow("intermediate_size");
    return r.fields.whole(shared, 1).value_or(0);
  }
  if (r.family.layout == Layout::indexed_conv && experts == 0) {
    if (!r.fields.has("block_ff_dim"))
      return adjusted_ffn(r, size_or_default(r, ffn_spellings, 0, false));
    r.fields.allow("intermediate_size");
    return adjusted_ffn(r, r.fields.whole("block_ff_dim", 1).value_or(0));
  }
  const std::int64_t otherwise = r.family.defaults.ffn;
  const bool given = std::any_of(ffn_spellings.begin(), ffn_spellings.end(),
                                 [&](std::string_view key) { return r.fields.has(key); });
  if (otherwise == four_widths && !given) {
    for (const auto key : ffn_spellings) r.fields.allow(key);
    return 4 * width;
  }
  return size_or_default(r, ffn_spellings, otherwise, false);
}

model::Layers expert_ffn(ConfigReading& r, std::int64_t experts) {
  const Moe& moe = r.family.moe;
  model::Layers g;
  g.experts = experts;
  g.top_k = size_or_default(r, top_k_spellings, 0, false);
  g.expert_ffn = size_or_default(r, {moe.expert_size}, 0, false);
  const auto size = moe.shared_size.empty() ? std::nullopt : r.fields.whole(moe.shared_size, 0);
  const auto count = moe.shared_count.empty() ? std::nullopt : r.fields.whole(moe.shared_count, 0);
  g.shared_ffn = size ? *size * count.value_or(1) : count.value_or(0) * g.expert_ffn;
  if (g.top_k > experts)
    r.fields.fault(top_k_spellings.front(), fmt::format("must not exceed the {} experts", experts));
  return g;
}

bool occurs(const std::vector<LayerKind>& kinds, FfnOf ffn) {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const LayerKind& kind) { return kind.ffn == ffn; });
}

/// One of `n` layers in a list that has a word or number for each.
template <class T>
void mark_from_list(ConfigReading& r, std::string_view key, const std::vector<T>& list,
                    const T& with_experts, const T& dense, std::vector<LayerKind>& kinds) {
  const auto known = [&](const T& each) { return each == with_experts || each == dense; };
  if (list.size() != kinds.size() || !std::all_of(list.begin(), list.end(), known)) {
    r.fields.fault(key, "must say of each layer whether it has experts");
    return;
  }
  for (std::size_t i = 0; i < kinds.size(); ++i)
    kinds[i].ffn = list[i] == with_experts ? FfnOf::experts : FfnOf::dense;
}

/// True if a list says it all.
bool mark_from_lists(ConfigReading& r, std::vector<LayerKind>& kinds) {
  if (const auto words = r.fields.words("mlp_layer_types")) {
    mark_from_list<std::string>(r, "mlp_layer_types", *words, "sparse", "dense", kinds);
    return true;
  }
  const auto frequency = r.fields.object().find("moe_layer_freq");
  if (frequency == r.fields.object().end() || !frequency->is_array()) return false;
  if (const auto list = r.fields.wholes("moe_layer_freq"))
    mark_from_list<std::int64_t>(r, "moe_layer_freq", *list, 1, 0, kinds);
  return true;
}

void mark_from_rules(ConfigReading& r, std::vector<LayerKind>& kinds) {
  const auto first = r.fields.whole_of(first_spellings, 0).value_or(r.family.moe.dense_layers);
  const auto frequency = r.fields.whole("moe_layer_freq", 1).value_or(1);
  const auto step = r.fields.whole("decoder_sparse_step", 1).value_or(1);
  const auto dense = r.fields.wholes("mlp_only_layers").value_or(std::vector<std::int64_t>());
  for (std::size_t n = 0; n < kinds.size(); ++n) {
    const auto i = static_cast<std::int64_t>(n);
    const bool listed = std::find(dense.begin(), dense.end(), i) != dense.end();
    const bool routed = i >= first && i % frequency == 0 && (i + 1) % step == 0 && !listed;
    kinds[n].ffn = routed ? FfnOf::experts : FfnOf::dense;
  }
}

void allow_keys_of_experts(ConfigReading& r) {
  for (const auto* list : {&top_k_spellings, &first_spellings})
    for (const auto key : *list) r.fields.allow(key);
  for (const std::string_view key :
       {"moe_layer_freq", "decoder_sparse_step", "mlp_only_layers", "moe_intermediate_size",
        "n_shared_experts", "shared_expert_intermediate_size", "mlp_layer_types",
        "moe_shared_expert_intermediate_size"})
    r.fields.allow(key);
}

}  // namespace

std::int64_t read_experts(ConfigReading& r) {
  if (r.family.moe.experts == Experts::none) return 0;
  const auto experts = r.fields.whole_of(expert_spellings, 0);
  const bool given = std::any_of(expert_spellings.begin(), expert_spellings.end(),
                                 [&](std::string_view key) { return r.fields.has(key); });
  if (!given && r.family.moe.experts == Experts::always) r.fields.missing(expert_spellings);
  return experts.value_or(0);
}

void mark_experts(ConfigReading& r, std::int64_t experts, std::vector<LayerKind>& kinds) {
  if (r.family.moe.experts == Experts::none) return;
  if (experts == 0) {
    allow_keys_of_experts(r);
    return;
  }
  if (r.family.layout != Layout::pattern && !mark_from_lists(r, kinds)) mark_from_rules(r, kinds);
  if (kinds.empty() || occurs(kinds, FfnOf::experts)) return;
  allow_keys_of_experts(r);
  r.notes.emplace_back("no layer has experts: what is said of them has no effect");
}

Ffns read_ffns(ConfigReading& r, std::int64_t width, std::int64_t experts,
               const std::vector<LayerKind>& kinds) {
  Ffns ffns;
  if (kinds.empty() || occurs(kinds, FfnOf::dense)) {
    ffns.dense.ffn = r.family.ffn;
    ffns.dense.expert_ffn = dense_ffn(r, width, experts);
  }
  if (occurs(kinds, FfnOf::experts)) {
    ffns.experts = expert_ffn(r, experts);
    ffns.experts.ffn = r.family.ffn;
  }
  if (!occurs(kinds, FfnOf::dense) && r.fields.has("intermediate_size") &&
      !r.fields.known().contains("intermediate_size")) {
    r.fields.allow("intermediate_size");
    r.notes.emplace_back("intermediate_size is that of dense layers, of which there are none");
  }
  return ffns;
}

}  // namespace rooflaw::io
