#include "rooflaw/search/space/space.hpp"

#include <algorithm>
#include <cmath>

namespace rooflaw::search {

using model::AttentionKind;

namespace {

constexpr std::size_t at(Axis axis) { return static_cast<std::size_t>(axis); }

/// Does `width` split into whole heads?
bool whole_heads(const Space& space, std::int64_t width) { return width % space.head_dim == 0; }

/// What a digit of the kv axis means for a kind at a number of heads; nullopt where it is invalid.
std::optional<AttentionOption> kv_option(const Space& space, AttentionKind kind, std::size_t digit,
                                         std::int64_t heads) {
  AttentionOption option{.kv_digit = digit, .kind = kind, .heads = heads};
  if (kind == AttentionKind::mla) {
    if (digit >= space.mla.size()) return std::nullopt;
    option.mla = space.mla[digit];
    return option;
  }
  if (digit >= space.kv_heads.size()) return std::nullopt;
  option.kv_heads = space.kv_heads[digit];
  if (option.kv_heads == model::all_heads) {
    const auto& listed = space.kv_heads;
    if (std::find(listed.begin(), listed.end(), heads) != listed.end()) return std::nullopt;
    option.kv_heads = heads;
  }
  if (option.kv_heads > heads || heads % option.kv_heads != 0) return std::nullopt;
  return option;
}

}  // namespace

bool valid_routing(std::int64_t experts, std::int64_t top_k) {
  return experts == 1 ? top_k == 1 : top_k < experts;
}

Digits axis_lengths(const Space& space) {
  return {space.attention.size(),
          space.ffn.size(),
          space.widths.size(),
          std::max({space.kv_heads.size(), space.mla.size(), std::size_t{1}}),
          space.expert_ffn_ratio.size(),
          space.shared_ffn.size(),
          space.experts.size(),
          space.top_k.size(),
          space.layers.size()};
}

std::optional<Index> index_count(const Space& space) {
  Index count = 1;
  for (const std::size_t length : axis_lengths(space))
    if (__builtin_mul_overflow(count, static_cast<Index>(length), &count)) return std::nullopt;
  return count;
}

Index index_of(const Space& space, const Digits& digits) {
  const Digits lengths = axis_lengths(space);
  Index index = 0;
  for (std::size_t a = 0; a < axis_count; ++a)
    index = index * static_cast<Index>(lengths[a]) + static_cast<Index>(digits[a]);
  return index;
}

Digits digits_of(const Space& space, Index index) {
  const Digits lengths = axis_lengths(space);
  Digits digits{};
  for (std::size_t a = axis_count; a-- > 0;) {
    const auto length = static_cast<Index>(lengths[a]);
    digits[a] = static_cast<std::size_t>(index % length);
    index /= length;
  }
  return digits;
}

Index index_share(const Space& space, Axis axis, std::size_t digit) {
  Digits digits{};
  digits[at(axis)] = digit;
  return index_of(space, digits);
}

std::int64_t expert_ffn_size(double ratio, std::int64_t width, std::int64_t multiple) {
  const auto unit = static_cast<double>(multiple);
  return static_cast<std::int64_t>(std::round(ratio * static_cast<double>(width) / unit)) *
         multiple;
}

std::vector<std::int64_t> multiples_between(std::int64_t lo, std::int64_t hi, std::int64_t unit) {
  std::vector<std::int64_t> values;
  for (std::int64_t x = (lo + unit - 1) / unit * unit; x <= hi; x += unit) values.push_back(x);
  return values;
}

std::vector<double> ratios_between(double lo, double hi, std::int64_t unit,
                                   std::int64_t largest_width) {
  // Steps of one unit at the largest width are at most one unit at any other.
  const auto width = static_cast<double>(largest_width);
  const auto size = static_cast<double>(unit);
  std::vector<double> values{lo};
  for (double k = std::floor(lo * width / size) + 1.0; k * size < hi * width; k += 1.0)
    values.push_back(k * size / width);
  if (hi > values.back()) values.push_back(hi);
  return values;
}

std::vector<AttentionOption> attention_options(const Space& space, std::size_t width_digit) {
  std::vector<AttentionOption> options;
  const std::int64_t width = space.widths[width_digit];
  if (!whole_heads(space, width)) return options;
  const Digits lengths = axis_lengths(space);
  for (std::size_t kind = 0; kind < lengths[at(Axis::attention)]; ++kind) {
    for (std::size_t kv = 0; kv < lengths[at(Axis::kv)]; ++kv) {
      auto option = kv_option(space, space.attention[kind], kv, width / space.head_dim);
      if (!option) continue;
      option->kind_digit = kind;
      option->index = index_share(space, Axis::attention, kind) + index_share(space, Axis::kv, kv);
      options.push_back(*option);
    }
  }
  return options;
}

std::vector<ExpertOption> expert_options(const Space& space) {
  std::vector<ExpertOption> options;
  for (std::size_t e = 0; e < space.experts.size(); ++e)
    for (std::size_t k = 0; k < space.top_k.size(); ++k)
      if (valid_routing(space.experts[e], space.top_k[k]))
        options.push_back(
            {.index = index_share(space, Axis::experts, e) + index_share(space, Axis::top_k, k),
             .experts_digit = e,
             .top_k_digit = k,
             .experts = space.experts[e],
             .top_k = space.top_k[k]});
  return options;
}

std::size_t ffn_option_count(const Space& space, const std::vector<ExpertOption>& routings) {
  return space.expert_ffn_ratio.size() * space.shared_ffn.size() * routings.size();
}

std::optional<FfnOption> ffn_option(const Space& space, const std::vector<ExpertOption>& routings,
                                    std::size_t width_digit, std::size_t number) {
  FfnOption option;
  option.routing = routings[number % routings.size()];
  number /= routings.size();
  option.shared_digit = number % space.shared_ffn.size();
  option.ratio_digit = number / space.shared_ffn.size();
  option.shared_ffn = space.shared_ffn[option.shared_digit];
  option.expert_ffn = expert_ffn_size(space.expert_ffn_ratio[option.ratio_digit],
                                      space.widths[width_digit], space.ffn_multiple_of);
  if (option.expert_ffn < 1) return std::nullopt;
  option.index = index_share(space, Axis::ratio, option.ratio_digit) +
                 index_share(space, Axis::shared, option.shared_digit) + option.routing.index;
  return option;
}

std::optional<model::Architecture> architecture_at(const Space& space, const Digits& digits) {
  const std::int64_t width = space.widths[digits[at(Axis::width)]];
  const std::int64_t experts = space.experts[digits[at(Axis::experts)]];
  const std::int64_t top_k = space.top_k[digits[at(Axis::top_k)]];
  const std::int64_t expert_ffn = expert_ffn_size(space.expert_ffn_ratio[digits[at(Axis::ratio)]],
                                                  width, space.ffn_multiple_of);
  if (!whole_heads(space, width) || !valid_routing(experts, top_k) || expert_ffn < 1)
    return std::nullopt;
  const auto attention = kv_option(space, space.attention[digits[at(Axis::attention)]],
                                   digits[at(Axis::kv)], width / space.head_dim);
  if (!attention) return std::nullopt;
  return model::Architecture{.layers = space.layers[digits[at(Axis::layers)]],
                             .width = width,
                             .heads = attention->heads,
                             .attention = attention->kind,
                             .head_dim = attention->kind == AttentionKind::gqa ? space.head_dim : 0,
                             .kv_heads = attention->kv_heads,
                             .mla = attention->mla,
                             .ffn = space.ffn[digits[at(Axis::ffn)]],
                             .expert_ffn = expert_ffn,
                             .experts = experts,
                             .top_k = top_k,
                             .shared_ffn = space.shared_ffn[digits[at(Axis::shared)]],
                             .ffn_sparsity = space.ffn_sparsity,
                             .vocab = space.vocab,
                             .tied = space.tied};
}

namespace {
/// Does a ratio give an FFN at this width? If it does, so do larger ratios and widths.
bool usable_ratio(const Space& space, double ratio, std::int64_t width) {
  return expert_ffn_size(ratio, width, space.ffn_multiple_of) >= 1;
}
}  // namespace

Index valid_count(const Space& space) {
  auto ratios = space.expert_ffn_ratio;
  std::sort(ratios.begin(), ratios.end());
  Index per_width = 0;
  for (std::size_t w = 0; w < space.widths.size(); ++w) {
    const auto first_usable = std::partition_point(ratios.begin(), ratios.end(), [&](double ratio) {
      return !usable_ratio(space, ratio, space.widths[w]);
    });
    per_width += static_cast<Index>(attention_options(space, w).size()) *
                 static_cast<Index>(ratios.end() - first_usable);
  }
  return per_width * static_cast<Index>(space.ffn.size() * space.shared_ffn.size() *
                                        expert_options(space).size() * space.layers.size());
}

std::vector<UnusedValue> unused_values(const Space& space) {
  const Digits lengths = axis_lengths(space);
  std::vector<std::vector<bool>> used(axis_count);
  for (std::size_t a = 0; a < axis_count; ++a) used[a].resize(lengths[a], false);

  const double largest_ratio =
      *std::max_element(space.expert_ffn_ratio.begin(), space.expert_ffn_ratio.end());
  const std::int64_t largest_width = *std::max_element(space.widths.begin(), space.widths.end());
  for (std::size_t r = 0; r < space.expert_ffn_ratio.size(); ++r)
    used[at(Axis::ratio)][r] = usable_ratio(space, space.expert_ffn_ratio[r], largest_width);

  const auto routings = expert_options(space);
  std::vector<bool> mla_used(space.mla.size(), false);
  std::vector<bool> heads_used(space.kv_heads.size(), false);
  for (std::size_t w = 0; w < space.widths.size(); ++w) {
    const auto attention = attention_options(space, w);
    // Each axis by itself, so that a value is not blamed for a fault of another axis.
    used[at(Axis::width)][w] =
        !attention.empty() && usable_ratio(space, largest_ratio, space.widths[w]);
    for (const auto& option : attention) {
      used[at(Axis::attention)][option.kind_digit] = true;
      (option.kind == AttentionKind::mla ? mla_used : heads_used)[option.kv_digit] = true;
    }
  }
  for (const auto& routing : routings) {
    used[at(Axis::experts)][routing.experts_digit] = true;
    used[at(Axis::top_k)][routing.top_k_digit] = true;
  }

  std::vector<UnusedValue> unused;
  const auto report = [&](Axis axis, const std::vector<bool>& flags, const char* why,
                          bool of_mla = false) {
    for (std::size_t digit = 0; digit < flags.size(); ++digit)
      if (!flags[digit]) unused.push_back({axis, of_mla, digit, why});
  };
  report(Axis::attention, used[at(Axis::attention)],
         "no width has an attention block of this kind");
  report(Axis::width, used[at(Axis::width)],
         "no combination can use this width: it must be a multiple of head_dim, have a kv_heads "
         "value that divides its heads, and an FFN of at least one unit");
  constexpr auto no_kv =
      "no width can use it: it must divide the heads of some width, and the "
      "attention axis must have its kind";
  report(Axis::kv, heads_used, no_kv);
  report(Axis::kv, mla_used, no_kv, true);
  report(Axis::ratio, used[at(Axis::ratio)], "gives an FFN of size 0 at every width");
  report(Axis::experts, used[at(Axis::experts)],
         "no top_k goes with it: dense needs top_k = 1, experts need a smaller top_k");
  report(Axis::top_k, used[at(Axis::top_k)],
         "no number of experts goes with it: 1 for dense, fewer than the experts otherwise");
  return unused;
}

}  // namespace rooflaw::search
