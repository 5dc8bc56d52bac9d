#include "rooflaw/search/exact/boxes.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

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
      lengths_.push_back(level[axis].size());
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
      routes_.back().share = 1.0 / static_cast<double>(space.top_k[top_k]);
    }
}

std::vector<Box> Routes::whole() const {
  std::vector<Box> boxes;
  if (std::find(lengths_.begin(), lengths_.end(), std::size_t{0}) != lengths_.end()) return boxes;
  const auto all_of = [](std::size_t length) {
    return Run{0, static_cast<std::uint32_t>(length - 1)};
  };
  for (std::uint32_t r = 0; r < routes_.size(); ++r) {
    Box& box = boxes.emplace_back(Box{.route = r});
    for (std::size_t a = 0; a < lengths_.size(); ++a) box.runs[a] = all_of(lengths_[a]);
    box.runs.back() = all_of(experts(routes_[r]).size());
  }
  return boxes;
}

namespace {

double octaves(const Run& run) {
  return natural_log((static_cast<double>(run.last) + 1.5) /
                     (static_cast<double>(run.first) + 0.5));
}

// The work of wide frames is at the low ends of the monotone axes, about as much in every octave;
// that of narrow ones, which want many experts, at the high ends, where most blocks are.
double extent(const Run& run, std::size_t length) {
  const double all = octaves({0, static_cast<std::uint32_t>(length - 1)});
  const double share = static_cast<double>(run.last - run.first + 1) / static_cast<double>(length);
  return (octaves(run) + all * share) / 2.0;
}

}  // namespace

std::array<std::size_t, most_runs> Routes::lengths_of(const Box& box) const {
  std::array<std::size_t, most_runs> lengths;
  lengths.fill(1);
  std::copy(lengths_.begin(), lengths_.end(), lengths.begin());
  lengths.back() = experts(routes_[box.route]).size();
  return lengths;
}

double Routes::work_of(const Box& box) const {
  const auto lengths = lengths_of(box);
  double work = routes_[box.route].share;
  for (std::size_t r = 0; r < most_runs; ++r) work *= extent(box.runs[r], lengths[r]);
  return work;
}

double Routes::work() const {
  double work = 0;
  for (const Box& box : whole()) work += work_of(box);
  return work;
}

void Routes::cut_down(const Box& box, double most, std::vector<Box>& boxes) const {
  if (work_of(box) <= most || box.single()) {
    boxes.push_back(box);
    return;
  }
  const auto lengths = lengths_of(box);
  const auto extent_of = [&](std::size_t r) {
    const Run& run = box.runs[r];
    return run.first == run.last ? 0.0 : extent(run, lengths[r]);
  };
  std::size_t r = 0;  // the run to cut: the longest
  for (std::size_t other = 1; other < most_runs; ++other)
    if (extent_of(other) > extent_of(r)) r = other;
  // Where both parts are about alike.
  const auto [first, last] = box.runs[r];
  const double half = extent_of(r) / 2.0;
  std::uint32_t low_end = first, high_end = last - 1;
  while (low_end < high_end) {
    const std::uint32_t middle = low_end + (high_end - low_end) / 2;
    if (extent({first, middle}, lengths[r]) < half)
      low_end = middle + 1;
    else
      high_end = middle;
  }
  Box low = box, high = box;
  low.runs[r].last = low_end;
  high.runs[r].first = low_end + 1;
  cut_down(low, most, boxes);
  cut_down(high, most, boxes);
}

std::vector<std::vector<Box>> Routes::cut(double most_work) const {
  std::vector<Box> boxes;
  for (const Box& box : whole()) cut_down(box, most_work, boxes);
  std::vector<std::vector<Box>> parts(1);
  double work = 0;
  for (const Box& box : boxes) {
    work += work_of(box);
    if (work > most_work && !parts.back().empty()) {
      parts.emplace_back();
      work = work_of(box);
    }
    parts.back().push_back(box);
  }
  return parts;
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

namespace {

/// FFN ratios that make blocks at a width, by size. Of those that are rounded to one size it is the
/// least digit, which is the one that stays of equals.
struct BuiltRatios {
  std::vector<std::size_t> digits;
  std::vector<std::uint32_t> before;  // so many of these before a place in `by_value`, or its end
};

BuiltRatios built_ratios(const Space& space, std::size_t width_digit,
                         const std::vector<std::size_t>& by_value) {
  BuiltRatios built{.digits = {}, .before = {0}};
  std::int64_t last_size = 0;
  for (const std::size_t digit : by_value) {
    const std::int64_t size = expert_ffn_size(space.expert_ffn_ratio[digit],
                                              space.widths[width_digit], space.ffn_multiple_of);
    if (!built.digits.empty() && last_size == size) {
      built.digits.back() = std::min(built.digits.back(), digit);
    } else if (size > 0) {
      built.digits.push_back(digit);
      last_size = size;
    }
    built.before.push_back(static_cast<std::uint32_t>(built.digits.size()));
  }
  return built;
}

}  // namespace

FrameBoxes::FrameBoxes(const Space& space, const Subspace& level, const Routes& routes,
                       const Frame& frame)
    : space_(space),
      routes_(routes),
      strides_(strides_of(space)),
      common_(ffn_option_of(space, frame)) {
  for (const Axis axis : routes.axes()) {
    if (axis == Axis::ratio) {
      BuiltRatios built = built_ratios(space, frame.width_digit, level[axis]);
      run_digits_.push_back(std::move(built.digits));
      before_.push_back(std::move(built.before));
      continue;
    }
    run_digits_.push_back(level[axis]);
    std::iota(before_.emplace_back(level[axis].size() + 1).begin(), before_.back().end(), 0u);
  }
}

std::vector<Box> FrameBoxes::whole() const {
  std::vector<Box> boxes;
  for (const Box& box : routes_.whole())
    if (const auto has_blocks = built(box)) boxes.push_back(*has_blocks);
  return boxes;
}

std::optional<Box> FrameBoxes::built(const Box& box) const {
  Box part = box;
  for (std::size_t a = 0; a < before_.size(); ++a) {
    const auto [first, last] = box.runs[a];
    if (before_[a][first] == before_[a][last + 1]) return std::nullopt;
    part.runs[a] = {before_[a][first], before_[a][last + 1] - 1};
  }
  return part;
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
