#include "rooflaw/search/scan.hpp"

#include <algorithm>
#include <cmath>

#include "row_kernels.hpp"

namespace rooflaw::search {

void drop_extrapolated(const Problem& problem, Block& block) {
  if (!problem.enforce_range) return;
  const Space& space = problem.space;
  const model::LawRange& range = problem.law.range;
  const auto kind = space.ffn[block.ffn_digit];
  if (!model::width_in_range(range, static_cast<double>(space.widths[block.width_digit])))
    block.ffn.clear();
  std::erase_if(block.attention, [&](const AttentionOption& o) {
    return !model::attention_in_range(range, o.kind, o.kv_heads, o.heads);
  });
  std::erase_if(block.ffn, [&](const FfnOption& o) {
    return !model::ffn_in_range(range, kind, static_cast<double>(o.shared_ffn)) ||
           !model::experts_in_range(range, o.routing.experts, o.routing.top_k);
  });
  std::erase_if(block.layer_digits, [&](std::size_t digit) {
    return !model::layers_in_range(range, static_cast<double>(space.layers[digit]));
  });
}

Scanner::Scanner(const Problem& problem, const PowerTables& tables)
    : problem_(problem),
      tables_(tables),
      frontiers_(problem.targets.size()),
      width_parts_(problem.settings.size()),
      attention_parts_(problem.settings.size()) {}

void Scanner::scan(const Block& block, const std::function<void()>& between_rows) {
  if (block.ffn.empty() || block.attention.empty()) return;
  const TableLayout layout(problem_.space);
  fill_ffn_parts(problem_, tables_, block.ffn_digit, block.width_digit, block.ffn, ffn_);
  for (auto* column : {&loss_, &prefill_s_, &decode_s_, &latency_s_})
    column->resize(ffn_.loss.size());
  candidate_.resize(ffn_.loss.size());
  feasible_.resize(ffn_.loss.size());
  for (std::size_t s = 0; s < problem_.settings.size(); ++s)
    width_parts_[s] = width_part(problem_.space, block.width_digit, problem_.settings[s]);

  const Index base = index_share(problem_.space, Axis::ffn, block.ffn_digit) +
                     index_share(problem_.space, Axis::width, block.width_digit);
  for (const auto& option : block.attention) {
    const auto shape = attention_shape(problem_.space, block.width_digit, option);
    for (std::size_t s = 0; s < problem_.settings.size(); ++s)
      attention_parts_[s] = attention_part(shape, problem_.settings[s]);
    attention_activations_ = model::attention_activations(shape);
    kv_loss_ = tables_.kv[layout.kv(block.width_digit, option.kind_digit, option.kv_digit)];
    for (const std::size_t layer : block.layer_digits) {
      row_index_ = base + option.index + static_cast<Index>(layer);
      scan_row(block, layer);
      if (between_rows) between_rows();
    }
  }
}

namespace {
bool unlimited(const Setting& s) {
  return std::isinf(s.memory_budget_bytes) && std::isinf(s.limits.prefill_s) &&
         std::isinf(s.limits.tpot_s) && std::isinf(s.limits.total_s);
}
}  // namespace

void Scanner::scan_row(const Block& block, std::size_t layer_digit) {
  const std::size_t size = ffn_.size;
  row_loss(size, ffn_.loss.data(), kv_loss_, tables_.depth[layer_digit], loss_.data());
  pairs_scored_ += static_cast<std::int64_t>(size * problem_.targets.size());

  std::size_t target = 0;
  for (std::size_t s = 0; s < problem_.settings.size(); ++s) {
    const Setting& setting = problem_.settings[s];
    const double delta = setting.scenario.precision.loss_delta;
    const RowView row{.size = size,
                      .layers = static_cast<double>(problem_.space.layers[layer_digit]),
                      .width = static_cast<double>(problem_.space.widths[block.width_digit]),
                      .attention_activations = attention_activations_,
                      .output_tokens = static_cast<double>(setting.scenario.workload.output_tokens),
                      .width_part = &width_parts_[s],
                      .attention = &attention_parts_[s],
                      .ffn = &ffn_.settings[s],
                      .ffn_activations = ffn_.activations.data()};
    row_latency(row, prefill_s_.data(), decode_s_.data());
    bool feasibility_known = false;
    for (; target < problem_.targets.size() && problem_.targets[target].setting == s; ++target) {
      Frontier& frontier = frontiers_[target];
      row_latency_of_kind(size, problem_.targets[target].latency, row.output_tokens,
                          prefill_s_.data(), decode_s_.data(), latency_s_.data());
      if (!row_candidates(size, frontier.bins().data(), latency_s_.data(), loss_.data(), delta,
                          candidate_.data()))
        continue;
      if (!feasibility_known) {
        if (unlimited(setting))
          std::fill_n(feasible_.begin(), size, -1);
        else
          row_feasible(row, setting, prefill_s_.data(), decode_s_.data(), feasible_.data());
        feasibility_known = true;
      }
      for (std::size_t i = 0; i < size; ++i)
        if ((candidate_[i] & feasible_[i]) != 0)
          frontier.insert({latency_s_[i], loss_[i] + delta, row_index_ + ffn_.index[i]});
    }
  }
}

}  // namespace rooflaw::search
