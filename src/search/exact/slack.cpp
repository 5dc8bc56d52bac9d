#include "rooflaw/search/exact/slack.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "score/row_kernels.hpp"

namespace rooflaw::search {

namespace {
// Bins of t from 2^-60 to 2^40 seconds: what lies outside shares the end bins.
constexpr double least_t = 0x1p-60;
constexpr double most_t = 0x1p+40;

float rounded_up(double bound) {
  constexpr double float_epsilon = 0x1p-23;
  return static_cast<float>(bound + std::abs(bound) * float_epsilon);
}
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
                       const AttentionCosts& attention, double head_s, double per_token,
                       double loss_delta)
    : bound_(&bound),
      depths_(&depths),
      law_(law),
      attention_(&attention),
      head_s_(head_s),
      per_token_(per_token),
      loss_delta_(loss_delta),
      groups_((depths.layers.size() + depths_per_group - 1) / depths_per_group),
      row_size_(2 * groups_ + attention.groups.size()),
      values_(depths.layers.size()) {
  const auto bins = static_cast<std::size_t>((std::bit_cast<std::int64_t>(most_t) >> shift) -
                                             (std::bit_cast<std::int64_t>(least_t) >> shift) + 1);
  row_of_bin_.assign(bins, unfilled);
  const auto& loss = depths.loss[law];
  if (!loss.empty()) depth_size_ = std::max(std::abs(loss.front()), std::abs(loss.back()));
}

const float* SlackTable::row_at(double ffn_s) {
  const double t = std::clamp(ffn_s * (1.0 - bound_margin), least_t, most_t);
  const auto bin = static_cast<std::size_t>((std::bit_cast<std::int64_t>(t) >> shift) -
                                            (std::bit_cast<std::int64_t>(least_t) >> shift));
  if (row_of_bin_[bin] == unfilled) fill(bin);
  return rows_.data() + row_of_bin_[bin] * row_size_;
}

bool SlackTable::open(double ffn_s, double ffn_loss, std::size_t depths) {
  const float* row = row_at(ffn_s);
  const auto closed = [ffn_loss](float slack) { return ffn_loss >= static_cast<double>(slack); };
  const std::size_t groups = (depths + depths_per_group - 1) / depths_per_group;
  if (closed(row[groups - 1])) return false;
  const auto& [blocks, per_group, attention] = *attention_;
  if (last_open_.depth < depths &&
      open_with(blocks[last_open_.block], ffn_s, ffn_loss, last_open_.depth, last_open_.depth + 1))
    return true;
  const float* of_depths = row + groups_;
  const float* of_attention = row + 2 * groups_;
  for (std::size_t g = 0; g < attention.size(); ++g) {
    if (closed(of_attention[g])) continue;
    const std::size_t last = std::min((g + 1) * per_group, blocks.size());
    for (std::size_t first = 0; first < groups;) {
      std::size_t end = first;
      while (end < groups && !closed(of_depths[end])) ++end;
      if (end > first) {
        const std::size_t from = first * depths_per_group;
        const std::size_t to = std::min(end * depths_per_group, depths);
        if (per_group == 1 || open_with(attention[g], ffn_s, ffn_loss, from, to))
          for (std::size_t a = g * per_group; a < last; ++a)
            if (open_with(blocks[a], ffn_s, ffn_loss, from, to)) {
              last_open_.block = a;
              return true;
            }
      }
      first = end + 1;
    }
  }
  return false;
}

bool SlackTable::open_with(const AttentionCost& attention, double ffn_s, double ffn_loss,
                           std::size_t first, std::size_t end) {
  set_values(attention, ffn_s, first, end);
  const double least = least_open(attention, ffn_loss);
  for (std::size_t d = first; d < end; ++d)
    if (values_[d] > least) {
      last_open_.depth = d;
      return true;
    }
  return false;
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
               head_s_ * per_token_ * (1.0 - bound_margin), *bound_, values_.data() + first);
}

/// Of numbers no larger than these: the depth loss, F less it (`size`), the others.
double SlackTable::margin(double size, const AttentionCost& attention) const {
  return 4.0 * bound_margin *
         (std::abs(size) + 2.0 * depth_size_ + std::abs(attention.loss) + std::abs(loss_delta_));
}

/// What F less the depth loss must be more than for blocks of this loss.
double SlackTable::least_open(const AttentionCost& attention, double ffn_loss) const {
  const double needed = ffn_loss + attention.loss + loss_delta_;
  // Twice the margin, since it is of the number needed instead of the one there is.
  return needed - 2.0 * margin(needed, attention);
}

void SlackTable::open_depths(const AttentionCost& attention, double ffn_s, double ffn_loss,
                             std::size_t first, std::size_t end, std::vector<std::size_t>& open) {
  set_values(attention, ffn_s, first, end);
  const double least = least_open(attention, ffn_loss);
  open.clear();
  for (std::size_t d = first; d < end; ++d)
    if (values_[d] > least) open.push_back(d);
}

void SlackTable::fill(std::size_t bin) {
  row_of_bin_[bin] = static_cast<std::uint32_t>(rows_.size() / row_size_);
  // The lower edge; the first bin also holds all that is faster.
  const double t =
      bin == 0
          ? 0.0
          : std::bit_cast<double>(
                (static_cast<std::int64_t>(bin) + (std::bit_cast<std::int64_t>(least_t) >> shift))
                << shift);
  row_.assign(row_size_, std::numeric_limits<float>::lowest() / 2.0);
  double* until = row_.data();
  double* of_depths = until + groups_;
  double* of_attention = of_depths + groups_;
  for (std::size_t a = 0; a < attention_->groups.size(); ++a) {
    const AttentionCost& attention = attention_->groups[a];
    set_values(attention, t, 0, values_.size());
    for (std::size_t g = 0, d = 0; g < groups_; ++g) {
      double best = values_[d];
      for (++d; d < std::min((g + 1) * depths_per_group, values_.size()); ++d)
        best = std::max(best, values_[d]);
      const double slack = best - attention.loss - loss_delta_ + margin(best, attention);
      of_depths[g] = std::max(of_depths[g], slack);
      of_attention[a] = std::max(of_attention[a], slack);
    }
  }
  std::partial_sum(of_depths, of_depths + groups_, until,
                   [](double x, double y) { return std::max(x, y); });
  for (const double bound : row_) rows_.push_back(rounded_up(bound));
}

}  // namespace rooflaw::search
