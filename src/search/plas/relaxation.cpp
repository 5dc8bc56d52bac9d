#include "rooflaw/search/plas/relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlopt.hpp>
#include <unsupported/Eigen/AutoDiff>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/space/options.hpp"

namespace rooflaw::search {

namespace {

constexpr int sizes = 5;
using Gradient = Eigen::Matrix<double, sizes, 1>;
using Number = Eigen::AutoDiffScalar<Gradient>;
using Logs = std::vector<double>;
enum Size : int { layers_size, width_size, ratio_size, kv_size, experts_size };

Logs to_logs(const RelaxedSizes& s) {
  return {natural_log(s.layers), natural_log(s.width), natural_log(s.ffn_ratio),
          natural_log(s.kv_heads), natural_log(s.experts)};
}

RelaxedSizes to_sizes(const Logs& z) {
  return {exponential(z[layers_size]), exponential(z[width_size]), exponential(z[ratio_size]),
          exponential(z[kv_size]), exponential(z[experts_size])};
}

/// Width that a query head takes.
double width_per_head(const Space& space) {
  return static_cast<double>(space.head_dim) / space.query_ratio;
}

/// The groups of the space's window pattern, each with its share of a layer; all else is that of
/// the start.
model::ContinuousArchitecture<double> pattern_of(const Space& space,
                                                 const model::Architecture& start) {
  model::Architecture uniform = start;
  uniform.further.clear();
  auto a = model::lift(uniform);
  const LayerSplit share = layer_shares(space);
  a.groups.front().layers = share.global;
  if (share.windowed > 0.0) {
    a.groups.push_back(a.groups.front());
    a.groups.back().layers = share.windowed;
    a.groups.back().attention.window = static_cast<double>(space.window->tokens);
  }
  return a;
}

/// The architecture as a function of the relaxed sizes' logarithms; all else is that of the start.
model::ContinuousArchitecture<Number> relaxed(const model::ContinuousArchitecture<double>& start,
                                              double width_a_head, const Logs& z) {
  // x = exp z, so dx/dz = x.
  const auto variable = [&](Size size) {
    const double x = exponential(z[static_cast<std::size_t>(size)]);
    return Number(x, x * Gradient::Unit(size));
  };
  auto a = model::lift<Number>(start);
  const Number width = variable(width_size);
  for (auto& [layers, attention, ffn] : a.groups) {
    layers = variable(layers_size) * layers.value();
    attention.width = ffn.width = width;
    attention.heads = width / width_a_head;
    if (attention.kind == model::AttentionKind::gqa) attention.kv_heads = variable(kv_size);
    ffn.expert_ffn = variable(ratio_size) * width;
    ffn.experts = variable(experts_size);
  }
  return a;
}

struct Values {
  Number loss;
  std::vector<Number> usages;  // of each limit, over the limit: <= 1 is met
};

class Relaxation {
 public:
  Relaxation(const Question& question, const Target& target, double bound,
             const model::Architecture& start)
      : question_(question),
        law_(law_of(question, target)),
        scenario_(deployment_of(question, target).scenario),
        start_(pattern_of(question.space, start)) {
    limits_.push_back({weights(target.objective, scenario_), bound});
    for (const auto& limit : weighted_limits(deployment_of(question, target).limits, scenario_))
      limits_.push_back(limit);
  }

  std::size_t limit_count() const { return limits_.size(); }

  /// Values at a point; those of the last point are kept, since NLopt asks once a constraint.
  const Values& at(const Logs& z) {
    if (z == last_) return values_;
    last_ = z;
    ++evaluations_;
    const auto a = relaxed(start_, width_per_head(question_.space), z);
    const auto costs = model::costs(a, scenario_);
    values_.usages.clear();
    for (const auto& limit : limits_)
      values_.usages.emplace_back(weighted(limit.weights, costs) / limit.bound);
    values_.loss =
        model::loss(law_, model::loss_terms(law_, law_point(a)), scenario_.precision.loss_delta);
    return values_;
  }

  int evaluations() const { return evaluations_; }

