#include "rooflaw/search/exact/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "rooflaw/core/numbers.hpp"

namespace rooflaw::search {

namespace {

// Attention blocks that bounds tell apart; more are bounded in groups.
constexpr std::size_t most_attention_costs = 16;

}  // namespace

FrameBounds::TargetAttention FrameBounds::grouped(const std::vector<AttentionCost>& costs) {
  TargetAttention all;
  all.blocks.resize(costs.size());
  std::iota(all.blocks.begin(), all.blocks.end(), std::size_t{0});
  std::stable_sort(all.blocks.begin(), all.blocks.end(),
                   [&](std::size_t x, std::size_t y) { return costs[x].loss < costs[y].loss; });
  auto& [blocks, per_group, groups] = all.costs;
  per_group = (costs.size() + most_attention_costs - 1) / most_attention_costs;
  for (std::size_t a = 0; a < costs.size(); ++a) {
    const AttentionCost& cost = blocks.emplace_back(costs[all.blocks[a]]);
    if (a % per_group == 0) groups.push_back(cost);
    groups.back().seconds = std::min(groups.back().seconds, cost.seconds);
  }
  return all;
}

FrameBounds::FrameBounds(const Question& question, const PowerTables& tables, const Depths& depths,
                         const Frame& frame, const std::vector<KnownLosses>& known,
                         const std::vector<LossBound>& lowered_seed)
    : question_(question),
      tables_(tables),
      depths_(depths),
      lowered_seed_(lowered_seed),
      frame_index_(index_of_frame(strides_of(question.space), frame)),
      frame_(frame),
      width_(static_cast<double>(question.space.widths[frame.width_digit])),
      least_attention_activations_(infinity) {
  const Space& space = question.space;
  for (const auto& o : attention_options(space, frame.width_digit)) {
    const auto shape = attention_shape(space, frame.width_digit, o);
    auto& block = attention_.emplace_back(
        AttentionBlock{.option = o, .activations = attention_activations(shape), .parts = {}});
    for (const auto& deployment : question_.deployments)
      block.parts.push_back(attention_parts(space, shape, deployment));
    least_attention_activations_ = std::min(least_attention_activations_, block.activations);
  }
  for (std::size_t s = 0; s < question_.deployments.size(); ++s) {
    const Deployment& deployment = question_.deployments[s];
    DeploymentBounds b{.width = width_part(space, frame.width_digit, deployment),
                       .least = {infinity, infinity, infinity, infinity, infinity},
                       .limits = weighted_limits(deployment.limits, deployment.scenario)};
    for (const auto& block : attention_) {
      const AttentionPart p = mean_part(space, block.parts[s]);
      b.least = {std::min(b.least.prefill_s, p.prefill_s), std::min(b.least.decode_s, p.decode_s),
                 std::min(b.least.weight_bytes, p.weight_bytes),
                 std::min(b.least.kv_bytes, p.kv_bytes),
                 std::min(b.least.scratch_bytes, p.scratch_bytes)};
    }
    deployments_.push_back(b);
  }

  target_attention_.reserve(question_.targets.size());  // tables refer to them
  for (std::size_t t = 0; t < question_.targets.size(); ++t) {
    const Target& target = question_.targets[t];
    const Deployment& deployment = question_.deployments[target.deployment];
    const WidthPart& width = deployments_[target.deployment].width;
    const model::Weights& w =
        objectives_.emplace_back(weights(target.objective, deployment.scenario));
    const auto seconds = [&](double prefill, double decode) {
      return w.prefill * prefill + w.decode * decode;
    };
    const double overhead = seconds(width.prefill_overhead_s, width.decode_overhead_s);
    std::vector<AttentionCost> costs;
    for (const auto& block : attention_) {
      const AttentionPart p = mean_part(space, block.parts[target.deployment]);
      costs.push_back({seconds(p.prefill_s, p.decode_s) + overhead,
                       tables.laws[target.law].kv[frame.width_digit][block.option.digit]});
    }
    const auto& attention = target_attention_.emplace_back(grouped(costs)).costs;
    const double per_token = 1.0 / w.per;
    const double head = seconds(width.prefill_fixed_s, width.decode_fixed_s);
    const double delta = deployment.scenario.precision.loss_delta;
    slack_.emplace_back(known[t].bound(), depths, target.law, attention, head, per_token, delta);
    if (!lowered_seed.empty())
      seed_slack_.emplace_back(lowered_seed[t], depths, target.law, attention, head, per_token,
                               delta);
  }
}

FfnCosts ffn_costs(const FfnParts& ffn, std::size_t deployment, std::size_t lane) {
  const auto& part = ffn.deployments[deployment];
  return {part.prefill_s[lane], part.decode_s[lane], part.weight_bytes[lane],
          ffn.activations[lane]};
}

double most_layers(const model::WeightedLimits& limits, double width, const WidthPart& part,
                   const AttentionPart& attention, double attention_activations,
                   const FfnCosts& ffn) {
  double most = infinity;
  const auto allow = [&](double limit, double fixed, double per_layer) {
    // What a limit leaves, moved outwards by the margin of everything that went into it.
    const double left = limit - fixed + bound_margin * (std::abs(limit) + fixed);
    most = std::min(most, left < 0.0 ? -1.0 : left / per_layer * (1.0 + bound_margin));
  };
  const double elements = model::larger(attention_activations, ffn.activations);
  const double workspace = model::workspace_bytes(width, elements, attention.scratch_bytes,
                                                  part.logit_bytes, part.activation_bytes);
  const double prefill = attention.prefill_s + ffn.prefill_s + part.prefill_overhead_s;
  const double decode = attention.decode_s + ffn.decode_s + part.decode_overhead_s;
  for (const auto& [w, bound, objective] : limits) {
    if (objective == model::Objective::memory)
      allow(bound, part.table_bytes + workspace,
            attention.weight_bytes + ffn.weight_bytes + attention.kv_bytes);
    else
      allow(bound * w.per, w.prefill * part.prefill_fixed_s + w.decode * part.decode_fixed_s,
            w.prefill * prefill + w.decode * decode);
  }
  return most;
}

std::size_t FrameBounds::depths_affordable(std::size_t deployment, const FfnParts& ffn,
                                           std::size_t lane) const {
  const auto& layers = depths_.layers;
  const DeploymentBounds& b = deployments_[deployment];
  if (b.limits.empty()) return layers.size();
  const double most = most_layers(b.limits, width_, b.width, b.least, least_attention_activations_,
                                  ffn_costs(ffn, deployment, lane));
  return static_cast<std::size_t>(std::upper_bound(layers.begin(), layers.end(), most) -
                                  layers.begin());
}

bool FrameBounds::matters(std::size_t target, const FfnParts& ffn, std::size_t lane, double loss,
                          std::size_t depths) {
  const double ffn_s = seconds(target, ffn_costs(ffn, question_.targets[target].deployment, lane));
  if (!seed_slack_.empty() && !seed_slack_[target].open(ffn_s, loss, depths)) return false;
  return slack_[target].open(ffn_s, loss, depths);
}

void FrameBounds::find_open_depths(std::size_t target, const AttentionCost& attention, double ffn_s,
                                   double ffn_loss, std::size_t first, std::size_t end,
                                   std::vector<std::size_t>& open) {
  slack_[target].open_depths(attention, ffn_s, ffn_loss, first, end, open);
  if (seed_slack_.empty() || open.empty()) return;
  seed_slack_[target].open_depths(attention, ffn_s, ffn_loss, open.front(), open.back() + 1,
                                  open_by_seed_);
  std::erase_if(open, [&](std::size_t d) {
    return !std::binary_search(open_by_seed_.begin(), open_by_seed_.end(), d);
  });
}

void FrameBounds::open_rows(std::size_t target, double ffn_s, double ffn_loss, std::size_t depths,
                            const std::function<void(const TargetRows&)>& visit) {
  const Target& asked = question_.targets[target];
  const TargetAttention& attention = target_attention_[target];
  const auto& [costs, per_group, groups] = attention.costs;
  const LossBound* below = lowered_seed_.empty() ? nullptr : &lowered_seed_[target];
  const auto row = [&](std::size_t a, const std::vector<std::size_t>& open) {
    const AttentionBlock& block = attention_[attention.blocks[a]];
    rows_ = {.target = target,
             .width = width_,
             .width_part = &deployments_[asked.deployment].width,
             .attention = &block.parts[asked.deployment],
             .attention_activations = block.activations,
             .kv_loss = tables_.laws[asked.law].kv[frame_.width_digit][block.option.digit],
             .index = frame_index_ + block.option.index,
             .layer_digits = std::move(rows_.layer_digits),
             .below = below};
    rows_.layer_digits.clear();
    for (const std::size_t d : open) rows_.layer_digits.push_back(depths_.digits[d]);
    visit(rows_);
  };
  for (std::size_t g = 0; g < groups.size(); ++g) {
    find_open_depths(target, groups[g], ffn_s, ffn_loss, 0, depths, open_of_group_);
    if (open_of_group_.empty()) continue;
    const std::size_t first = g * per_group;
    if (per_group == 1) {
      row(first, open_of_group_);
      continue;
    }
    for (std::size_t a = first; a < std::min(first + per_group, costs.size()); ++a) {
      find_open_depths(target, costs[a], ffn_s, ffn_loss, open_of_group_.front(),
                       open_of_group_.back() + 1, open_);
      if (!open_.empty()) row(a, open_);
    }
  }
}

}  // namespace rooflaw::search
