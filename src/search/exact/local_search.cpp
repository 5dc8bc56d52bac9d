#include "rooflaw/search/exact/local_search.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "rooflaw/core/powers.hpp"
#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

namespace {

constexpr Index stretches_per_target = 32;
// Tunable. Combinations of values from which on the local search pays; the share of a tolerance
// that it need not find.
constexpr double least_size = 1e14;
constexpr double left_to_gain = 0.25;
// Tunable. Octaves that a step goes, the first and, each half of the one before, the last.
constexpr double first_step = 1.0 / 8;
constexpr double last_step = 1.0 / 32;
// Of the points that a step found, what they lead to is looked at so often.
constexpr int most_passes = 6;
// Depths and attention blocks on either side.
constexpr int depths_aside = 3;
constexpr int attention_aside = 2;

}  // namespace

bool LocalSearch::pays(const Subspace& level) { return size_of(level) >= least_size; }

double LocalSearch::least_gain(double tolerance) { return left_to_gain * tolerance; }

LocalSearch::LocalSearch(const Question& question, const PowerTables& tables, Subspace level,
                         const std::vector<FrontierPoints>& before, double least_gain)
    : question_(question),
      tables_(tables),
      level_(std::move(level)),
      strides_(strides_of(question.space)),
      before_(before),
      least_gain_(least_gain),
      scanner_(question, tables),
      widths_(level_[Axis::width].size()) {
  const Lengths lengths = axis_lengths(question.space);
  for (const Axis axis : all_axes) {
    places_[axis].resize(lengths[axis]);
    for (std::size_t place = 0; place < level_[axis].size(); ++place)
      places_[axis][level_[axis][place]] = place;
  }
  routings_.resize(lengths[Axis::experts] * lengths[Axis::top_k]);
  for (const auto& o : expert_options(question.space))
    routings_[o.experts_digit * lengths[Axis::top_k] + o.top_k_digit] = true;
}

Index LocalSearch::pieces(const Question& question) {
  return static_cast<Index>(question.targets.size()) * stretches_per_target;
}

std::string LocalSearch::name(Index piece) const {
  return fmt::format("around the frontier of {}, stretch {}",
                     question_.targets[static_cast<std::size_t>(piece / stretches_per_target)].id,
                     piece % stretches_per_target + 1);
}

void LocalSearch::score(Index piece, Scanner& scanner, const std::function<void()>& between) {
  const auto target = static_cast<std::size_t>(piece / stretches_per_target);
  const auto& before = before_[target];
  const auto size = static_cast<Index>(before.size());
  const Index stretch = piece % stretches_per_target;
  const std::span<const FrontierPoint> points(
      before.data() + size * stretch / stretches_per_target,
      before.data() + size * (stretch + 1) / stretches_per_target);
  if (points.empty()) return;

  scanner_.clear_frontiers();
  KnownLosses& known = scanner_.known()[target] = {};
  for (auto p = before.rbegin(); p != before.rend(); ++p)
    known.add(LossBound::bin(p->latency_s), p->loss);
  const auto pairs = scanner_.pairs_scored();
  // Other stretches go on from what lies in theirs.
  const double from_s = points.data() == before.data() ? 0.0 : points.front().latency_s;
  const double to_s = points.data() + points.size() == before.data() + before.size()
                          ? std::numeric_limits<double>::infinity()
                          : (points.data() + points.size())->latency_s;
  const auto visit_found = [&](const auto& visit) {
    for (const auto& p : scanner_.frontiers()[target].points())
      if (p.latency_s >= from_s && p.latency_s < to_s) visit(p.index);
  };
  std::vector<Index> found;
  for (double step = first_step; step >= last_step; step /= 2) {
    std::set<Index> expanded;
    found.clear();
    for (const auto& p : points) found.push_back(p.index);
    visit_found([&](Index index) { found.push_back(index); });
    for (int pass = 0; pass < most_passes && !found.empty(); ++pass) {
      for (const Index index : found) {
        if (!expanded.insert(index).second) continue;
        expand(target, index, step);
        if (between) between();
      }
      found.clear();
      visit_found([&](Index index) {
        if (!expanded.contains(index)) found.push_back(index);
      });
    }
  }
  for (const auto& p : scanner_.frontiers()[target].points()) scanner.insert(target, p);
  scanner.count_from(scanner.pairs_scored() + scanner_.pairs_scored() - pairs);
}

/// The place so many octaves on, the next one at least; nullopt: there is none.
std::optional<std::size_t> LocalSearch::moved(Axis axis, std::size_t place, double octaves) const {
  const auto& digits = level_[axis];
  const Space& space = question_.space;
  const bool up = octaves > 0.0;
  if (up ? place + 1 >= digits.size() : place == 0) return std::nullopt;
  const double wanted = number_at(space, axis, digits[place]) * power(2.0, octaves);
  const auto less = [&](std::size_t digit, double number) {
    return number_at(space, axis, digit) < number;
  };
  const auto at = static_cast<std::size_t>(
      std::lower_bound(digits.begin(), digits.end(), wanted, less) - digits.begin());
  return up ? std::clamp(at, place + 1, digits.size() - 1) : std::min(at, place - 1);
}

const LocalSearch::OfWidth& LocalSearch::of_width(std::size_t place) {
  auto& known = widths_[place];
  if (known) return *known;
  OfWidth& width = known.emplace();
  const Space& space = question_.space;
  const std::size_t digit = level_[Axis::width][place];
  width.ratios = built_ratios(space, digit, level_[Axis::ratio]);
  const auto& attention = level_[Axis::attention];
  for (std::size_t at = 0; at < attention.size(); ++at)
    if (const auto option = attention_option(space, digit, attention[at])) {
      width.attention.push_back(*option);
      width.attention_places.push_back(at);
    }
  return width;
}

