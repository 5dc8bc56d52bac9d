#include "rooflaw/theory/buildable.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace rooflaw::theory {

namespace {

using Sizes = std::vector<std::int64_t>;

std::int64_t nearest(double x, std::int64_t unit) {
  return std::max<std::int64_t>(1, std::llround(x / static_cast<double>(unit))) * unit;
}

/// The option nearest to x in ratio.
std::int64_t nearest_of(const Sizes& options, double x) {
  return *std::min_element(options.begin(), options.end(), [x](std::int64_t a, std::int64_t b) {
    return std::abs(natural_log(static_cast<double>(a) / x)) <
           std::abs(natural_log(static_cast<double>(b) / x));
  });
}

/// Those that `keep` says, or all if it keeps none.
template <class Keep>
Sizes preferred(const Sizes& all, Keep keep) {
  Sizes kept;
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept), keep);
  return kept.empty() ? all : kept;
}

bool within(const model::Evaluation& e, const model::WeightedLimits& limits) {
  return model::feasible(limits, e.costs());
}

class Builder {
 public:
  Builder(const model::Law& law, const model::Scenario& scenario, const model::Limits& budgets,
          const ShapeBox& box, const BuildRules& rules)
      : law_(law),
        scenario_(scenario),
        budgets_(weighted_limits(budgets, scenario)),
        box_(box),
        rules_(rules) {
    Sizes all;
    for (std::int64_t n = 1; n <= most_experts; ++n)
      if (holds(box.activation_rate, 1.0 / static_cast<double>(n))) all.push_back(n);
    if (all.empty())
      throw DomainError("no whole number of experts has an activation rate inside the box");
    experts_ = preferred(all, [&](std::int64_t n) { return experts_in_range(law.range, n, 1); });
  }

  model::Architecture build(const Shape& shape) {
    consider(shape.width, shape.gqa, 1.0 / shape.activation_rate, shape.ffn_ratio);
    // From an optimum that is too dear to build, the smallest of everything.
    if (!best_) {
      const auto smallest = rounded(box_.width.lo, box_.gqa.hi, 1, box_.ffn_ratio.lo);
      if (!smallest)
        throw DomainError("no number of KV heads that divides the heads has a gqa inside the box");
      if (deepest(*smallest) < least_layers()) refuse(*smallest);
      consider(box_.width.lo, box_.gqa.hi, 1, box_.ffn_ratio.lo);
    }
    while (improve()) {
    }
    return *best_;
  }

 private:
  static constexpr std::int64_t most_experts = 1024;
  static constexpr double most_layers = 1e6;

  static bool holds(const model::Interval& interval, double x) {
    constexpr double rounding = 1e-9;
    return x >= interval.lo * (1 - rounding) && x <= interval.hi * (1 + rounding);
  }

  std::int64_t least_layers() const {
    return std::max<std::int64_t>(1, std::llround(box_.layers.lo));
  }

  /// Divisors of the heads inside the box, of those the ones the law knows; may be empty.
  Sizes kv_options(std::int64_t heads) const {
    Sizes divisors;
    for (std::int64_t n = 1; n * n <= heads; ++n)
      if (heads % n == 0) {
        divisors.push_back(n);
        if (n != heads / n) divisors.push_back(heads / n);
      }
    std::sort(divisors.begin(), divisors.end());
    std::erase_if(divisors, [&](std::int64_t n) {
      return !holds(box_.gqa, static_cast<double>(heads) / static_cast<double>(n));
    });
    return preferred(divisors, [&](std::int64_t n) {
      return attention_in_range(law_.range, model::AttentionKind::gqa, n, heads);
    });
  }

  /// Says which budget even `smallest` breaks most, and by how much.
  [[noreturn]] void refuse(model::Architecture smallest) const {
    smallest.layers = least_layers();
    const auto costs = model::evaluate(law_, smallest, scenario_).costs();
    const auto needed = [&](const model::WeightedLimit& l) { return weighted(l.weights, costs); };
    const auto worst = *std::max_element(
        budgets_.begin(), budgets_.end(),
        [&](const auto& x, const auto& y) { return needed(x) / x.bound < needed(y) / y.bound; });
    throw DomainError(fmt::format(
        "no architecture of the box meets the budgets by the operator model: the smallest ({} "
        "layers, width {}, FFN {}) needs {:.4g} {} of {} where {:.4g} is given, {:.4g} times as "
        "much",
        smallest.layers, smallest.width, smallest.expert_ffn, needed(worst),
        entry(worst.objective).unit, to_string(worst.objective), worst.bound,
        needed(worst) / worst.bound));
  }

