#include "rooflaw/search/score/tables.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/score/parts.hpp"

namespace rooflaw::search {

using model::Phase;

std::vector<double> token_counts(const Question& question) {
  std::vector<double> counts;
  for (const auto& deployment : question.deployments)
    for (const Phase phase : {Phase::prefill, Phase::decode})
      counts.push_back(model::first_pass(deployment.scenario, phase).tokens);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

std::size_t token_count_number(const std::vector<double>& counts, double tokens) {
  return static_cast<std::size_t>(std::lower_bound(counts.begin(), counts.end(), tokens) -
                                  counts.begin());
}

namespace {

void require_size(const Question& question, const TableLayout& layout, bool shared) {
  const double combinations = static_cast<double>(layout.length(Axis::width)) *
                              static_cast<double>(layout.length(Axis::ratio)) *
                              static_cast<double>(layout.length(Axis::shared)) *
                              static_cast<double>(layout.length(Axis::top_k));
  const double entries =
      combinations * static_cast<double>(question.space.ffn.size()) +
      (shared ? combinations * static_cast<double>(layout.length(Axis::experts)) : 0.0);
  constexpr double limit = 128.0 * 1024 * 1024;
  if (entries > limit)
    throw InputError(
        {{.file = "space",
          .key = "expert_ffn_ratio x widths x shared_ffn x experts x top_k",
          .value = fmt::format("{:.3g} combinations", entries),
          .rule = fmt::format("must be at most {:.3g}: their powers are tabulated", limit)}});
}

}  // namespace

PowerTables fill_tables(const Question& question) {
  const Space& space = question.space;
  const model::Law& law = question.law;
  const TableLayout layout(space);
  const bool shared = std::any_of(space.shared_ffn.begin(), space.shared_ffn.end(),
                                  [](std::int64_t f) { return f > 0; });
  require_size(question, layout, shared);

  PowerTables t;
  for (const auto layers : space.layers) {
    const double power = model::depth_power(law, static_cast<double>(layers));
    t.depth.push_back(model::depth_loss(law, model::depth_term(law, power)));
  }
  for (const auto width : space.widths) {
    t.width_sparsity.push_back(model::sparsity_width_power(law, static_cast<double>(width)));
    t.width_capacity.push_back(model::capacity_width_power(law, static_cast<double>(width)));
  }

  t.kv.resize(space.widths.size() * layout.length(Axis::attention) * layout.length(Axis::kv));
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& o : attention_options(space, w)) {
      const double kv_dim = attention_shape(space, w, o).kv_dim();
      t.kv[layout.kv(w, o.kind_digit, o.kv_digit)] =
          model::kv_term(law, model::kv_power(law, kv_dim));
    }

  const auto routings = expert_options(space);
  const std::size_t combinations = layout.length(Axis::experts) * layout.length(Axis::top_k);
  t.activation.resize(combinations);
  const auto counts = token_counts(question);
  t.distinct.resize(counts.size() * combinations);
  for (const auto& o : routings) {
    const auto experts = static_cast<double>(o.experts);
    const auto top_k = static_cast<double>(o.top_k);
    // Without shared experts the hidden size cancels, to the last bit.
    t.activation[layout.routing(o)] = model::activation_power(law, top_k / experts);
    for (std::size_t c = 0; c < counts.size(); ++c)
      t.distinct[layout.distinct(c, o)] = model::distinct_experts(experts, top_k, counts[c]);
  }
  for (const double tokens : counts)
    t.rows_read.push_back(model::down_rows_read(space.ffn_sparsity, tokens));

  const std::size_t ratios =
      layout.length(Axis::width) * layout.length(Axis::ratio) * layout.length(Axis::shared);
  t.ratio.resize(space.ffn.size() * ratios * layout.length(Axis::top_k));
  if (shared) t.activation_shared.resize(ratios * combinations);
  // The ratio is the same for all experts, so one routing of each top_k does.
  std::vector<ExpertOption> one_a_top_k;
  for (const auto& o : routings)
    if (std::none_of(one_a_top_k.begin(), one_a_top_k.end(),
                     [&](const ExpertOption& known) { return known.top_k == o.top_k; }))
      one_a_top_k.push_back(o);
  const auto for_each_option = [&](const std::vector<ExpertOption>& of, auto visit) {
    for (std::size_t w = 0; w < space.widths.size(); ++w)
      for (std::size_t n = 0; n < ffn_option_count(space, of); ++n)
        if (const auto o = ffn_option(space, of, w, n)) visit(w, *o);
  };
  for (std::size_t kind = 0; kind < space.ffn.size(); ++kind)
    for_each_option(one_a_top_k, [&](std::size_t w, const FfnOption& o) {
      t.ratio[layout.ratio(kind, w, o)] =
          model::ratio_power(law, ffn_shape(space, kind, w, o).ffn_ratio());
    });
  if (shared)
    for_each_option(routings, [&](std::size_t w, const FfnOption& o) {
      t.activation_shared[layout.activation_shared(w, o)] =
          model::activation_power(law, ffn_shape(space, 0, w, o).activation_rate());
    });
  return t;
}

}  // namespace rooflaw::search