 private:
  const Question& question_;
  const model::Law& law_;
  const model::Scenario& scenario_;
  model::ContinuousArchitecture<double> start_;
  std::vector<model::WeightedLimit> limits_;  // the goal first; those that the workload has
  Logs last_;
  Values values_;
  int evaluations_ = 0;
};

void copy_gradient(const Gradient& from, std::vector<double>& to) {
  if (!to.empty()) std::copy(from.data(), from.data() + sizes, to.begin());
}

double objective(const Logs& z, std::vector<double>& gradient, void* data) {
  const Number loss = static_cast<Relaxation*>(data)->at(z).loss;
  copy_gradient(loss.derivatives(), gradient);
  return loss.value();
}

/// All limits as logarithms <= 0.
void limits(unsigned count, double* result, unsigned, const double* z, double* gradient,
            void* data) {
  const auto& usages = static_cast<Relaxation*>(data)->at(Logs(z, z + sizes)).usages;
  for (unsigned i = 0; i < count; ++i) {
    result[i] = natural_log(usages[i].value());
    if (gradient == nullptr) continue;
    for (unsigned j = 0; j < sizes; ++j)
      gradient[i * sizes + j] = usages[i].derivatives()[j] / usages[i].value();
  }
}

/// KV heads <= heads, heads = query_ratio * width / head_dim.
double kv_above_heads(const Logs& z, std::vector<double>& gradient, void* data) {
  if (!gradient.empty()) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    gradient[kv_size] = 1.0;
    gradient[width_size] = -1.0;
  }
  return z[kv_size] - z[width_size] + natural_log(*static_cast<const double*>(data));
}

struct Bounds {
  Logs lower, upper;
};

Bounds bounds_of(const Question& question, const model::Architecture& start) {
  const Space& space = question.space;
  Bounds b{Logs(sizes), Logs(sizes)};
  const auto set = [&](Size size, double lo, double hi) {
    b.lower[static_cast<std::size_t>(size)] = natural_log(lo);
    b.upper[static_cast<std::size_t>(size)] = natural_log(std::max(lo, hi));
  };
  const auto layers = ends_within(space, Axis::layers);
  const auto widths = ends_within(space, Axis::width);
  const auto ratios = ends_within(space, Axis::ratio);
  set(layers_size, layers.lo, layers.hi);
  set(width_size, widths.lo, widths.hi);
  set(ratio_size, ratios.lo, ratios.hi);
  if (start.attention == model::AttentionKind::gqa) {
    const double least_heads = widths.lo / width_per_head(space);
    const double most_heads = widths.hi / width_per_head(space);
    double lo = most_heads, hi = 0;
    for (const auto& choice : space.attention) {
      if (choice.kind != model::AttentionKind::gqa) continue;
      const bool all = choice.kv_heads == model::all_heads;
      const auto n = static_cast<double>(choice.kv_heads);
      lo = std::min(lo, all ? least_heads : n);
      hi = std::max(hi, all ? most_heads : std::min(n, most_heads));
    }
    set(kv_size, std::max(lo, 1.0), hi);
  }
  if (start.experts > 1) {
    // A model with a router stays one: fewer than top_k + 1 experts would need none.
    const auto experts = ends_within(space, Axis::experts);
    set(experts_size, std::max(experts.lo, static_cast<double>(start.top_k + 1)), experts.hi);
  }
  return b;
}

}  // namespace

RelaxedStart relaxed_start(const model::Architecture& a) {
  return {a,
          {.layers = static_cast<double>(model::depth(a)),
           .width = static_cast<double>(a.width),
           .ffn_ratio = static_cast<double>(a.expert_ffn) / static_cast<double>(a.width),
           .kv_heads = static_cast<double>(std::max<std::int64_t>(a.kv_heads, 1)),
           .experts = static_cast<double>(a.experts)}};
}

