#include "rooflaw/search/score/scan.hpp"

#include <algorithm>
#include <cmath>

#include "row_kernels.hpp"

namespace rooflaw::search {

Scanner::Scanner(const Question& question, const PowerTables& tables,
                 std::span<LossMemory> in_common)
    : question_(question),
      tables_(tables),
      strides_(strides_of(question.space)),
      frontiers_(question.targets.size()),
      width_parts_(question.deployments.size()),
      attention_parts_(question.deployments.size()),
      kv_loss_(question.laws.size()),
      loss_(question.laws.size()) {
  for (LossMemory& memory : in_common) known_.emplace_back(memory);
  known_.resize(question.targets.size());
  for (const auto& deployment : question.deployments)
    limits_.push_back(weighted_limits(deployment.limits, deployment.scenario));
  for (const auto& target : question.targets)
    objectives_.push_back(
        weights(target.objective, question.deployments[target.deployment].scenario));
}

void Scanner::scan(const Block& block, const std::function<void()>& between_rows) {
  if (block.ffn.empty() || block.attention.empty()) return;
  fill_ffn_parts(question_, tables_, block.frame, block.ffn, ffn_);
  resize_rows(ffn_.activations.size());
  for (std::size_t s = 0; s < question_.deployments.size(); ++s)
    width_parts_[s] =
        width_part(question_.space, block.frame.width_digit, question_.deployments[s]);

  const Index base = index_of_frame(strides_, block.frame);
  for (const auto& option : block.attention) {
    const auto shape = attention_shape(question_.space, block.frame.width_digit, option);
    for (std::size_t s = 0; s < question_.deployments.size(); ++s)
      attention_parts_[s] = attention_parts(question_.space, shape, question_.deployments[s]);
    attention_activations_ = model::attention_activations(shape);
    for (std::size_t law = 0; law < kv_loss_.size(); ++law)
      kv_loss_[law] = tables_.laws[law].kv[block.frame.width_digit][option.digit];
    for (const std::size_t layer : block.layer_digits) {
      row_index_ = base + option.index + static_cast<Index>(layer);
      scan_row(block, layer);
      if (between_rows) between_rows();
    }
  }
}

void Scanner::resize_rows(std::size_t padded) {
  for (auto& loss : loss_) loss.resize(padded);
  for (auto* column : {&prefill_s_, &decode_s_, &value_, &limited_}) column->resize(padded);
  candidate_.resize(padded);
  feasible_.resize(padded);
}

RowView Scanner::row_view(std::size_t deployment, const Block& block, std::size_t layer_digit,
                          const FfnParts& ffn) const {
  return {.size = ffn.size,
          .layers = split_layers(question_.space, question_.space.layers[layer_digit]),
          .width = static_cast<double>(question_.space.widths[block.frame.width_digit]),
          .attention_activations = attention_activations_,
          .width_part = &width_parts_[deployment],
          .attention = &attention_parts_[deployment],
          .ffn = &ffn.deployments[deployment],
          .ffn_activations = ffn.activations.data()};
}

void Scanner::insert_candidates(std::size_t target, const RowView& row, const FfnParts& ffn,
                                const LossBound* below, bool& feasibility_known) {
  const Target& asked = question_.targets[target];
  const double delta = deployment_of(question_, asked).scenario.precision.loss_delta;
  const auto& loss = loss_[asked.law];
  row_objective(row.size, objectives_[target], prefill_s_.data(), decode_s_.data(), value_.data());
  if (!row_candidates(row.size, known_[target].bins(), value_.data(), loss.data(), delta,
                      candidate_.data()))
    return;
  if (!feasibility_known) find_feasible(asked.deployment, row);
  feasibility_known = true;
  for (std::size_t i = 0; i < row.size; ++i) {
    if ((candidate_[i] & feasible_[i]) == 0) continue;
    const FrontierPoint point{value_[i], loss[i] + delta, row_index_ + ffn.index[i]};
    if (below != nullptr && point.loss >= below->faster_than(point.latency_s)) continue;
    insert(target, point);
  }
}

void Scanner::insert(std::size_t target, const FrontierPoint& point) {
  KnownLosses& known = known_[target];
  const std::int64_t bin = LossBound::bin(point.latency_s);
  if (point.loss >= known.bound().before(bin)) return;
  Frontier& frontier = frontiers_[target];
  const auto before = frontier.additions();
  frontier.insert(point);
  if (frontier.additions() == before) return;
  if (known.add(bin, point.loss)) known.note(bin);
}

void Scanner::clear_frontiers() {
  for (auto& frontier : frontiers_) frontier.clear();
}

void Scanner::find_feasible(std::size_t deployment, const RowView& row) {
  std::fill_n(feasible_.begin(), row.size, -1);
  for (const auto& limit : limits_[deployment]) {
    if (limit.objective == model::Objective::memory)
      row_memory(row, limited_.data());
    else
      row_objective(row.size, limit.weights, prefill_s_.data(), decode_s_.data(), limited_.data());
    row_within(row.size, limited_.data(), limit.bound, feasible_.data());
  }
}

void Scanner::scan_row(const Block& block, std::size_t layer_digit) {
  for (std::size_t law = 0; law < loss_.size(); ++law)
    row_loss(ffn_.size, ffn_.loss[law].data(), kv_loss_[law], tables_.laws[law].depth[layer_digit],
             loss_[law].data());
  pairs_scored_ += static_cast<std::int64_t>(ffn_.size * question_.targets.size());
  std::size_t target = 0;
  for (std::size_t s = 0; s < question_.deployments.size(); ++s) {
    const RowView row = row_view(s, block, layer_digit, ffn_);
    row_latency(row, prefill_s_.data(), decode_s_.data());
    bool feasibility_known = false;
    for (; target < question_.targets.size() && question_.targets[target].deployment == s; ++target)
      insert_candidates(target, row, ffn_, nullptr, feasibility_known);
  }
}

void Scanner::scan_rows(const TargetRows& rows, const FfnParts& ffn) {
  const auto& [id, s, objective, law] = question_.targets[rows.target];
  resize_rows(ffn.activations.size());
  for (const std::size_t layer : rows.layer_digits) {
    row_index_ = rows.index + static_cast<Index>(layer);
    row_loss(ffn.size, ffn.loss[law].data(), rows.kv_loss, tables_.laws[law].depth[layer],
             loss_[law].data());
    const RowView row{.size = ffn.size,
                      .layers = split_layers(question_.space, question_.space.layers[layer]),
                      .width = rows.width,
                      .attention_activations = rows.attention_activations,
                      .width_part = rows.width_part,
                      .attention = rows.attention,
                      .ffn = &ffn.deployments[s],
                      .ffn_activations = ffn.activations.data()};
    row_latency(row, prefill_s_.data(), decode_s_.data());
    bool feasibility_known = false;
    insert_candidates(rows.target, row, ffn, rows.below, feasibility_known);
    pairs_scored_ += static_cast<std::int64_t>(ffn.size);
  }
}

}  // namespace rooflaw::search
