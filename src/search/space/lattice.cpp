#include "rooflaw/search/space/lattice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/shape.hpp"

namespace rooflaw::search {

namespace {

constexpr std::size_t at_axis(Axis axis) { return static_cast<std::size_t>(axis); }

/// Digits of an axis sorted by value; equal values stay in the order of digits.
std::vector<std::size_t> sorted_digits(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

template <class T>
std::vector<double> numbers(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> kv_values(const Space& space) {
  std::vector<double> values;
  for (const auto heads : space.kv_heads)
    values.push_back(heads == model::all_heads ? std::numeric_limits<double>::infinity()
                                               : static_cast<double>(heads));
  return values;
}

std::vector<double> cache_sizes(const Space& space) {
  std::vector<double> values;
  for (const auto& m : space.mla)
    values.push_back(static_cast<double>(m.kv_lora_rank + m.qk_rope_head_dim));
  return values;
}

}  // namespace

Lattice::Lattice(const Question& question)
    : question_(question),
      lengths_(axis_lengths(question.space)),
      order_(axis_count),
      values_(axis_count) {
  const Space& space = question.space;
  const auto set_axis = [&](Axis axis, const std::vector<double>& values) {
    auto& order = order_[at_axis(axis)];
    order = sorted_digits(values);
    for (const std::size_t d : order) values_[at_axis(axis)].push_back(values[d]);
  };
  set_axis(Axis::width, numbers(space.widths));
  set_axis(Axis::kv, kv_values(space));
  set_axis(Axis::ratio, space.expert_ffn_ratio);
  set_axis(Axis::shared, numbers(space.shared_ffn));
  set_axis(Axis::experts, numbers(space.experts));
  set_axis(Axis::top_k, numbers(space.top_k));
  set_axis(Axis::layers, numbers(space.layers));
  mla_order_ = sorted_digits(cache_sizes(space));
}

std::size_t Lattice::digit(Axis axis, const Places& places) const {
  const std::size_t place = places[at_axis(axis)];
  if (axis == Axis::attention || axis == Axis::ffn) return place;
  const bool mla =
      axis == Axis::kv &&
      question_.space.attention[places[at_axis(Axis::attention)]] == model::AttentionKind::mla;
  const auto& order = mla ? mla_order_ : order_[at_axis(axis)];
  return order[std::min(place, order.size() - 1)];
}

std::optional<model::Architecture> Lattice::architecture(const Places& places,
                                                         Digits& digits) const {
  for (std::size_t a = 0; a < axis_count; ++a) digits[a] = digit(static_cast<Axis>(a), places);
  return architecture_at(question_.space, digits);
}

std::size_t Lattice::least_equal_ratio(std::size_t width_digit, std::size_t place) const {
  const Space& space = question_.space;
  const auto& order = order_[at_axis(Axis::ratio)];
  const auto size = [&](std::size_t p) {
    return expert_ffn_size(space.expert_ffn_ratio[order[p]], space.widths[width_digit],
                           space.ffn_multiple_of);
  };
  const std::int64_t wanted = size(place);
  std::size_t least = order[place];
  for (std::size_t p = place; p-- > 0 && size(p) == wanted;) least = std::min(least, order[p]);
  for (std::size_t p = place + 1; p < order.size() && size(p) == wanted; ++p)
    least = std::min(least, order[p]);
  return least;
}

std::optional<LatticePoint> Lattice::point(Places places) const {
  const Space& space = question_.space;
  Digits digits{};
  auto& kv = places[at_axis(Axis::kv)];
  const std::size_t kinds =
      space.attention[places[at_axis(Axis::attention)]] == model::AttentionKind::mla
          ? mla_order_.size()
          : order_[at_axis(Axis::kv)].size();
  kv = std::min(kv, kinds - 1);
  auto a = architecture(places, digits);
  const auto lower_until = [&](Axis axis, auto holds) {
    auto& place = places[at_axis(axis)];
    while (place > 0 && !holds()) --place;
  };
  if (!a) {
    lower_until(Axis::top_k, [&] {
      return valid_routing(space.experts[digit(Axis::experts, places)],
                           space.top_k[digit(Axis::top_k, places)]);
    });
    lower_until(Axis::kv, [&] { return (a = architecture(places, digits)).has_value(); });
    if (!a) a = architecture(places, digits);
  }
  if (!a) return std::nullopt;
  if (question_.enforce_range && model::extrapolates(question_.law.range, *a)) return std::nullopt;
  digits[at_axis(Axis::ratio)] =
      least_equal_ratio(digits[at_axis(Axis::width)], places[at_axis(Axis::ratio)]);
  return LatticePoint{places, index_of(space, digits), *a};
}

LatticePoint Lattice::at(Index index) const {
  const Digits digits = digits_of(question_.space, index);
  Places places = digits;
  const auto place_in = [](const std::vector<std::size_t>& order, std::size_t d) {
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), d) - order.begin());
  };
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    if (order_[axis].empty() && axis != at_axis(Axis::kv)) continue;
    const bool mla =
        axis == at_axis(Axis::kv) &&
        question_.space.attention[digits[at_axis(Axis::attention)]] == model::AttentionKind::mla;
    places[axis] = place_in(mla ? mla_order_ : order_[axis], digits[axis]);
  }
  return {places, index, *architecture_at(question_.space, digits)};
}

