#include "rooflaw/search/exact/bounds.hpp"

#include <algorithm>
#include <cmath>

namespace rooflaw::search {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Attention blocks that bounds tell apart; more are bounded in groups.
constexpr std::size_t most_attention_costs = 16;

/// Of many, groups of like loss with the least time of each.
std::vector<AttentionCost> grouped(std::vector<AttentionCost> costs) {
  if (costs.size() <= most_attention_costs) return costs;
  std::sort(costs.begin(), costs.end(),
            [](const AttentionCost& x, const AttentionCost& y) { return x.loss < y.loss; });
  const std::size_t per_group = (costs.size() + most_attention_costs - 1) / most_attention_costs;
  std::vector<AttentionCost> groups;
  for (std::size_t a = 0; a < costs.size(); ++a) {
    if (a % per_group == 0) groups.push_back(costs[a]);
    groups.back().seconds = std::min(groups.back().seconds, costs[a].seconds);
  }
  return groups;
}

}  // namespace

FrameBounds::FrameBounds(const Question& question, const PowerTables& tables, const Depths& depths,
                         const Frame& frame, const std::vector<AttentionOption>& attention,
                         const std::vector<KnownLosses>& known,
                         const std::vector<LossBound>& lowered_seed)
    : question_(question),
      depths_(depths),
      width_(static_cast<double>(question.space.widths[frame.width_digit])),
      least_attention_activations_(infinity) {
  const Space& space = question.space;
  std::vector<model::AttentionShape<double>> shapes;
  for (const auto& o : attention) {
    shapes.push_back(attention_shape(space, frame.width_digit, o));
    least_attention_activations_ =
        std::min(least_attention_activations_, model::attention_activations(shapes.back()));
  }
  std::vector<std::vector<AttentionPart>> parts(question_.deployments.size());
  for (std::size_t s = 0; s < question_.deployments.size(); ++s) {
    const Deployment& deployment = question_.deployments[s];
    DeploymentBounds b{.width = width_part(space, frame.width_digit, deployment),
                       .least = {infinity, infinity, infinity, infinity, infinity},
                       .limits = weighted_limits(deployment.limits, deployment.scenario)};
    for (const auto& shape : shapes) {
      const AttentionPart p = mean_part(space, attention_parts(space, shape, deployment));
      parts[s].push_back(p);
      b.least = {std::min(b.least.prefill_s, p.prefill_s), std::min(b.least.decode_s, p.decode_s),
                 std::min(b.least.weight_bytes, p.weight_bytes),
                 std::min(b.least.kv_bytes, p.kv_bytes),
                 std::min(b.least.scratch_bytes, p.scratch_bytes)};
    }
    deployments_.push_back(b);
  }

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
    for (std::size_t a = 0; a < shapes.size(); ++a) {
      const AttentionPart& p = parts[target.deployment][a];
      costs.push_back({seconds(p.prefill_s, p.decode_s) + overhead,
                       tables.laws[target.law].kv[frame.width_digit][attention[a].digit]});
    }
    costs = grouped(std::move(costs));
    const double per_token = 1.0 / w.per;
    const double head = seconds(width.prefill_fixed_s, width.decode_fixed_s);
    const double delta = deployment.scenario.precision.loss_delta;
    slack_.emplace_back(known[t].bound(), depths, target.law, costs, head, per_token, delta);
    if (!lowered_seed.empty())
      seed_slack_.emplace_back(lowered_seed[t], depths, target.law, costs, head, per_token, delta);
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
  const Target& t = question_.targets[target];
  const auto& part = ffn.deployments[t.deployment];
  const model::Weights& w = objectives_[target];
  const double seconds = w.prefill * part.prefill_s[lane] + w.decode * part.decode_s[lane];
  const std::size_t group = SlackTable::group_of(depths);
  if (loss >= static_cast<double>(slack_[target].slack(seconds, group))) return false;
  return seed_slack_.empty() ||
         loss < static_cast<double>(seed_slack_[target].slack(seconds, group));
}

}  // namespace rooflaw::search
