#include "rooflaw/search/exact/boxes.hpp"

#include <algorithm>

#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

bool Box::single() const {
  return std::all_of(runs.begin(), runs.end(),
                     [](const Run& run) { return run.first == run.last; });
}

void cut_box(const Box& box, std::vector<Box>& parts) {
  parts.assign(1, box);
  for (std::size_t r = 0; r < most_runs; ++r) {
    const auto [first, last] = box.runs[r];
    if (first == last) continue;
    const std::uint32_t middle = first + (last - first) / 2;
    const std::size_t before = parts.size();
    parts.resize(2 * before);
    for (std::size_t i = before; i-- > 0;) {
      parts[2 * i + 1] = parts[2 * i] = parts[i];
      parts[2 * i].runs[r] = {first, middle};
      parts[2 * i + 1].runs[r] = {middle + 1, last};
    }
  }
}

Routes::Routes(const Space& space, const Subspace& level) : experts_(space.top_k.size()) {
  std::vector<std::vector<std::size_t>> top_ks(space.experts.size());
  for (const auto& o : expert_options(space)) top_ks[o.experts_digit].push_back(o.top_k_digit);
  for (const std::size_t experts : level[Axis::experts])
    for (const std::size_t top_k : top_ks[experts]) experts_[top_k].push_back(experts);

  std::vector<Route> routes(1);
  for (const Axis axis : all_axes) {
    const AxisHome& home = home_of(axis);
    if (home.block != AxisBlock::ffn || axis == Axis::experts || axis == Axis::top_k) continue;
    if (home.monotone && axes_.size() + 1 < most_runs) {
      axes_.push_back(axis);
      continue;
    }
    std::vector<Route> longer;
    for (const auto& route : routes)
      for (const std::size_t digit : level[axis]) {
        longer.push_back(route);
        longer.back().digits.emplace_back(axis, digit);
      }
    routes = std::move(longer);
  }
  for (auto& route : routes)
    for (std::size_t top_k = 0; top_k < experts_.size(); ++top_k) {
      if (experts_[top_k].empty()) continue;
      routes_.push_back(route);
      routes_.back().top_k_digit = top_k;
    }
}

}  // namespace rooflaw::search