std::size_t Lattice::place_below(Axis axis, double value) const {
  const auto& values = values_[at_axis(axis)];
  const auto after = std::upper_bound(values.begin(), values.end(), value);
  return after == values.begin() ? 0 : static_cast<std::size_t>(after - values.begin()) - 1;
}

std::size_t Lattice::mla_place(const model::MlaRanks& ranks) const {
  const auto place = std::find_if(mla_order_.begin(), mla_order_.end(),
                                  [&](std::size_t d) { return question_.space.mla[d] == ranks; });
  return static_cast<std::size_t>(place - mla_order_.begin());
}

std::optional<LatticePoint> Lattice::find(const model::Architecture& a) const {
  const Space& space = question_.space;
  Places places{};
  const auto kind = std::find(space.attention.begin(), space.attention.end(), a.attention);
  const auto ffn = std::find(space.ffn.begin(), space.ffn.end(), a.ffn);
  if (kind == space.attention.end() || ffn == space.ffn.end()) return std::nullopt;
  places[at_axis(Axis::attention)] = static_cast<std::size_t>(kind - space.attention.begin());
  places[at_axis(Axis::ffn)] = static_cast<std::size_t>(ffn - space.ffn.begin());
  const auto set = [&](Axis axis, auto value) {
    places[at_axis(axis)] = place_below(axis, static_cast<double>(value));
  };
  set(Axis::layers, a.layers);
  set(Axis::width, a.width);
  set(Axis::shared, a.shared_ffn);
  set(Axis::experts, a.experts);
  set(Axis::top_k, a.top_k);
  // Rounding may have put the ratio that made this FFN on either side.
  const double unit = static_cast<double>(space.ffn_multiple_of);
  const double half = 0.5 * unit / static_cast<double>(a.width);
  const double ratio = static_cast<double>(a.expert_ffn) / static_cast<double>(a.width);
  const std::size_t first = place_below(Axis::ratio, ratio - half);
  const std::size_t last = place_below(Axis::ratio, ratio + half);
  for (std::size_t r = first; r <= last; ++r) {
    places[at_axis(Axis::ratio)] = r;
    if (a.attention == model::AttentionKind::mla) {
      places[at_axis(Axis::kv)] = mla_place(a.mla);
      if (const auto p = point(places); p && p->architecture == a) return p;
    } else {
      for (const double kv :
           {static_cast<double>(a.kv_heads), std::numeric_limits<double>::infinity()}) {
        places[at_axis(Axis::kv)] = place_below(Axis::kv, kv);
        if (const auto p = point(places); p && p->architecture == a) return p;
      }
    }
  }
  return std::nullopt;
}

}  // namespace rooflaw::search