/// The block at these digits and those around it.
void LocalSearch::set_ffn_options(const Frame& frame, const OfWidth& width, const Digits& centre,
                                  double octaves) {
  const Space& space = question_.space;
  options_.clear();
  // Of each axis the value itself and those below and above.
  constexpr std::array axes{Axis::ratio, Axis::shared, Axis::experts, Axis::top_k};
  std::array<std::array<std::optional<std::size_t>, 3>, axes.size()> near;
  for (std::size_t a = 1; a < axes.size(); ++a) {
    const std::size_t place = place_of(axes[a], centre);
    const auto digit = [&](std::optional<std::size_t> at) {
      return at ? std::optional(level_[axes[a]][*at]) : std::nullopt;
    };
    near[a] = {centre[axes[a]], digit(moved(axes[a], place, -octaves)),
               digit(moved(axes[a], place, octaves))};
  }
  const auto size =
      static_cast<double>(expert_ffn_size(space.expert_ffn_ratio[centre[Axis::ratio]],
                                          space.widths[frame.width_digit], space.ffn_multiple_of));
  const auto& ratios = width.ratios.digits;
  const auto& sizes = width.ratios.sizes;
  const auto at_size = [&](double wanted) {
    const auto at =
        std::lower_bound(sizes.begin(), sizes.end(), wanted,
                         [](std::int64_t x, double y) { return static_cast<double>(x) < y; });
    return std::min(static_cast<std::size_t>(at - sizes.begin()), sizes.size() - 1);
  };
  const std::size_t at = at_size(size);
  const double factor = power(2.0, octaves);
  near[0][0] = ratios[at];
  if (at > 0) near[0][1] = ratios[std::min(at_size(size / factor), at - 1)];
  if (at + 1 < sizes.size()) near[0][2] = ratios[std::max(at_size(size * factor), at + 1)];

  const FfnOption common = ffn_option_of(space, frame);
  const auto add = [&](const std::array<std::size_t, axes.size()>& steps) {
    FfnOption option = common;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      const auto& digit = near[a][steps[a]];
      if (!digit) return;
      set_axis(space, strides_, axes[a], *digit, option);
    }
    const std::size_t routing =
        option.digits[Axis::experts] * space.top_k.size() + option.digits[Axis::top_k];
    if (routings_[routing] && is_within(space, option)) options_.push_back(option);
  };
  add({});
  for (std::size_t a = 0; a < axes.size(); ++a)
    for (std::size_t step = 1; step < 3; ++step) {
      std::array<std::size_t, axes.size()> steps{};
      steps[a] = step;
      add(steps);
      for (std::size_t b = a + 1; b < axes.size(); ++b)
        for (std::size_t other = 1; other < 3; ++other) {
          steps[b] = other;
          add(steps);
          steps[b] = 0;
        }
    }
}

std::vector<std::size_t> LocalSearch::layers_near(std::size_t place, double octaves) const {
  std::vector<std::size_t> near{level_[Axis::layers][place]};
  for (const double by : {-octaves, octaves}) {
    std::optional<std::size_t> at = place;
    for (int i = 0; i < depths_aside; ++i) {
      at = moved(Axis::layers, *at, by);
      if (!at) break;
      near.push_back(level_[Axis::layers][*at]);
    }
  }
  return near;
}

void LocalSearch::expand(std::size_t target, Index index, double octaves) {
  const Space& space = question_.space;
  const Target& asked = question_.targets[target];
  const Deployment& deployment = question_.deployments[asked.deployment];
  const Digits centre = digits_of(space, index);
  const std::size_t width_place = place_of(Axis::width, centre);
  const auto layers = layers_near(place_of(Axis::layers, centre), octaves);
  const auto stride = std::max(1, static_cast<int>(octaves * 16.0));
  for (const auto at : {std::optional(width_place), moved(Axis::width, width_place, -octaves),
                        moved(Axis::width, width_place, octaves)}) {
    if (!at) continue;
    const OfWidth& built = of_width(*at);
    if (built.ratios.sizes.empty()) continue;
    const Frame frame{.ffn_digit = centre[Axis::ffn], .width_digit = level_[Axis::width][*at]};
    set_ffn_options(frame, built, centre, octaves);
    if (options_.empty()) continue;
    fill_ffn_parts(question_, tables_, frame, options_, parts_,
                   [&](std::size_t, std::size_t s) { return s == asked.deployment; });
    const WidthPart width = width_part(space, frame.width_digit, deployment);
    const auto nearest =
        std::lower_bound(built.attention_places.begin(), built.attention_places.end(),
                         place_of(Axis::attention, centre)) -
        built.attention_places.begin();
    for (int step = -attention_aside; step <= attention_aside; ++step) {
      const auto a = nearest + step * stride;
      if (a < 0 || a >= std::ssize(built.attention)) continue;
      const AttentionOption& option = built.attention[static_cast<std::size_t>(a)];
      const auto shape = attention_shape(space, frame.width_digit, option);
      const AttentionParts attention = attention_parts(space, shape, deployment);
      scanner_.scan_rows({.target = target,
                          .width = static_cast<double>(space.widths[frame.width_digit]),
                          .width_part = &width,
                          .attention = &attention,
                          .attention_activations = model::attention_activations(shape),
                          .kv_loss = tables_.laws[asked.law].kv[frame.width_digit][option.digit],
                          .index = index_of_frame(strides_, frame) + option.index,
                          .layer_digits = layers,
                          .wanted = {.below = nullptr, .least_gain = least_gain_}},
                         parts_);
    }
  }
}

}  // namespace rooflaw::search
