#include "set_piece.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/search/exact/bounds.hpp"

namespace rooflaw::search {

namespace {

constexpr std::size_t batch = 256;  // boxes whose corners are computed together

/// A sum of losses, moved down by the margin of all that went into it.
double lowered(double ffn, double kv, double depth) {
  const double size = std::abs(ffn) + std::abs(kv) + std::abs(depth);
  return model::shape_loss(ffn, kv, depth) - 4.0 * bound_margin * size;
}

}  // namespace

SetPiece::SetPiece(const SetLevel& level, const Frame& frame, SetFindings& found)
    : level_(level),
      question_(level.question_),
      depths_(level.depths_),
      frame_(frame),
      found_(found),
      width_(static_cast<double>(question_.space.widths[frame.width_digit])),
      boxes_(question_.space, level.subspace_, level.routes_, frame) {
  const Space& space = question_.space;
  const Strides strides = strides_of(space);
  base_index_ = strides[Axis::ffn] * static_cast<Index>(frame.ffn_digit) +
                strides[Axis::width] * static_cast<Index>(frame.width_digit);
  for (const auto& deployment : question_.deployments)
    width_parts_.push_back(width_part(space, frame.width_digit, deployment));
  for (const auto& option : attention_options(space, frame.width_digit)) {
    const auto shape = attention_shape(space, frame.width_digit, option);
    AttentionBlock& block = attention_.emplace_back();
    block.option = option;
    block.activations = model::attention_activations(shape);
    block.kv_loss = level.tables_.laws.front().kv[frame.width_digit][option.digit];
    for (const auto& deployment : question_.deployments) {
      block.parts.push_back(attention_parts(space, shape, deployment));
      block.mean.push_back(mean_part(space, block.parts.back()));
    }
  }
}

void SetPiece::run(const std::function<void()>& between) {
  if (attention_.empty() || depths_.digits.empty()) return;
  find_least();
  open_ = boxes_.whole();
  std::vector<Box> boxes;
  while (!open_.empty()) {
    const std::size_t first = open_.size() - std::min(open_.size(), batch);
    boxes.assign(open_.begin() + static_cast<std::ptrdiff_t>(first), open_.end());
    open_.resize(first);
    look_at(boxes);
    if (between) between();
  }
}

/// The lower corner of a box is the fastest and the smallest of its blocks, where it is one; where
/// it lies outside the range that the space is bound to, the box is cut.
void SetPiece::find_least() {
  for (std::vector<Box> boxes = boxes_.whole(); !boxes.empty();) {
    lower_.clear();
    std::vector<Box> outside;
    for (const Box& box : boxes) {
      lower_.push_back(boxes_.corner(box, false));
      if (is_within(question_.space, lower_.back())) continue;
      lower_.pop_back();
      if (box.single()) continue;
      cut_box(box, parts_);
      outside.insert(outside.end(), parts_.begin(), parts_.end());
    }
    boxes = std::move(outside);
    if (lower_.empty()) continue;
    fill_ffn_parts(question_, level_.tables_, frame_, lower_, corners_);
    for (const auto& attention : attention_)
      for (std::size_t t = 0; t < question_.targets.size(); ++t) {
        const std::size_t s = question_.targets[t].deployment;
        const RowView view = row(attention, s, 0, corners_);
        set_times(view);
        const auto& in_limits = feasible(level_.other_limits_[t], view);
        LeastNeed& least = found_.least[t];
        const auto& scenario = question_.deployments[s].scenario;
        row_objective(view.size, weights(question_.targets[t].objective, scenario),
                      prefill_s_.data(), decode_s_.data(), value_.data());
        for (std::size_t i = 0; i < view.size; ++i)
          if (in_limits[i] != 0) least.objective = std::min(least.objective, value_[i]);
        row_memory(view, value_.data());
        for (std::size_t i = 0; i < view.size; ++i)
          least.memory_bytes = std::min(least.memory_bytes, value_[i]);
      }
  }
}

void SetPiece::look_at(const std::vector<Box>& boxes) {
  lower_.clear();
  for (const auto& box : boxes) lower_.push_back(boxes_.corner(box, false));
  fill_ffn_parts(question_, level_.tables_, frame_, lower_, corners_);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const bool single = boxes[i].single();
    if (single && is_within(question_.space, lower_[i])) score(i);
    if (single || !matters(i, least_loss(boxes[i]))) continue;
    cut_box(boxes[i], parts_);
    open_.insert(open_.end(), parts_.begin(), parts_.end());
  }
}

/// What the FFN blocks of a box lose at least.
double SetPiece::least_loss(const Box& box) const {
  if (!level_.monotone_) return -infinity;
  const double loss = ffn_part_loss(level_.tables_, 0, frame_, boxes_.corner(box, true));
  return loss - bound_margin * std::abs(loss);
}

