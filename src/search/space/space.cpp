#include "rooflaw/search/space/space.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/search/space/axes.hpp"
#include "rooflaw/search/space/options.hpp"

namespace rooflaw::search {

std::vector<AttentionChoice> gqa_choices(const std::vector<std::int64_t>& kv_heads) {
  std::vector<AttentionChoice> choices;
  for (const auto n : kv_heads)
    choices.push_back({.kind = model::AttentionKind::gqa, .kv_heads = n});
  return choices;
}

std::vector<AttentionChoice> mla_choices(const std::vector<model::MlaRanks>& ranks) {
  std::vector<AttentionChoice> choices;
  for (const auto& r : ranks) choices.push_back({.kind = model::AttentionKind::mla, .mla = r});
  return choices;
}

bool valid_routing(std::int64_t experts, std::int64_t top_k) {
  return experts == 1 ? top_k == 1 : top_k < experts;
}

std::optional<std::int64_t> kv_heads_at(const Space& space, const AttentionChoice& choice,
                                        std::int64_t heads) {
  std::int64_t n = choice.kv_heads;
  if (n == model::all_heads) {
    const AttentionChoice listed{.kind = choice.kind, .kv_heads = heads};
    const auto& all = space.attention;
    if (std::find(all.begin(), all.end(), listed) != all.end()) return std::nullopt;
    n = heads;
  }
  if (n > heads || heads % n != 0) return std::nullopt;
  return n;
}

Lengths axis_lengths(const Space& space) {
  Lengths lengths;
  for (const Axis axis : all_axes)
    lengths[axis] =
        std::visit([&](auto values) { return (space.*values).size(); }, home_of(axis).values);
  return lengths;
}

std::optional<Index> index_count(const Space& space) {
  Index count = 1;
  for (const std::size_t length : axis_lengths(space).values)
    if (__builtin_mul_overflow(count, static_cast<Index>(length), &count)) return std::nullopt;
  return count;
}

Strides strides_of(const Space& space) {
  const Lengths lengths = axis_lengths(space);
  Strides strides;
  Index stride = 1;
  for (std::size_t a = axis_count; a-- > 0;) {
    strides.values[a] = stride;
    stride *= static_cast<Index>(lengths.values[a]);
  }
  return strides;
}

Index index_of(const Space& space, const Digits& digits) {
  const Strides strides = strides_of(space);
  Index index = 0;
  for (const Axis axis : all_axes) index += strides[axis] * static_cast<Index>(digits[axis]);
  return index;
}

Digits digits_of(const Space& space, Index index) {
  const Strides strides = strides_of(space);
  Digits digits;
  for (const Axis axis : all_axes) {
    digits[axis] = static_cast<std::size_t>(index / strides[axis]);
    index %= strides[axis];
  }
  return digits;
}

std::int64_t expert_ffn_size(double ratio, std::int64_t width, std::int64_t multiple) {
  const auto unit = static_cast<double>(multiple);
  return static_cast<std::int64_t>(std::round(ratio * static_cast<double>(width) / unit)) *
         multiple;
}

std::optional<model::Architecture> architecture_at(const Space& space, const Digits& digits) {
  model::Architecture a;
  a.ffn_sparsity = space.ffn_sparsity;
  a.vocab = space.vocab;
  a.tied = space.tied;
  for (const Axis axis : all_axes) home_of(axis).enter(space, digits[axis], a);
  if (a.heads < 1 || a.expert_ffn < 1 || !valid_routing(a.experts, a.top_k) ||
      (a.attention == model::AttentionKind::gqa && a.kv_heads < 1) ||
      !home_of(Axis::layers).usable(space, digits[Axis::layers]))
    return std::nullopt;
  a = with_windows(space, std::move(a));
  if (space.within && model::extrapolates(*space.within, a)) return std::nullopt;
  return a;
}

std::optional<std::int64_t> heads_at(const Space& space, std::int64_t width) {
  const double heads =
      space.query_ratio * static_cast<double>(width) / static_cast<double>(space.head_dim);
  if (!(heads >= 1.0) || heads != std::floor(heads)) return std::nullopt;
  return static_cast<std::int64_t>(heads);
}

LayerSplit layer_shares(const Space& space) {
  if (!space.window) return {1.0, 0.0};
  const double global = 1.0 / static_cast<double>(space.window->global_every);
  return {global, 1.0 - global};
}

LayerSplit split_layers(const Space& space, std::int64_t layers) {
  const std::int64_t global = space.window ? layers / space.window->global_every : layers;
  return {static_cast<double>(global), static_cast<double>(layers - global)};
}

model::Architecture with_windows(const Space& space, model::Architecture a) {
  if (!space.window || space.window->global_every == 1) return a;
  model::Layers windowed = a;
  a.layers /= space.window->global_every;
  windowed.layers -= a.layers;
  windowed.window = space.window->tokens;
  a.further = {windowed};
  return a;
}

Space whole(Space space) {
  space.within.reset();
  return space;
}

namespace {

/// Does a ratio give an FFN at this width? If it does, so do larger ratios and widths.
bool usable_ratio(const Space& space, double ratio, std::int64_t width) {
  return expert_ffn_size(ratio, width, space.ffn_multiple_of) >= 1;
}

}  // namespace

namespace {

/// FFN blocks of a frame in a range of FFN ratios and activation rates. Along the ratios the first
/// rises and the second falls, as far as rounding lets them.
Index ffn_blocks_within(const Space& space, const Frame& frame, const std::vector<double>& ratios) {
  FfnOption option = ffn_option_of(space, frame);
  auto& a = option.architecture;
  Index blocks = 0;
  for (const std::size_t shared : digits_within(space, Axis::shared))
    for (const auto& routing : expert_options(space)) {
      a.shared_ffn = space.shared_ffn[shared];
      a.experts = routing.experts;
      a.top_k = routing.top_k;
      const auto shape_at = [&](double ratio) {
        a.expert_ffn = expert_ffn_size(ratio, a.width, space.ffn_multiple_of);
        return model::ffn_shape(a);
      };
      const model::LawRange& range = *space.within;
      const auto first = std::partition_point(ratios.begin(), ratios.end(), [&](double ratio) {
        if (!usable_ratio(space, ratio, a.width)) return true;
        const auto shape = shape_at(ratio);
        return (range.ffn_ratio && shape.ffn_ratio() < range.ffn_ratio->lo) ||
               (range.activation_rate && shape.activation_rate() > range.activation_rate->hi);
      });
      const auto end = std::partition_point(first, ratios.end(), [&](double ratio) {
        const auto shape = shape_at(ratio);
        return (!range.ffn_ratio || shape.ffn_ratio() <= range.ffn_ratio->hi) &&
               (!range.activation_rate || shape.activation_rate() >= range.activation_rate->lo);
      });
      blocks += end - first;
    }
  return blocks;
}

/// Where the range bounds the two, blocks are no product of axes.
Index count_in_blocks(const Space& space, const std::vector<double>& ratios) {
  Index points = 0;
  for (const Frame& frame : frames_of(space))
    points += static_cast<Index>(attention_options(space, frame.width_digit).size()) *
              ffn_blocks_within(space, frame, ratios);
  return points * static_cast<Index>(digits_within(space, Axis::layers).size());
}

}  // namespace

Index count_within(const Space& space) {
  std::vector<double> ratios;
  for (const std::size_t digit : digits_within(space, Axis::ratio))
    ratios.push_back(space.expert_ffn_ratio[digit]);
  std::sort(ratios.begin(), ratios.end());
  if (space.within && (space.within->ffn_ratio || space.within->activation_rate))
    return count_in_blocks(space, ratios);
  Index blocks = 0;
  for (const std::size_t w : digits_within(space, Axis::width)) {
    const auto first_usable = std::partition_point(ratios.begin(), ratios.end(), [&](double ratio) {
      return !usable_ratio(space, ratio, space.widths[w]);
    });
    blocks += static_cast<Index>(attention_options(space, w).size()) *
              static_cast<Index>(ratios.end() - first_usable);
  }
  blocks *= static_cast<Index>(expert_options(space).size());
  for (const Axis axis : all_axes) {
    const bool counted = axis == Axis::width || axis == Axis::attention || axis == Axis::ratio ||
                         axis == Axis::experts || axis == Axis::top_k;
    if (!counted) blocks *= static_cast<Index>(digits_within(space, axis).size());
  }
  return blocks;
}

Index valid_count(const Space& space) { return count_within(whole(space)); }

namespace {

constexpr const char* why_unused(Axis axis) {
  switch (axis) {
    case Axis::width:
      return "no combination can use this width: query_ratio * width / head_dim must be whole, it "
             "must have a kv_heads value that divides its heads, and an FFN of at least one unit";
    case Axis::attention:
      return "no width can use it: it must divide the heads of some width";
    case Axis::ratio:
      return "gives an FFN of size 0 at every width";
    case Axis::experts:
      return "no top_k goes with it: dense needs top_k = 1, experts need a smaller top_k";
    case Axis::top_k:
      return "no number of experts goes with it: 1 for dense, fewer than the experts otherwise";
    case Axis::layers:
      return "must be a multiple of window.global_every";
    default:
      return "";  // goes with everything
  }
}

}  // namespace

std::vector<UnusedValue> unused_values(const Space& given) {
  const Space space = whole(given);
  const Lengths lengths = axis_lengths(space);
  PerAxis<std::vector<bool>, struct IsUsed> used;
  for (const Axis axis : all_axes) used[axis].resize(lengths[axis], *why_unused(axis) == '\0');

  const double largest_ratio =
      *std::max_element(space.expert_ffn_ratio.begin(), space.expert_ffn_ratio.end());
  const std::int64_t largest_width = *std::max_element(space.widths.begin(), space.widths.end());
  for (std::size_t r = 0; r < space.expert_ffn_ratio.size(); ++r)
    used[Axis::ratio][r] = usable_ratio(space, space.expert_ffn_ratio[r], largest_width);
  for (std::size_t w = 0; w < space.widths.size(); ++w) {
    const auto attention = attention_options(space, w);
    // Each axis by itself, so that a value is not blamed for a fault of another axis.
    used[Axis::width][w] =
        !attention.empty() && usable_ratio(space, largest_ratio, space.widths[w]);
    for (const auto& option : attention) used[Axis::attention][option.digit] = true;
  }
  for (const auto& routing : expert_options(space)) {
    used[Axis::experts][routing.experts_digit] = true;
    used[Axis::top_k][routing.top_k_digit] = true;
  }

  for (std::size_t digit = 0; digit < space.layers.size(); ++digit)
    used[Axis::layers][digit] = home_of(Axis::layers).usable(space, digit);

  std::vector<UnusedValue> unused;
  for (const Axis axis : all_axes)
    for (std::size_t digit = 0; digit < lengths[axis]; ++digit)
      if (!used[axis][digit]) unused.push_back({axis, digit, why_unused(axis)});
  return unused;
}

}  // namespace rooflaw::search
