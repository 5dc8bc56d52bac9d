#include "rooflaw/search/space/lattice.hpp"

#include <algorithm>
#include <numeric>

namespace rooflaw::search {

Lattice::Lattice(const Space& space) : space_(space) {
  const Lengths lengths = axis_lengths(space);
  for (const Axis axis : all_axes) {
    const auto key_of = home_of(axis).key_of;
    std::vector<AxisKey> keys(lengths[axis]);
    for (std::size_t d = 0; d < keys.size(); ++d) keys[d] = key_of(space, d);
    auto& order = order_[axis];
    order.resize(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    place_of_[axis].resize(order.size());
    for (std::size_t p = 0; p < order.size(); ++p) {
      place_of_[axis][order[p]] = p;
      keys_[axis].push_back(keys[order[p]]);
    }
  }
}

Digits Lattice::digits_at(const Places& places) const {
  Digits digits;
  for (const Axis axis : all_axes) digits[axis] = order_[axis][places[axis]];
  return digits;
}

std::size_t Lattice::least_equal_ratio(std::size_t width_digit, std::size_t place) const {
  const auto& order = order_[Axis::ratio];
  const auto size = [&](std::size_t p) {
    return expert_ffn_size(space_.expert_ffn_ratio[order[p]], space_.widths[width_digit],
                           space_.ffn_multiple_of);
  };
  const std::int64_t wanted = size(place);
  std::size_t least = order[place];
  for (std::size_t p = place; p-- > 0 && size(p) == wanted;) least = std::min(least, order[p]);
  for (std::size_t p = place + 1; p < order.size() && size(p) == wanted; ++p)
    least = std::min(least, order[p]);
  return least;
}

std::optional<LatticePoint> Lattice::point(Places places) const {
  auto a = architecture_at(space_, digits_at(places));
  if (!a) {
    const auto value = [&](Axis axis) { return keys_[axis][places[axis]].number; };
    auto& top_k = places[Axis::top_k];
    while (top_k > 0 && !valid_routing(static_cast<std::int64_t>(value(Axis::experts)),
                                       static_cast<std::int64_t>(value(Axis::top_k))))
      --top_k;
    a = architecture_at(space_, digits_at(places));
    auto& attention = places[Axis::attention];
    const int kind = keys_[Axis::attention][attention].group;
    while (!a && attention > 0 && keys_[Axis::attention][attention - 1].group == kind) {
      --attention;
      a = architecture_at(space_, digits_at(places));
    }
  }
  if (!a) return std::nullopt;
  Digits digits = digits_at(places);
  digits[Axis::ratio] = least_equal_ratio(digits[Axis::width], places[Axis::ratio]);
  return LatticePoint{places, index_of(space_, digits), *a};
}

LatticePoint Lattice::at(Index index) const {
  const Digits digits = digits_of(space_, index);
  Places places;
  for (const Axis axis : all_axes) places[axis] = place_of_[axis][digits[axis]];
  return {places, index, *architecture_at(space_, digits)};
}

Lattice::Neighbours Lattice::around(Axis axis, const AxisKey& key) const {
  const auto& keys = keys_[axis];
  const auto after = std::upper_bound(keys.begin(), keys.end(), key);
  const bool has_above = after != keys.end() && after->group == key.group;
  const bool has_below = after != keys.begin() && std::prev(after)->group == key.group;
  const auto above = static_cast<std::size_t>(after - keys.begin());
  if (has_below) return {above - 1, has_above ? above : above - 1};
  const std::size_t first = has_above ? above : 0;
  return {first, first};
}

Places Lattice::places_near(const model::Architecture& a) const {
  Places places;
  for (const Axis axis : all_axes) {
    const AxisHome& home = home_of(axis);
    const auto& keys = keys_[axis];
    const auto has_value = [&](std::size_t place) {
      model::Architecture same = a;
      home.enter(space_, order_[axis][place], same);
      return same == a;
    };
    bool found = false;
    for (const auto& [lo, hi] : home.keys_of(space_, a)) {
      if (found) break;
      places[axis] = around(axis, hi).below;
      auto p =
          static_cast<std::size_t>(std::lower_bound(keys.begin(), keys.end(), lo) - keys.begin());
      for (; p < keys.size() && keys[p] <= hi && !found; ++p)
        if ((found = has_value(p))) places[axis] = p;
    }
  }
  return places;
}

std::optional<LatticePoint> Lattice::find(const model::Architecture& a) const {
  const Places places = places_near(a);
  if (architecture_at(space_, digits_at(places)) != a) return std::nullopt;
  return point(places);
}

}  // namespace rooflaw::search
