#include "rooflaw/search/space/options.hpp"

#include <algorithm>

#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

std::vector<std::size_t> digits_within(const Space& space, Axis axis) {
  const auto in_range = home_of(axis).in_range;
  const auto usable = home_of(axis).usable;
  std::vector<std::size_t> digits;
  const std::size_t length = axis_lengths(space)[axis];
  for (std::size_t d = 0; d < length; ++d)
    if (usable(space, d) &&
        (!space.within || in_range == nullptr || in_range(*space.within, space, d)))
      digits.push_back(d);
  return digits;
}

model::Interval ends_within(const Space& space, Axis axis) {
  const auto digits = digits_within(space, axis);
  if (digits.empty()) return ends_within(whole(space), axis);
  model::Interval ends{number_at(space, axis, digits.front()),
                       number_at(space, axis, digits.front())};
  for (const std::size_t d : digits) {
    const double number = number_at(space, axis, d);
    ends = {std::min(ends.lo, number), std::max(ends.hi, number)};
  }
  return ends;
}

std::vector<Frame> frames_of(const Space& space) {
  std::vector<Frame> frames;
  const auto widths = digits_within(space, Axis::width);
  for (const std::size_t ffn : digits_within(space, Axis::ffn))
    for (const std::size_t width : widths) frames.push_back({ffn, width});
  return frames;
}

Index index_of_frame(const Strides& strides, const Frame& frame) {
  return strides[Axis::ffn] * static_cast<Index>(frame.ffn_digit) +
         strides[Axis::width] * static_cast<Index>(frame.width_digit);
}

std::optional<AttentionOption> attention_option(const Space& space, std::size_t width_digit,
                                                std::size_t digit) {
  const std::int64_t width = space.widths[width_digit];
  const AttentionChoice& choice = space.attention[digit];
  const auto heads = heads_at(space, width);
  if (!heads) return std::nullopt;
  AttentionOption option{.index = strides_of(space)[Axis::attention] * static_cast<Index>(digit),
                         .digit = digit,
                         .kind = choice.kind,
                         .heads = *heads,
                         .mla = choice.mla};
  if (choice.kind == model::AttentionKind::gqa) {
    const auto kv_heads = kv_heads_at(space, choice, option.heads);
    if (!kv_heads) return std::nullopt;
    option.kv_heads = *kv_heads;
  }
  // No law was fitted on windows.
  const bool windows = space.window && space.window->global_every > 1;
  if (space.within && (windows || !model::attention_in_range(*space.within, option.kind,
                                                             option.kv_heads, option.heads)))
    return std::nullopt;
  if (space.within &&
      !model::kv_dim_in_range(*space.within, attention_shape(space, width_digit, option)))
    return std::nullopt;
  return option;
}

model::AttentionShape<double> attention_shape(const Space& space, std::size_t width_digit,
                                              const AttentionOption& option) {
  const bool gqa = option.kind == model::AttentionKind::gqa;
  return model::attention_shape({.layers = 1,
                                 .attention = option.kind,
                                 .heads = option.heads,
                                 .head_dim = gqa ? space.head_dim : 0,
                                 .kv_heads = option.kv_heads,
                                 .mla = option.mla},
                                space.widths[width_digit]);
}

std::vector<AttentionOption> attention_options(const Space& space, std::size_t width_digit) {
  std::vector<AttentionOption> options;
  for (std::size_t digit = 0; digit < space.attention.size(); ++digit)
    if (const auto option = attention_option(space, width_digit, digit)) options.push_back(*option);
  return options;
}

std::vector<ExpertOption> expert_options(const Space& space) {
  std::vector<ExpertOption> options;
  for (std::size_t e = 0; e < space.experts.size(); ++e)
    for (std::size_t k = 0; k < space.top_k.size(); ++k) {
      const std::int64_t experts = space.experts[e], top_k = space.top_k[k];
      if (valid_routing(experts, top_k) &&
          (!space.within || model::experts_in_range(*space.within, experts, top_k)))
        options.push_back(
            {.experts_digit = e, .top_k_digit = k, .experts = experts, .top_k = top_k});
    }
  return options;
}

void set_axis(const Space& space, const Strides& strides, Axis axis, std::size_t digit,
              FfnOption& option) {
  option.digits[axis] = digit;
  option.index += strides[axis] * static_cast<Index>(digit);
  home_of(axis).enter(space, digit, option.architecture);
}

FfnOption ffn_option_of(const Space& space, const Frame& frame) {
  FfnOption option;
  option.architecture.ffn = space.ffn[frame.ffn_digit];
  option.architecture.width = space.widths[frame.width_digit];
  option.architecture.ffn_sparsity = space.ffn_sparsity;
  return option;
}

FfnOptions::FfnOptions(const Space& space) : FfnOptions(space, expert_options(space)) {}

FfnOptions::FfnOptions(const Space& space, std::vector<ExpertOption> routings)
    : space_(&space), strides_(strides_of(space)), routings_(std::move(routings)) {
  for (const Axis axis : all_axes) {
    if (home_of(axis).block != AxisBlock::ffn || axis == Axis::experts || axis == Axis::top_k)
      continue;
    axes_.push_back(axis);
    digits_.push_back(digits_within(space, axis));
    size_ *= digits_.back().size();
  }
  size_ *= routings_.size();
}

FfnOption FfnOptions::numbered(const Frame& frame, std::size_t number) const {
  FfnOption option = ffn_option_of(*space_, frame);
  const ExpertOption& routing = routings_[number % routings_.size()];
  number /= routings_.size();
  set_axis(*space_, strides_, Axis::experts, routing.experts_digit, option);
  set_axis(*space_, strides_, Axis::top_k, routing.top_k_digit, option);
  for (std::size_t a = axes_.size(); a-- > 0;) {
    set_axis(*space_, strides_, axes_[a], digits_[a][number % digits_[a].size()], option);
    number /= digits_[a].size();
  }
  return option;
}

FfnOption FfnOptions::first(const Frame& frame) const { return numbered(frame, 0); }

std::optional<FfnOption> FfnOptions::built(const Frame& frame, std::size_t number) const {
  const FfnOption option = numbered(frame, number);
  if (option.architecture.expert_ffn < 1) return std::nullopt;
  return option;
}

std::optional<FfnOption> FfnOptions::at(const Frame& frame, std::size_t number) const {
  const auto option = built(frame, number);
  if (!option || !is_within(*space_, *option)) return std::nullopt;
  return option;
}

bool is_within(const Space& space, const FfnOption& option) {
  return !space.within ||
         model::ffn_block_in_range(*space.within, model::ffn_shape(option.architecture));
}

std::optional<FfnOption> ffn_option(const Space& space, const Digits& digits) {
  FfnOption option =
      ffn_option_of(space, {.ffn_digit = digits[Axis::ffn], .width_digit = digits[Axis::width]});
  const Strides strides = strides_of(space);
  for (const Axis axis : all_axes)
    if (home_of(axis).block == AxisBlock::ffn) set_axis(space, strides, axis, digits[axis], option);
  const auto& a = option.architecture;
  if (a.expert_ffn < 1 || !valid_routing(a.experts, a.top_k)) return std::nullopt;
  return option;
}

}  // namespace rooflaw::search
