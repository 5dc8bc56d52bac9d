#include "rooflaw/search/space/axes.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::search {

using model::Architecture;
using model::AttentionKind;
using model::LawRange;

namespace {

constexpr double largest_size = 1e9;
using Keys = std::vector<std::pair<AxisKey, AxisKey>>;

// Axes of numbers: the value as it stands in the list, and in an architecture.
template <auto member>
AxisKey number_key(const Space& space, std::size_t digit) {
  return {0, static_cast<double>((space.*member)[digit])};
}
template <auto field>
Keys number_keys(const Space&, const Architecture& a) {
  const AxisKey key{0, static_cast<double>(a.*field)};
  return {{key, key}};
}
template <auto member, auto field>
void enter_number(const Space& space, std::size_t digit, Architecture& a) {
  a.*field = (space.*member)[digit];
}
template <auto field>
double log_of(const Architecture& a) {
  return natural_log(static_cast<double>(a.*field));
}

AxisStep ones(const Space&) { return {}; }
AxisStep whole_periods(const Space& space) {
  return {.unit = space.window ? space.window->global_every : 1};
}
/// The least width with a whole number of heads: multiples of it have that, too.
AxisStep whole_heads(const Space& space) {
  for (std::int64_t width = 1; width < space.head_dim; ++width)
    if (heads_at(space, width)) return {.unit = width};
  return {.unit = space.head_dim};
}
AxisStep whole_ffn_units(const Space& space) { return {.unit = space.ffn_multiple_of}; }
// FFNs are finest at the largest width.
AxisStep units_of_the_widest(const Space& space) {
  const auto& widths = space.widths;
  const auto widest = std::max_element(widths.begin(), widths.end());
  return {.unit = space.ffn_multiple_of, .per = widest == widths.end() ? 1 : *widest};
}

template <class T>
void merge_into(std::vector<T>& axis, const std::vector<T>& more) {
  axis.insert(axis.end(), more.begin(), more.end());
  std::sort(axis.begin(), axis.end());
  axis.erase(std::unique(axis.begin(), axis.end()), axis.end());
}

/// What lies between the ends of a list, by the least multiple of `step` that makes at most `most`.
template <class T>
void fill_in(std::vector<T>& axis, AxisStep step, std::int64_t most) {
  const auto [lo, hi] = std::minmax_element(axis.begin(), axis.end());
  const double steps = static_cast<double>(*hi - *lo) * static_cast<double>(step.per) /
                       static_cast<double>(step.unit);
  step.unit *= std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(steps / static_cast<double>(most))));
  merge_into(axis, sizes_between(*lo, *hi, step));
}

template <auto member>
void fill_in_numbers(const AxisHome& home, const Space& space, std::int64_t most, Space& fine) {
  fill_in(fine.*member, home.step(space), most);
}

// The attention axis.

void enter_attention(const Space& space, std::size_t digit, Architecture& a) {
  const AttentionChoice& choice = space.attention[digit];
  a.attention = choice.kind;
  a.mla = choice.mla;
  const bool gqa = choice.kind == AttentionKind::gqa;
  a.head_dim = gqa ? space.head_dim : 0;
  // 0 is no architecture.
  a.kv_heads = gqa ? kv_heads_at(space, choice, a.heads).value_or(0) : 0;
}

AxisKey attention_key(const AttentionChoice& choice) {
  const int group = static_cast<int>(choice.kind);
  if (choice.kind == AttentionKind::mla)  // elements cached per token
    return {group, static_cast<double>(choice.mla.kv_lora_rank + choice.mla.qk_rope_head_dim)};
  return {group,
          choice.kv_heads == model::all_heads ? infinity : static_cast<double>(choice.kv_heads)};
}

Keys attention_keys(const Space&, const Architecture& a) {
  const AxisKey key = attention_key({.kind = a.attention, .kv_heads = a.kv_heads, .mla = a.mla});
  if (a.attention == AttentionKind::mla) return {{key, key}};
  const AxisKey heads{key.group, infinity};
  return {{key, key}, {heads, heads}};
}

/// KV heads between those listed; ranks stay. A list of nothing but "heads" stays one; beside
/// numbers it stands for those of all widths.
void fill_in_kv_heads(const AxisHome&, const Space& space, std::int64_t most, Space& fine) {
  std::vector<std::int64_t> numbers;
  std::vector<model::MlaRanks> ranks;
  bool heads = false;
  for (const auto& choice : space.attention)
    if (choice.kind == AttentionKind::mla)
      ranks.push_back(choice.mla);
    else if (choice.kv_heads == model::all_heads)
      heads = true;
    else
      numbers.push_back(choice.kv_heads);
  if (numbers.empty()) return;
  if (heads)
    for (const auto width : space.widths)
      if (const auto n = heads_at(space, width)) numbers.push_back(*n);
  fill_in(numbers, {}, most);
  fine.attention = gqa_choices(numbers);
  const auto latent = mla_choices(ranks);
  fine.attention.insert(fine.attention.end(), latent.begin(), latent.end());
}