  /// One move of every size, both ways; whether any made the loss fall.
  bool improve() {
    const model::Architecture a = *best_;
    const double before = least_loss_;
    const auto width = static_cast<double>(a.width);
    const auto heads = static_cast<double>(a.heads);
    const double gqa = heads / static_cast<double>(a.kv_heads);
    const auto experts = static_cast<double>(a.experts);
    const double ratio = static_cast<double>(a.expert_ffn) / width;
    const auto unit = static_cast<double>(rules_.ffn_multiple_of) / width;
    for (const double step : {1.0, 4.0}) {
      const double dw = step * static_cast<double>(rules_.head_dim);
      consider(width + dw, gqa, experts, ratio);
      consider(width - dw, gqa, experts, ratio);
    }
    for (const double factor : {0.8, 1.25}) consider(width, gqa, experts, ratio * factor);
    for (const double step : {-unit, unit}) consider(width, gqa, experts, ratio + step);
    for (const auto n : experts_) consider(width, gqa, static_cast<double>(n), ratio);
    for (const auto n : kv_options(a.heads))
      consider(width, heads / static_cast<double>(n), experts, ratio);
    return least_loss_ < before;
  }

  /// The nearest architecture that can be built; layers are left open. Empty if no number of KV
  /// heads goes with its width.
  std::optional<model::Architecture> rounded(double width, double gqa, double experts,
                                             double ffn_ratio) const {
    model::Architecture a;
    a.width = nearest(std::clamp(width, box_.width.lo, box_.width.hi), rules_.head_dim);
    a.heads = a.width / rules_.head_dim;
    a.head_dim = rules_.head_dim;
    const Sizes options = kv_options(a.heads);
    if (options.empty()) return std::nullopt;
    a.kv_heads = nearest_of(options, std::max(1e-9, static_cast<double>(a.heads) / gqa));
    a.experts = nearest_of(experts_, experts);
    a.expert_ffn = nearest(
        std::clamp(ffn_ratio, box_.ffn_ratio.lo, box_.ffn_ratio.hi) * static_cast<double>(a.width),
        rules_.ffn_multiple_of);
    a.vocab = rules_.vocab;
    a.tied = rules_.tied;
    return a;
  }

  /// Rounds the sizes, takes as many layers as fit, keeps the result if it is the best so far.
  void consider(double width, double gqa, double experts, double ffn_ratio) {
    auto a = rounded(width, gqa, experts, ffn_ratio);
    if (!a) return;
    a->layers = deepest(*a);
    if (a->layers < least_layers()) return;
    const double loss = model::evaluate(law_, *a, scenario_).loss;
    if (loss < least_loss_) {
      least_loss_ = loss;
      best_ = a;
    }
  }

  /// Most layers within the budgets, 0 if not even one: time and memory grow with depth.
  std::int64_t deepest(model::Architecture a) const {
    std::int64_t fits = 0;
    std::int64_t too_deep = std::llround(std::min(box_.layers.hi, most_layers)) + 1;
    while (too_deep - fits > 1) {
      a.layers = fits + (too_deep - fits) / 2;
      (within(model::evaluate(law_, a, scenario_), budgets_) ? fits : too_deep) = a.layers;
    }
    return fits;
  }

  const model::Law& law_;
  const model::Scenario& scenario_;
  model::WeightedLimits budgets_;
  const ShapeBox& box_;
  const BuildRules& rules_;
  Sizes experts_;
  std::optional<model::Architecture> best_;
  double least_loss_ = std::numeric_limits<double>::infinity();
};

}  // namespace

model::Architecture buildable(const model::Law& law, const model::Scenario& scenario,
                              const Shape& shape, const model::Limits& budgets, const ShapeBox& box,
                              const BuildRules& rules) {
  return Builder(law, scenario, budgets, box, rules).build(shape);
}

}  // namespace rooflaw::theory