void SetPiece::set_reach(const AttentionBlock& attention, std::size_t lane) {
  reach_.clear();
  for (std::size_t t = 0; t < question_.targets.size(); ++t) {
    const std::size_t s = question_.targets[t].deployment;
    const double layers = most_layers(level_.limits_[t], width_, width_parts_[s], attention.mean[s],
                                      attention.activations, ffn_costs(corners_, s, lane));
    if (layers >= depths_.layers.front()) reach_.push_back({layers, t});
  }
  std::sort(reach_.begin(), reach_.end(),
            [](const Reach& x, const Reach& y) { return x.layers > y.layers; });
}

std::size_t SetPiece::depths_within(double layers) const {
  return static_cast<std::size_t>(
      std::upper_bound(depths_.layers.begin(), depths_.layers.end(), layers) -
      depths_.layers.begin());
}

/// Can a block of at least these costs, of at least this loss, be the best for any group?
bool SetPiece::matters(std::size_t lane, double ffn_loss) {
  for (const auto& attention : attention_) {
    set_reach(attention, lane);
    TargetSet served = 0;
    for (const Reach& reach : reach_) {
      served |= target_bit(reach.target);
      const double depth_loss = level_.least_depth_loss_[depths_within(reach.layers) - 1];
      // Where two reach as far the set of both is the looser bound; it follows.
      if (lowered(ffn_loss, attention.kv_loss, depth_loss) <= found_.table.least_loss(served))
        return true;
    }
  }
  return false;
}

/// The block at every attention block and depth that could be the best for any group.
void SetPiece::score(std::size_t lane) {
  const double ffn_loss = corners_.loss.front()[lane];
  const auto& depth_loss = depths_.loss.front();
  bool taken = false;
  for (const auto& attention : attention_) {
    set_reach(attention, lane);
    if (reach_.empty()) continue;
    std::size_t next = 0;  // of reach_: those before it go as deep
    TargetSet served = 0;
    for (std::size_t depth = depths_within(reach_.front().layers); depth-- > 0;) {
      for (; next < reach_.size() && reach_[next].layers >= depths_.layers[depth]; ++next)
        served |= target_bit(reach_[next].target);
      SetPoint point{.targets = 0,
                     .loss = model::shape_loss(ffn_loss, attention.kv_loss, depth_loss[depth]),
                     .index = base_index_ + attention.option.index + corners_.index[lane] +
                              static_cast<Index>(depths_.digits[depth])};
      if (!(point.loss < infinity)) continue;
      if (const SetPoint* best = found_.table.best_for(served);
          best != nullptr && !is_better(point, *best))
        continue;
      if (!taken) take_lane(lane);
      taken = true;
      score_at(attention, depth, point);
    }
  }
}

void SetPiece::score_at(const AttentionBlock& attention, std::size_t depth, SetPoint point) {
  std::size_t known = question_.deployments.size();
  for (std::size_t t = 0; t < question_.targets.size(); ++t) {
    const std::size_t s = question_.targets[t].deployment;
    const RowView view = row(attention, s, depth, lane_);
    if (s != known) set_times(view);
    known = s;
    if (feasible(level_.limits_[t], view).front() != 0) point.targets |= target_bit(t);
  }
  found_.pairs_scored += static_cast<std::int64_t>(question_.targets.size());
  if (point.targets != 0) found_.table.insert(point);
}

void SetPiece::take_lane(std::size_t lane) {
  lane_.size = 1;
  lane_.activations = {corners_.activations[lane]};
  lane_.deployments.resize(corners_.deployments.size());
  for (std::size_t s = 0; s < corners_.deployments.size(); ++s) {
    const auto& from = corners_.deployments[s];
    lane_.deployments[s] = {
        {from.prefill_s[lane]}, {from.decode_s[lane]}, {from.weight_bytes[lane]}};
  }
}

RowView SetPiece::row(const AttentionBlock& attention, std::size_t deployment, std::size_t depth,
                      const FfnParts& ffn) const {
  return {.size = ffn.size,
          .layers = split_layers(question_.space, question_.space.layers[depths_.digits[depth]]),
          .width = width_,
          .attention_activations = attention.activations,
          .width_part = &width_parts_[deployment],
          .attention = &attention.parts[deployment],
          .ffn = &ffn.deployments[deployment],
          .ffn_activations = ffn.activations.data()};
}

void SetPiece::set_times(const RowView& view) {
  for (auto* column : {&prefill_s_, &decode_s_, &value_})
    if (column->size() < view.size) column->resize(view.size);
  feasible_.resize(std::max(feasible_.size(), view.size));
  row_latency(view, prefill_s_.data(), decode_s_.data());
}

/// By lane of the row whose times are set; 0: not all limits are met.
const std::vector<std::int64_t>& SetPiece::feasible(const model::WeightedLimits& limits,
                                                    const RowView& view) {
  std::fill_n(feasible_.begin(), view.size, -1);
  for (const auto& limit : limits) {
    if (limit.objective == model::Objective::memory)
      row_memory(view, value_.data());
    else
      row_objective(view.size, limit.weights, prefill_s_.data(), decode_s_.data(), value_.data());
    row_within(view.size, value_.data(), limit.bound, feasible_.data());
  }
  return feasible_;
}

}  // namespace rooflaw::search
