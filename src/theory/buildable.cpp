#include "rooflaw/theory/buildable.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <tuple>

#include <fmt/format.h>

namespace rooflaw::theory {

namespace {

using Size = std::int64_t;

// Sides of a box are quotients and products of sizes: an end that is met but for rounding is met.
constexpr double at_end = 1e-9;
// What bounds are moved outwards by: more than their roundings. Layers are told by a difference,
// which loses digits.
constexpr double bound_margin = 1e-12;
constexpr double layers_margin = 1e-9;
constexpr double largest_size = 1e9;

Size ceiling(double x) {
  return static_cast<Size>(std::ceil(std::min(x, largest_size) * (1 - at_end)));
}
Size floored(double x) {
  return static_cast<Size>(std::floor(std::min(x, largest_size) * (1 + at_end)));
}

std::vector<Size> divisors(Size n) {
  std::vector<Size> low, high;
  for (Size i = 1; i * i <= n; ++i)
    if (n % i == 0) {
      low.push_back(i);
      if (i != n / i) high.push_back(n / i);
    }
  low.insert(low.end(), high.rbegin(), high.rend());
  return low;
}

void clip(model::Interval& side, const model::Interval& to) {
  side = {std::max(side.lo, to.lo), std::min(side.hi, to.hi)};
}

[[noreturn]] void nothing_between(const char* side, const model::Interval& interval,
                                  const std::string& what) {
  throw DomainError(
      fmt::format("box.{} = [{}, {}]: leaves {}", side, interval.lo, interval.hi, what));
}

}  // namespace

BuildingLattice::BuildingLattice(const ShapeBox& given, const BuildRules& rules)
    : box_(given), rules_(rules) {
  if (rules.within) {
    if (const auto& layers = rules.within->layers) clip(box_.layers, *layers);
    if (const auto& width = rules.within->width) clip(box_.width, *width);
    if (const auto& ratio = rules.within->ffn_ratio) clip(box_.ffn_ratio, *ratio);
    if (const auto& rate = rules.within->activation_rate) clip(box_.activation_rate, *rate);
  }
  const ShapeBox& box = box_;
  require_valid(box);
  if (rules.within && !ffn_in_range(*rules.within, model::FfnKind::gated, 0.0))
    throw DomainError("gated FFNs are outside the law's range");
  const auto few = [&](const char* side, const model::Interval& interval, Size first, Size last) {
    if (last - first >= most_sizes)
      nothing_between(side, interval, fmt::format("more than {} of them", most_sizes));
  };
  layers_ = {std::max<Size>(1, ceiling(box.layers.lo)), floored(box.layers.hi)};
  few("layers", box.layers, layers_.first, layers_.last);
  if (layers_.first > layers_.last) nothing_between("layers", box.layers, "no whole layer");

  const auto& rate = box.activation_rate;
  const Run experts{ceiling(1.0 / rate.hi), floored(1.0 / rate.lo)};
  few("activation_rate", rate, experts.first, experts.last);
  for (Size n = experts.first; n <= experts.last; ++n)
    if (!rules.within || experts_in_range(*rules.within, n, 1)) experts_.push_back(n);
  if (experts_.empty())
    nothing_between("activation_rate", rate, "no whole number of experts, one of them active");

  const auto unit = static_cast<double>(rules.head_dim);
  Run heads{std::max<Size>(1, ceiling(box.width.lo / unit)), floored(box.width.hi / unit)};
  few("width", box.width, heads.first, heads.last);
  // A width that was fixed is met as nearly as can be.
  if (box.width.lo == box.width.hi)
    heads.first = heads.last = std::max<Size>(1, std::llround(box.width.lo / unit));
  if (heads.first > heads.last)
    nothing_between("width", box.width, fmt::format("no multiple of {}", rules.head_dim));
  bool any_ffn = false;
  for (Size width = heads.first * rules.head_dim; width <= heads.last * rules.head_dim;
       width += rules.head_dim) {
    const Run ffn = ffn_units_at(width);
    if (ffn.first > ffn.last) continue;
    any_ffn = true;
    auto kv_heads = kv_heads_at(width);
    if (kv_heads.empty()) continue;
    widths_.push_back(width);
    kv_heads_.push_back(std::move(kv_heads));
  }
  if (!any_ffn)
    nothing_between("ffn_ratio", box.ffn_ratio,
                    fmt::format("no multiple of {}", rules.ffn_multiple_of));
  if (widths_.empty())
    nothing_between("gqa", box.gqa, "no number of KV heads that divides the heads");
}

std::vector<Size> BuildingLattice::kv_heads_at(Size width) const {
  const Size heads = width / rules_.head_dim;
  auto all = divisors(heads);
  std::erase_if(all, [&](Size kv_heads) {
    const double gqa = static_cast<double>(heads) / static_cast<double>(kv_heads);
    return gqa < box_.gqa.lo * (1 - at_end) || gqa > box_.gqa.hi * (1 + at_end) ||
           (rules_.within &&
            (!attention_in_range(*rules_.within, model::AttentionKind::gqa, kv_heads, heads) ||
             !kv_dim_in_range(*rules_.within, {.kind = model::AttentionKind::gqa,
                                               .kv_heads = static_cast<double>(kv_heads),
                                               .head_dim = static_cast<double>(rules_.head_dim)})));
  });
  return all;
}

BuildingLattice::Run BuildingLattice::ffn_units_at(Size width) const {
  const double units = static_cast<double>(width) / static_cast<double>(rules_.ffn_multiple_of);
  return {std::max<Size>(1, ceiling(box_.ffn_ratio.lo * units)),
          floored(box_.ffn_ratio.hi * units)};
}

model::Architecture BuildingLattice::architecture(Size width, Size kv_heads, Size experts,
                                                  Size ffn_units) const {
  model::Architecture a;
  a.layers = layers_.first;
  a.width = width;
  a.heads = width / rules_.head_dim;
  a.head_dim = rules_.head_dim;
  a.kv_heads = kv_heads;
  a.experts = experts;
  a.expert_ffn = ffn_units * rules_.ffn_multiple_of;
  a.vocab = rules_.vocab;
  a.tied = rules_.tied;
  return a;
}

/// The search of one question.
class Branches {
 public:
  Branches(const BuildingLattice& lattice, const model::Law& law, const model::Scenario& scenario,
           const model::Limits& limits, const Aim& aim)
      : lattice_(lattice),
        law_(law),
        scenario_(scenario),
        limits_(weighted_limits(limits, scenario)),
        aim_(aim),
        least_loss_(aim.below) {}

