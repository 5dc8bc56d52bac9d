#include "rooflaw/search/exact/slack.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "score/row_kernels.hpp"

namespace rooflaw::search {

namespace {
// Bins of t from 2^-60 to 2^40 seconds: what lies outside shares the end bins.
constexpr double least_t = 0x1p-60;
constexpr double most_t = 0x1p+40;
}  // namespace

Depths depths_of_level(const Space& space, const PowerTables& tables, const Subspace& level) {
  Depths depths;
  for (const std::size_t digit : level[Axis::layers]) {
    depths.digits.push_back(digit);
    depths.layers.push_back(static_cast<double>(space.layers[digit]));
  }
  for (const auto& law : tables.laws) {
    auto& loss = depths.loss.emplace_back();
    for (const std::size_t digit : depths.digits) loss.push_back(law.depth[digit]);
  }
  return depths;
}

SlackTable::SlackTable(const LossBound& bound, const Depths& depths, std::size_t law,
                       std::vector<AttentionCost> attention, double head_s, double per_token,
                       double loss_delta)
    : bound_(&bound),
      depths_(&depths),
      law_(law),
      attention_(std::move(attention)),
      head_s_(head_s),
      per_token_(per_token),
      loss_delta_(loss_delta),
      groups_(group_of(depths.layers.size()) + 1),
      values_(depths.layers.size()) {
  const auto bins = static_cast<std::size_t>((std::bit_cast<std::int64_t>(most_t) >> shift) -
                                             (std::bit_cast<std::int64_t>(least_t) >> shift) + 1);
  row_of_bin_.assign(bins, unfilled);
  const auto& loss = depths.loss[law];
  if (!loss.empty()) depth_size_ = std::max(std::abs(loss.front()), std::abs(loss.back()));
}

float SlackTable::slack(double ffn_s, std::size_t group) {
  const double t = std::clamp(ffn_s * (1.0 - bound_margin), least_t, most_t);
  const auto bin = static_cast<std::size_t>((std::bit_cast<std::int64_t>(t) >> shift) -
                                            (std::bit_cast<std::int64_t>(least_t) >> shift));
  if (row_of_bin_[bin] == unfilled) fill(bin);
  return rows_[row_of_bin_[bin] * groups_ + group];
}

void SlackTable::forget() {
  std::fill(row_of_bin_.begin(), row_of_bin_.end(), unfilled);
  rows_.clear();
}

/// F less the depth loss, of some depths.
void SlackTable::set_values(const AttentionCost& attention, double ffn_s, std::size_t first,
                            std::size_t end) {
  slack_values(end - first, depths_->layers.data() + first, depths_->loss[law_].data() + first,
               (attention.seconds + ffn_s) * per_token_ * (1.0 - bound_margin),
               head_s_ * per_token_ * (1.0 - bound_margin), bound_->data(), bound_->first(),
               bound_->last(), values_.data() + first);
}

/// Of numbers no larger than these: the depth loss, F less it (`size`), the others.
double SlackTable::margin(double size, const AttentionCost& attention) const {
  return 4.0 * bound_margin *
         (std::abs(size) + 2.0 * depth_size_ + std::abs(attention.loss) + std::abs(loss_delta_));
}

void SlackTable::open_depths(const AttentionCost& attention, double ffn_s, double ffn_loss,
                             std::size_t first, std::size_t end, std::vector<std::size_t>& open) {
  set_values(attention, ffn_s, first, end);
  const double needed = ffn_loss + attention.loss + loss_delta_;
  // Twice the margin, since it is of the number needed instead of the one there is.
  const double least = needed - 2.0 * margin(needed, attention);
  open.clear();
  for (std::size_t d = first; d < end; ++d)
    if (values_[d] > least) open.push_back(d);
}

void SlackTable::fill(std::size_t bin) {
  row_of_bin_[bin] = static_cast<std::uint32_t>(rows_.size() / groups_);
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  bounds_.assign(groups_, nothing);
  // The lower edge; the first bin also holds all that is faster.
  const double t =
      bin == 0
          ? 0.0
          : std::bit_cast<double>(
                (static_cast<std::int64_t>(bin) + (std::bit_cast<std::int64_t>(least_t) >> shift))
                << shift);
  for (const auto& a : attention_) {
    set_values(a, t, 0, values_.size());
    double best = nothing;
    for (std::size_t g = 0, d = 0; g < groups_; ++g) {
      for (; d < std::min((g + 1) * depths_per_group, values_.size()); ++d)
        best = std::max(best, values_[d]);
      bounds_[g] = std::max(bounds_[g], best - a.loss - loss_delta_ + margin(best, a));
    }
  }
  for (const double bound : bounds_)
    rows_.push_back(
        std::nextafter(static_cast<float>(bound), std::numeric_limits<float>::infinity()));
}

}  // namespace rooflaw::search
