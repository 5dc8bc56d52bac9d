#include "rooflaw/search/comparison.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::search {

namespace {

using Points = std::span<const FrontierPoint>;

bool is_positive(double x) { return x > 0.0 && std::isfinite(x); }

}  // namespace

FrontierPoints points_of(const std::vector<Row>& rows) {
  FrontierPoints points;
  points.reserve(rows.size());
  for (const auto& row : rows)
    points.push_back({row.objective, row.loss, static_cast<std::int64_t>(points.size())});
  return points;
}

const FrontierPoint* best_within(Points frontier, double objective) {
  const auto slower = std::upper_bound(
      frontier.begin(), frontier.end(), objective,
      [](double value, const FrontierPoint& point) { return value < point.latency_s; });
  return slower == frontier.begin() ? nullptr : &*std::prev(slower);
}

const FrontierPoint* fastest_reaching(Points frontier, double loss) {
  const auto found =
      std::partition_point(frontier.begin(), frontier.end(),
                           [&](const FrontierPoint& point) { return point.loss > loss; });
  return found == frontier.end() ? nullptr : &*found;
}

std::vector<double> ladder(Points frontier, std::size_t rungs) {
  std::vector<double> objectives;
  if (frontier.empty()) return objectives;
  const double first = frontier.front().latency_s;
  const double span = natural_log(frontier.back().latency_s / first);
  for (std::size_t r = 0; r < rungs; ++r) {
    const bool last = r + 1 == rungs && rungs > 1;
    const double share = rungs == 1 ? 0.5 : static_cast<double>(r) / static_cast<double>(rungs - 1);
    // The ends as they are: rounding must not miss them.
    const double rung =
        last ? frontier.back().latency_s : std::max(first, first * exponential(share * span));
    const double point = best_within(frontier, rung)->latency_s;
    if (objectives.empty() || point > objectives.back()) objectives.push_back(point);
  }
  return objectives;
}

std::optional<RatioAtEqualLoss> ratio_at_equal_loss(Points frontier, Points baseline) {
  if (frontier.empty() || baseline.empty()) return std::nullopt;
  RatioAtEqualLoss r;
  r.loss_from = std::max(frontier.back().loss, baseline.back().loss);
  r.loss_to = std::min(frontier.front().loss, baseline.front().loss);
  if (!(r.loss_from <= r.loss_to)) return std::nullopt;

  // Between neighbouring losses of either nothing changes; a step is what holds up to its upper
  // end, exclusive, as a loss that a point has is reached by it.
  std::vector<double> losses{r.loss_from, r.loss_to};
  for (const Points points : {frontier, baseline})
    for (const auto& point : points)
      if (point.loss > r.loss_from && point.loss < r.loss_to) losses.push_back(point.loss);
  std::sort(losses.begin(), losses.end());
  const auto log_ratio_at = [&](double loss) {
    return natural_log(fastest_reaching(frontier, loss)->latency_s /
                       fastest_reaching(baseline, loss)->latency_s);
  };
  double least = log_ratio_at(r.loss_from), largest = least, sum = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double log_ratio = log_ratio_at(losses[i]);
    least = std::min(least, log_ratio);
    largest = std::max(largest, log_ratio);
    if (i + 1 < losses.size()) sum += log_ratio * (losses[i + 1] - losses[i]);
  }
  const double width = r.loss_to - r.loss_from;
  r.mean = exponential(width > 0.0 ? sum / width : log_ratio_at(r.loss_from));
  r.least = exponential(least);
  r.largest = exponential(largest);
  return r;
}

Regret regret(Points frontier, double objective, double loss) {
  const FrontierPoint* best = best_within(frontier, objective);
  const FrontierPoint* fastest = fastest_reaching(frontier, loss);
  return {best == nullptr ? nan : loss - best->loss,
          fastest == nullptr ? nan : objective / fastest->latency_s};
}

Band band_of(std::span<const double> values, std::span<const double> low,
             std::span<const double> high) {
  double sum_low = 0, sum_high = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_positive(values[i]) || !is_positive(low[i]) || !is_positive(high[i])) return {nan, nan};
    sum_low += natural_log(low[i] / values[i]);
    sum_high += natural_log(high[i] / values[i]);
  }
  if (values.empty()) return {nan, nan};
  const auto count = static_cast<double>(values.size());
  return {exponential(sum_low / count), exponential(sum_high / count)};
}

Tie tie(double ratio, const Band& band, const Band& baseline) {
  const bool within_own = band.known() && ratio * band.low <= 1.0 && 1.0 <= ratio * band.high;
  const bool within_other = baseline.known() && baseline.low <= ratio && ratio <= baseline.high;
  if (within_own || within_other) return Tie::yes;
  return band.known() && baseline.known() ? Tie::no : Tie::unknown;
}

model::Architecture architecture_of(const Row& row, const Space& space) {
  model::Architecture a;
  a.layers = row.layers;
  a.attention = row.attention;
  a.heads = row.heads;
  a.head_dim = row.head_dim;
  a.kv_heads = row.kv_heads;
  a.mla = {.kv_lora_rank = row.kv_lora_rank,
           .q_lora_rank = row.q_lora_rank,
           .qk_nope_head_dim = row.qk_nope_head_dim,
           .qk_rope_head_dim = row.qk_rope_head_dim,
           .v_head_dim = row.v_head_dim};
  a.ffn = row.ffn;
  a.expert_ffn = row.expert_ffn;
  a.experts = row.experts;
  a.top_k = row.top_k;
  a.shared_ffn = row.shared_ffn;
  a.ffn_sparsity = row.ffn_sparsity;
  a.width = row.width;
  a.vocab = space.vocab;
  a.tied = space.tied;
  return with_windows(space, std::move(a));
}

}  // namespace rooflaw::search