  std::optional<Built> run() {
    for (std::size_t w = 0; w < lattice_.widths_.size(); ++w) {
      const Node node{.width = w,
                      .kv_heads = all_of(lattice_.kv_heads_[w]),
                      .experts = all_of(lattice_.experts_),
                      .ffn_units = lattice_.ffn_units_at(lattice_.widths_[w])};
      // Wider ones need more still.
      if (deepest(with_one_kv_head(node)) < lattice_.layers_.first) break;
      open(node);
    }
    while (!open_.empty()) {
      const Node node = open_.top();
      open_.pop();
      if (node.bound > least_loss_ || (aim_.any && best_)) break;
      if (node.kv_heads.single() && node.experts.single() && node.ffn_units.single())
        build(node);
      else
        cut(node);
    }
    return best_;
  }

 private:
  using Run = BuildingLattice::Run;
  struct Node {
    std::size_t width = 0;
    Run kv_heads, experts;  // by number
    Run ffn_units;
    double bound = 0;
    Size deepest = 0;                                                        // or less
    bool operator<(const Node& other) const { return bound > other.bound; }  // least on top
  };

  model::Architecture architecture(const Node& node, Size kv_heads, Size experts,
                                   Size ffn_units) const {
    return lattice_.architecture(lattice_.widths_[node.width],
                                 lattice_.kv_heads_[node.width][static_cast<std::size_t>(kv_heads)],
                                 lattice_.experts_[static_cast<std::size_t>(experts)], ffn_units);
  }
  model::Architecture least(const Node& node) const {
    return architecture(node, node.kv_heads.first, node.experts.first, node.ffn_units.first);
  }
  double loss(const Node& node, Size kv_heads, Size experts, Size ffn_units) const {
    auto a = model::lift(architecture(node, kv_heads, experts, ffn_units));
    a.groups.front().layers = static_cast<double>(node.deepest);
    return model::loss(law_, model::loss_terms(law_, model::law_point(a)),
                       scenario_.precision.loss_delta);
  }

  model::Architecture with_one_kv_head(const Node& node) const {
    auto a = least(node);
    a.kv_heads = 1;
    return a;
  }