// FFN ratios: rounding may have put the ratio that made an FFN on either side.
Keys ratio_keys(const Space& space, const Architecture& a) {
  const auto width = static_cast<double>(a.width);
  const double half = 0.5 * (1.0 + 1e-9) * static_cast<double>(space.ffn_multiple_of) / width;
  const double ratio = static_cast<double>(a.expert_ffn) / width;
  return {{{0, ratio - half}, {0, ratio + half}}};
}

constexpr AxisHome ffn_home{
    .key = "ffn",
    .default_text = "[\"gated\"]",
    .meaning = "list of `\"gated\"`, `\"plain\"`",
    .block = AxisBlock::frame,
    .values = &Space::ffn,
    .enter = enter_number<&Space::ffn, &Architecture::ffn>,
    .key_of = [](const Space& space, std::size_t digit) -> AxisKey {
      return {static_cast<int>(space.ffn[digit]), 0};
    },
    .keys_of = [](const Space&, const Architecture& a) -> Keys {
      const AxisKey key{static_cast<int>(a.ffn), 0};
      return {{key, key}};
    },
    .in_range =
        [](const LawRange& range, const Space& space, std::size_t digit) {
          return !range.ffn || std::find(range.ffn->begin(), range.ffn->end(), space.ffn[digit]) !=
                                   range.ffn->end();
        },
    .law_variable = model::LawVariable::ffn_ratio,
    .features = {[](const Architecture& a) { return a.ffn == model::FfnKind::plain ? 1.0 : 0.0; }}};

constexpr AxisHome width_home{
    .key = "widths",
    .meaning =
        "axis of whole numbers: hidden sizes; `query_ratio` × width / `head_dim` must be whole",
    .block = AxisBlock::frame,
    .values = &Space::widths,
    .required = true,
    .least = 1,
    .most = largest_size,
    .step = whole_heads,
    .enter =
        [](const Space& space, std::size_t digit, Architecture& a) {
          a.width = space.widths[digit];
          a.heads = heads_at(space, a.width).value_or(0);
        },
    .key_of = number_key<&Space::widths>,
    .keys_of = number_keys<&Architecture::width>,
    .in_range =
        [](const LawRange& range, const Space& space, std::size_t digit) {
          return model::width_in_range(range, static_cast<double>(space.widths[digit]));
        },
    .law_variable = model::LawVariable::width,
    .features = {log_of<&Architecture::width>},
    .fill_in = fill_in_numbers<&Space::widths>,
    .coarse = 12,
    .medium = 48};

constexpr AxisHome attention_home{
    .key = "attention",
    .default_text = "[\"gqa\"]",
    .meaning =
        "list of `\"gqa\"`, `\"mla\"`: an axis of what `kv_heads` lists for the one and `mla` for "
        "the other",
    .block = AxisBlock::attention,
    .values = &Space::attention,
    .enter = enter_attention,
    .key_of = [](const Space& space,
                 std::size_t digit) { return attention_key(space.attention[digit]); },
    .keys_of = attention_keys,
    .law_variable = model::LawVariable::kv_dim,
    .features = {
        [](const Architecture& a) {
          return natural_log(model::attention_shape(a, a.width).kv_dim());
        },
        [](const Architecture& a) {
          const auto d = static_cast<double>(a.width);
          return a.attention == AttentionKind::mla
                     ? natural_log(model::attention_shape(a, a.width).weights() / (d * d))
                     : 0.0;
        },
        [](const Architecture& a) { return a.attention == AttentionKind::mla ? 1.0 : 0.0; }},
    .fill_in = fill_in_kv_heads};

constexpr AxisHome ratio_home{
    .key = "expert_ffn_ratio",
    .meaning =
        "axis; size of one expert = round(ratio × width / `ffn_multiple_of`) × `ffn_multiple_of`, "
        "half away from zero",
    .block = AxisBlock::ffn,
    .values = &Space::expert_ffn_ratio,
    .required = true,
    .least = 0,
    .least_included = false,
    .most = 1e6,
    .step = units_of_the_widest,
    .enter =
        [](const Space& space, std::size_t digit, Architecture& a) {
          a.expert_ffn =
              expert_ffn_size(space.expert_ffn_ratio[digit], a.width, space.ffn_multiple_of);
        },
    .key_of = number_key<&Space::expert_ffn_ratio>,
    .keys_of = ratio_keys,
    .law_variable = model::LawVariable::ffn_ratio,
    .features = {[](const Architecture& a) {
      return natural_log(static_cast<double>(a.expert_ffn) / static_cast<double>(a.width));
    }},
    .fill_in = fill_in_numbers<&Space::expert_ffn_ratio>,
    .monotone = true,
    .coarse = 12,
    .medium = 96};

