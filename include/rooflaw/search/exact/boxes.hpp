#pragma once
// Boxes of FFN blocks, which strategy `exact` drops whole: runs of values along the monotone axes,
// at one value of each of the others. What a level knows of them whatever the frame.

#include <array>
#include <string>

#include "rooflaw/search/exact/levels.hpp"

namespace rooflaw::search {

/// Monotone axes that boxes stretch over, the number of experts the last; further ones are
/// enumerated.
inline constexpr std::size_t most_runs = 2;

/// Ends included.
struct Run {
  std::uint32_t first = 0, last = 0;
};

struct Box {
  std::uint32_t route = 0;
  std::array<Run, most_runs> runs{};  // the last of experts, those before of other axes
  bool single() const;
};

/// Cuts a box in two along every axis where it is longer than one, last axis fastest.
void cut_box(const Box& box, std::vector<Box>& parts);

/// FFN blocks that differ in monotone axes alone.
struct Route {
  std::vector<std::pair<Axis, std::size_t>> digits;  // of the other axes of block ffn
  std::size_t top_k_digit = 0;
  double share = 1;  // of the work that its blocks make, about: one of few experts has more
};

/// All routes of a level. Cost: linear in routes, routings and lengths of axes.
class Routes {
 public:
  Routes(const Space& space, const Subspace& level);

  const std::vector<Route>& all() const { return routes_; }
  /// Digits of experts that go with a route, by number.
  const std::vector<std::size_t>& experts(const Route& route) const {
    return experts_[route.top_k_digit];
  }
  /// The monotone axes but for experts, and their digits by value.
  const std::vector<Axis>& axes() const { return axes_; }
  /// A box a route, with all of its blocks.
  std::vector<Box> whole() const;
  /// The work that all of these make, in units of its own.
  double work() const;
  /// The same in parts of at most so much work, about as few as can be; side by side in order.
  std::vector<std::vector<Box>> cut(double most_work) const;

 private:
  std::array<std::size_t, most_runs> lengths_of(const Box& box) const;
  double work_of(const Box& box) const;
  void cut_down(const Box& box, double most, std::vector<Box>& boxes) const;

  std::vector<Axis> axes_;
  std::vector<std::size_t> lengths_;  // of axes_
  std::vector<Route> routes_;
  std::vector<std::vector<std::size_t>> experts_;  // by digit of top_k
};

/// FFN kinds x widths of a level.
std::vector<Frame> frames_of_level(const Subspace& level);

/// "gated FFN, width 1024"
std::string frame_name(const Space& space, const Frame& frame);

/// The boxes of one frame, of FFN ratios those that make blocks there. Keeps references.
class FrameBoxes {
 public:
  FrameBoxes(const Space& space, const Subspace& level, const Routes& routes, const Frame& frame);

  /// A box a route, with all of its blocks; none if the frame has no block.
  std::vector<Box> whole() const;
  /// What of a box, its runs places in the level, this frame has; nullopt: nothing.
  std::optional<Box> built(const Box& box) const;
  /// The block of a box with the least of every monotone axis, or with the most.
  FfnOption corner(const Box& box, bool upper) const;

 private:
  const Space& space_;
  const Routes& routes_;
  Strides strides_;
  FfnOption common_;                                  // what the blocks of the frame have in common
  std::vector<std::vector<std::size_t>> run_digits_;  // of Routes::axes(), by value
  std::vector<std::vector<std::uint32_t>> before_;  // so many of these before a place of the level
};

}  // namespace rooflaw::search