  /// At least the most layers that the limits leave an architecture.
  Size deepest(const model::Architecture& shape) const {
    auto a = model::lift(shape);
    a.groups.front().layers = 1.0;
    const auto one = model::costs(a, scenario_);
    a.groups.front().layers = 2.0;
    const auto two = model::costs(a, scenario_);
    double most = static_cast<double>(lattice_.layers_.last);
    for (const auto& limit : limits_) {
      const double first = weighted(limit.weights, one);
      const double further = weighted(limit.weights, two) - first;
      const double left = limit.bound - first + layers_margin * (limit.bound + first);
      most = std::min(most, left < 0.0 ? 0.0 : 1.0 + left / further * (1.0 + layers_margin));
    }
    return static_cast<Size>(most);
  }

  void open(Node node) {
    node.deepest = deepest(least(node));
    if (node.deepest < lattice_.layers_.first) return;
    node.bound = (1.0 - bound_margin) *
                 loss(node, node.kv_heads.last, node.experts.last, node.ffn_units.last);
    if (node.bound <= least_loss_) open_.push(node);
  }

  static Run all_of(const std::vector<Size>& sizes) {
    return {0, static_cast<Size>(sizes.size()) - 1};
  }

  /// Where the loss falls most.
  void cut(const Node& node) {
    const auto loss_of = [&](const Run& kv_heads, const Run& experts, const Run& ffn_units) {
      return loss(node, kv_heads.last, experts.last, ffn_units.last);
    };
    const auto start = [](const Run& run) { return Run{run.first, run.first}; };
    const std::pair<Run Node::*, double> falls[] = {
        {&Node::kv_heads, loss_of(start(node.kv_heads), node.experts, node.ffn_units)},
        {&Node::experts, loss_of(node.kv_heads, start(node.experts), node.ffn_units)},
        {&Node::ffn_units, loss_of(node.kv_heads, node.experts, start(node.ffn_units))}};
    Run Node::*longest = nullptr;
    double most = 0;
    for (const auto& [run, fall] : falls)
      if (!(node.*run).single() && (longest == nullptr || fall > most)) {
        longest = run;
        most = fall;
      }
    const auto [first, last] = node.*longest;
    const Size middle = first + (last - first) / 2;
    Node half = node;
    half.*longest = {first, middle};
    open(half);
    half.*longest = {middle + 1, last};
    open(half);
  }

  /// The deepest architecture of a node of one shape.
  void build(const Node& node) {
    auto a = least(node);
    for (a.layers = node.deepest; a.layers >= lattice_.layers_.first; --a.layers) {
      const auto e = model::evaluate(law_, a, scenario_);
      if (!model::feasible(limits_, e.costs())) continue;
      const bool first_of_equals =
          best_ && e.loss == least_loss_ && key(a) < key(best_->architecture);
      if (e.loss < least_loss_ || first_of_equals) {
        best_ = {a, e};
        least_loss_ = e.loss;
      }
      return;
    }
  }

  static std::tuple<Size, Size, Size, Size> key(const model::Architecture& a) {
    return {a.width, a.kv_heads, a.experts, a.expert_ffn};
  }

  const BuildingLattice& lattice_;
  const model::Law& law_;
  const model::Scenario& scenario_;
  model::WeightedLimits limits_;
  Aim aim_;
  std::priority_queue<Node> open_;
  std::optional<Built> best_;
  double least_loss_;
};

std::optional<Built> BuildingLattice::best(const model::Law& law, const model::Scenario& scenario,
                                           const model::Limits& limits, const Aim& aim) const {
  return Branches(*this, law, scenario, limits, aim).run();
}

std::string BuildingLattice::shortfall(const model::Scenario& scenario,
                                       const model::Limits& limits) const {
  const Size width = widths_.front();
  const auto smallest =
      architecture(width, kv_heads_.front().front(), experts_.front(), ffn_units_at(width).first);
  const auto costs = model::costs(model::lift(smallest), scenario);
  std::string worst;
  double most = 1.0;
  for (const auto& limit : weighted_limits(limits, scenario)) {
    const double needed = weighted(limit.weights, costs);
    if (!(needed / limit.bound > most)) continue;
    most = needed / limit.bound;
    worst = fmt::format(
        "the smallest ({} layers, width {}, FFN {}) needs {:.4g} {} of {} where {:.4g} is given",
        smallest.layers, smallest.width, smallest.expert_ffn, needed,
        model::entry(limit.objective).unit, model::to_string(limit.objective), limit.bound);
    if (std::isfinite(most)) worst += fmt::format(", {:.4g} times as much", most);
  }
  return worst;
}

}  // namespace rooflaw::theory
