#pragma once
// Spaces written as JSON in the field names of JOB.toml, turned into those of the program.

#include "rooflaw/search/space/space.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::testing {

inline search::Space space_from(const json& j) {
  search::Space s;
  for (const auto& name : j.value("attention", json::array({"gqa"}))) {
    if (name == "gqa")
      for (const auto& n : j.at("kv_heads"))
        s.attention.push_back(
            {.kind = model::AttentionKind::gqa,
             .kv_heads = n == "heads" ? model::all_heads : n.get<std::int64_t>()});
    else
      for (const auto& ranks : j.at("mla"))
        s.attention.push_back({.kind = model::AttentionKind::mla, .mla = mla_ranks_from(ranks)});
  }
  if (j.contains("ffn")) {
    s.ffn.clear();
    for (const auto& name : j.at("ffn"))
      s.ffn.push_back(model::ffn_kind_from(name.get<std::string>()).value());
  }
  s.widths = j.at("widths").get<std::vector<std::int64_t>>();
  s.head_dim = j.at("head_dim");
  s.query_ratio = j.value("query_ratio", 1.0);
  if (j.contains("window"))
    s.window = {.tokens = j.at("window").at("tokens"),
                .global_every = j.at("window").at("global_every")};
  s.expert_ffn_ratio = j.at("expert_ffn_ratio").get<std::vector<double>>();
  s.ffn_multiple_of = integer_of(j, "ffn_multiple_of", 1);
  if (j.contains("shared_ffn")) s.shared_ffn = j.at("shared_ffn").get<std::vector<std::int64_t>>();
  s.experts = j.at("experts").get<std::vector<std::int64_t>>();
  s.top_k = j.at("top_k").get<std::vector<std::int64_t>>();
  s.layers = j.at("layers").get<std::vector<std::int64_t>>();
  s.vocab = j.at("vocab");
  s.tied = j.value("tied", true);
  s.ffn_sparsity = j.value("ffn_sparsity", 0.0);
  return s;
}

}  // namespace rooflaw::testing