constexpr AxisHome shared_home{
    .key = "shared_ffn",
    .default_text = "[0]",
    .meaning = "axis of whole numbers: hidden size of all shared experts together",
    .block = AxisBlock::ffn,
    .values = &Space::shared_ffn,
    .least = 0,
    .most = largest_size,
    .step = whole_ffn_units,
    .enter = enter_number<&Space::shared_ffn, &Architecture::shared_ffn>,
    .key_of = number_key<&Space::shared_ffn>,
    .keys_of = number_keys<&Architecture::shared_ffn>,
    .in_range =
        [](const LawRange& range, const Space& space, std::size_t digit) {
          return !range.shared_ffn ||
                 range.shared_ffn->contains(static_cast<double>(space.shared_ffn[digit]));
        },
    .law_variable = model::LawVariable::ffn_ratio,
    .features = {[](const Architecture& a) {
      return log_one_plus(static_cast<double>(a.shared_ffn) / static_cast<double>(a.width));
    }}};

constexpr AxisHome experts_home{.key = "experts",
                                .meaning = "axis of whole numbers; 1 is a dense FFN",
                                .block = AxisBlock::ffn,
                                .values = &Space::experts,
                                .required = true,
                                .least = 1,
                                .most = largest_size,
                                .step = ones,
                                .enter = enter_number<&Space::experts, &Architecture::experts>,
                                .key_of = number_key<&Space::experts>,
                                .keys_of = number_keys<&Architecture::experts>,
                                .law_variable = model::LawVariable::activation_rate,
                                .features = {log_of<&Architecture::experts>},
                                .fill_in = fill_in_numbers<&Space::experts>,
                                .monotone = true,
                                .coarse = 8,
                                .medium = 24};

constexpr AxisHome top_k_home{.key = "top_k",
                              .meaning = "axis of whole numbers: experts per token",
                              .block = AxisBlock::ffn,
                              .values = &Space::top_k,
                              .required = true,
                              .least = 1,
                              .most = largest_size,
                              .step = ones,
                              .enter = enter_number<&Space::top_k, &Architecture::top_k>,
                              .key_of = number_key<&Space::top_k>,
                              .keys_of = number_keys<&Architecture::top_k>,
                              .law_variable = model::LawVariable::ffn_ratio,
                              .features = {log_of<&Architecture::top_k>},
                              .fill_in = fill_in_numbers<&Space::top_k>};

constexpr AxisHome layers_home{
    .key = "layers",
    .meaning = "axis of whole numbers",
    .block = AxisBlock::depth,
    .values = &Space::layers,
    .required = true,
    .least = 1,
    .most = largest_size,
    .step = whole_periods,
    .enter = enter_number<&Space::layers, &Architecture::layers>,
    .key_of = number_key<&Space::layers>,
    .keys_of = [](const Space&, const Architecture& a) -> Keys {
      const AxisKey key{0, static_cast<double>(model::depth(a))};
      return {{key, key}};
    },
    .usable =
        [](const Space& space, std::size_t digit) {
          return !space.window || space.layers[digit] % space.window->global_every == 0;
        },
    .in_range =
        [](const LawRange& range, const Space& space, std::size_t digit) {
          return model::layers_in_range(range, static_cast<double>(space.layers[digit]));
        },
    .law_variable = model::LawVariable::layers,
    .features = {[](const Architecture& a) {
      return natural_log(static_cast<double>(model::depth(a)));
    }},
    .fill_in = fill_in_numbers<&Space::layers>,
    .coarse = 24,
    .medium = 64};

// In the order of Axis.
constexpr std::array<AxisHome, axis_count> homes{ffn_home,   width_home,  attention_home,
                                                 ratio_home, shared_home, experts_home,
                                                 top_k_home, layers_home};

}  // namespace

const AxisHome& home_of(Axis axis) { return homes[static_cast<std::size_t>(axis)]; }

std::vector<AxisFeature> features_of_axes() {
  std::vector<AxisFeature> all;
  for (const auto& home : homes)
    for (const AxisFeature feature : home.features)
      if (feature != nullptr) all.push_back(feature);
  return all;
}

double number_at(const Space& space, Axis axis, std::size_t digit) {
  return home_of(axis).key_of(space, digit).number;
}

std::vector<double> numbers_of(const Space& space, Axis axis) {
  std::vector<double> numbers(axis_lengths(space)[axis]);
  for (std::size_t d = 0; d < numbers.size(); ++d) numbers[d] = number_at(space, axis, d);
  return numbers;
}

std::vector<std::int64_t> sizes_between(std::int64_t lo, std::int64_t hi, const AxisStep& step) {
  std::vector<std::int64_t> values;
  for (std::int64_t x = (lo + step.unit - 1) / step.unit * step.unit; x <= hi; x += step.unit)
    values.push_back(x);
  return values;
}

std::vector<double> sizes_between(double lo, double hi, const AxisStep& step) {
  const auto per = static_cast<double>(step.per);
  const auto unit = static_cast<double>(step.unit);
  std::vector<double> values{lo};
  for (double k = std::floor(lo * per / unit) + 1.0; k * unit < hi * per; k += 1.0)
    values.push_back(k * unit / per);
  if (hi > values.back()) values.push_back(hi);
  return values;
}

}  // namespace rooflaw::search