std::optional<RelaxedStart> closed_form_start(const Question& question, const Target& target,
                                              double bound, const theory::ShapeBox& box) {
  const Space& space = question.space;
  const bool gqa =
      std::any_of(space.attention.begin(), space.attention.end(),
                  [](const AttentionChoice& c) { return c.kind == model::AttentionKind::gqa; });
  const auto routings = expert_options(space);
  if (!gqa || routings.empty()) return std::nullopt;
  const auto& [s, limits] = deployment_of(question, target);
  theory::Shape shape;
  try {
    const double memory = limits.of(model::Objective::memory);
    shape = theory::optimise(law_of(question, target), theory::xi_model(s),
                             theory::budgets_at(s, target.objective, bound, memory), box)
                .shape;
  } catch (const DomainError&) {
    return std::nullopt;  // a start that the simple model does not have
  }
  // The fewest active experts that go with the rate.
  const auto distance = [&](const ExpertOption& o) {
    const double rate = static_cast<double>(o.top_k) / static_cast<double>(o.experts);
    return std::abs(natural_log(rate / shape.activation_rate));
  };
  const auto routing = std::min_element(routings.begin(), routings.end(),
                                        [&](const ExpertOption& a, const ExpertOption& b) {
                                          const double x = distance(a), y = distance(b);
                                          return x < y || (x == y && a.top_k < b.top_k);
                                        });
  // What the closed forms say nothing of is that of the first values; sizes are relaxed.
  RelaxedStart start;
  auto& a = start.architecture;
  a = FfnOptions(space, {*routing}).first({}).architecture;
  a.layers = a.heads = a.kv_heads = a.expert_ffn = 1;
  a.width = a.head_dim = space.head_dim;
  a.vocab = space.vocab;
  a.tied = space.tied;
  const double hidden = shape.ffn_ratio * shape.width * 3.0 / model::ffn_matrices(a.ffn) -
                        static_cast<double>(a.shared_ffn);
  start.sizes = {
      .layers = shape.layers,
      .width = shape.width,
      .ffn_ratio = std::max(hidden, 1.0) / shape.width / static_cast<double>(routing->top_k),
      .kv_heads = shape.width / shape.gqa / static_cast<double>(space.head_dim),
      .experts = static_cast<double>(routing->experts)};
  return start;
}

RelaxedSolution relax(const Question& question, const Target& target, double bound,
                      const RelaxedStart& start, int most) {
  Relaxation relaxation(question, target, bound, start.architecture);
  const Bounds bounds = bounds_of(question, start.architecture);
  Logs z = to_logs(start.sizes);
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] = std::clamp(z[i], bounds.lower[i], bounds.upper[i]);

  nlopt::opt solver(nlopt::LD_SLSQP, sizes);
  solver.set_lower_bounds(bounds.lower);
  solver.set_upper_bounds(bounds.upper);
  solver.set_min_objective(objective, &relaxation);
  constexpr double tolerance = 1e-6;
  solver.add_inequality_mconstraint(limits, &relaxation,
                                    std::vector<double>(relaxation.limit_count(), tolerance));
  double width_a_head = width_per_head(question.space);
  if (start.architecture.attention == model::AttentionKind::gqa)
    solver.add_inequality_constraint(kv_above_heads, &width_a_head, tolerance);
  solver.set_xtol_abs(1e-3);  // a thousandth of a size is less than any rounding
  solver.set_maxeval(most);
  RelaxedSolution out;
  try {
    double loss = 0;
    const nlopt::result result = solver.optimize(z, loss);
    out.end =
        result == nlopt::MAXEVAL_REACHED ? RelaxedEnd::out_of_evaluations : RelaxedEnd::converged;
  } catch (const Error&) {
    throw;                               // of our own making
  } catch (const std::runtime_error&) {  // NLopt's way to say so; z is where it was
    out.end = RelaxedEnd::failed;
  }
  const Values& values = relaxation.at(z);
  out.sizes = to_sizes(z);
  out.loss = values.loss.value();
  out.value = values.usages.front().value() * bound;
  out.feasible = std::all_of(values.usages.begin(), values.usages.end(),
                             [](const Number& usage) { return usage.value() <= 1.0 + 1e-3; });
  out.evaluations = relaxation.evaluations();
  return out;
}

}  // namespace rooflaw::search
