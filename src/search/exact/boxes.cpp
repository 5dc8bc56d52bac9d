#include "rooflaw/search/exact/boxes.hpp"

#include <algorithm>

#include <fmt/format.h>

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

std::vector<Frame> frames_of_level(const Subspace& level) {
  std::vector<Frame> frames;
  for (const std::size_t ffn : level[Axis::ffn])
    for (const std::size_t width : level[Axis::width]) frames.push_back({ffn, width});
  return frames;
}

std::string frame_name(const Space& space, const Frame& frame) {
  return fmt::format("{} FFN, width {}", to_string(space.ffn[frame.ffn_digit]),
                     space.widths[frame.width_digit]);
}

FrameBoxes::FrameBoxes(const Space& space, const Subspace& level, const Routes& routes,
                       const Frame& frame)
    : space_(space),
      routes_(routes),
      strides_(strides_of(space)),
      common_(ffn_option_of(space, frame)) {
  for (const Axis axis : routes.axes()) {
    run_digits_.push_back(level[axis]);
    if (axis == Axis::ratio)
      std::erase_if(run_digits_.back(), [&](std::size_t digit) {
        return expert_ffn_size(space.expert_ffn_ratio[digit], space.widths[frame.width_digit],
                               space.ffn_multiple_of) < 1;
      });
  }
}

std::vector<Box> FrameBoxes::whole() const {
  std::vector<Box> boxes;
  if (std::any_of(run_digits_.begin(), run_digits_.end(),
                  [](const auto& digits) { return digits.empty(); }))
    return boxes;
  const auto run_of = [](const std::vector<std::size_t>& digits) {
    return Run{0, static_cast<std::uint32_t>(digits.size() - 1)};
  };
  const auto& routes = routes_.all();
  for (std::uint32_t r = 0; r < routes.size(); ++r) {
    Box& box = boxes.emplace_back(Box{.route = r});
    for (std::size_t a = 0; a < run_digits_.size(); ++a) box.runs[a] = run_of(run_digits_[a]);
    box.runs.back() = run_of(routes_.experts(routes[r]));
  }
  return boxes;
}

FfnOption FrameBoxes::corner(const Box& box, bool upper) const {
  const auto end = [&](std::size_t run, const std::vector<std::size_t>& digits) {
    return digits[upper ? box.runs[run].last : box.runs[run].first];
  };
  const auto& axes = routes_.axes();
  const Route& route = routes_.all()[box.route];
  FfnOption option = common_;
  for (const auto& [axis, digit] : route.digits) set_axis(space_, strides_, axis, digit, option);
  set_axis(space_, strides_, Axis::top_k, route.top_k_digit, option);
  for (std::size_t a = 0; a < axes.size(); ++a)
    set_axis(space_, strides_, axes[a], end(a, run_digits_[a]), option);
  const auto& experts = routes_.experts(route);
  set_axis(space_, strides_, Axis::experts, end(most_runs - 1, experts), option);
  return option;
}

}  // namespace rooflaw::search
