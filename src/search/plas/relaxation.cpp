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
  return {std::log(s.layers), std::log(s.width), std::log(s.ffn_ratio), std::log(s.kv_heads),
          std::log(s.experts)};
}

RelaxedSizes to_sizes(const Logs& z) {
  return {std::exp(z[layers_size]), std::exp(z[width_size]), std::exp(z[ratio_size]),
          std::exp(z[kv_size]), std::exp(z[experts_size])};
}

/// distinct_experts with its derivative in the experts.
Number distinct(const Number& experts, double top_k, double tokens) {
  const double e = experts.value();
  const double value = model::distinct_experts(e, top_k, tokens);
  if (e <= 1.0 || tokens == 1.0) return {value, Gradient::Zero()};
  // d/dE [E - E q^n], q = 1 - K/E
  const double q = 1.0 - top_k / e;
  const double slope = value / e - tokens * (top_k / e) * std::pow(q, tokens - 1.0);
  return {value, slope * experts.derivatives()};
}

/// Everything a constraint or the objective asks of the model at one point.
struct Values {
  Number loss, prefill_s, decode_s, memory_bytes;
};

class Relaxation {
 public:
  Relaxation(const Question& question, const Deployment& deployment, model::Objective kind,
             double latency_s, const model::Architecture& fixed)
      : question_(question),
        deployment_(deployment),
        kind_(kind),
        latency_s_(latency_s),
        fixed_(fixed) {}

  /// Values at a point; those of the last point are kept, since NLopt asks once a constraint.
  const Values& at(const Logs& z) {
    if (z == last_) return values_;
    last_ = z;
    ++evaluations_;
    const RelaxedSizes s = to_sizes(z);
    // x = exp z, so dx/dz = x.
    const auto variable = [](double x, int i) { return Number(x, x * Gradient::Unit(i)); };
    const Number layers = variable(s.layers, layers_size);
    const Number width = variable(s.width, width_size);
    const Number ratio = variable(s.ffn_ratio, ratio_size);
    const Number experts = variable(s.experts, experts_size);
    const auto constant = [](double x) { return Number(x, Gradient::Zero()); };

    const auto whole = model::attention_shape(fixed_);
    const double per_head = static_cast<double>(question_.space.head_dim);
    const bool mla = fixed_.attention == model::AttentionKind::mla;
    const model::AttentionShape<Number> attention{
        .kind = whole.kind,
        .width = width,
        .heads = width / per_head,
        .kv_heads = mla ? constant(0.0) : variable(s.kv_heads, kv_size),
        .kv_lora_rank = constant(whole.kv_lora_rank),
        .head_dim = whole.head_dim,
        .q_lora_rank = whole.q_lora_rank,
        .qk_nope_head_dim = whole.qk_nope_head_dim,
        .qk_rope_head_dim = whole.qk_rope_head_dim,
        .v_head_dim = whole.v_head_dim};
    const auto block = model::ffn_shape(fixed_);
    const model::FfnShape<Number> ffn{.kind = block.kind,
                                      .width = width,
                                      .expert_ffn = ratio * width,
                                      .experts = experts,
                                      .top_k = constant(block.top_k),
                                      .shared_ffn = constant(block.shared_ffn),
                                      .routed = constant(block.routed),
                                      .has_shared = constant(block.has_shared),
                                      .sparsity = block.sparsity};

    const auto& scenario = deployment_.scenario;
    const auto vocab = static_cast<double>(fixed_.vocab);
    const auto seconds = [&](model::Phase phase) {
      const double tokens = model::first_pass(scenario, phase).tokens;
      return model::phase_seconds<Number>(
          layers, attention, ffn, distinct(experts, block.top_k, tokens), vocab, scenario, phase);
    };
    values_.prefill_s = seconds(model::Phase::prefill);
    values_.decode_s = seconds(model::Phase::decode);

    const auto& precision = scenario.precision;
    const Number workspace = model::workspace_bytes<Number>(
        width, model::attention_activations(attention), model::ffn_activations(ffn), scenario);
    const Number embedding =
        model::embedding_params(width, vocab, fixed_.tied) * precision.head_bytes;
    values_.memory_bytes =
        model::model_memory<Number>(layers, model::attention_weight_bytes(attention, precision),
                                    model::ffn_weight_bytes(ffn, precision), embedding,
                                    model::kv_cache_bytes(attention, scenario), workspace)
            .total();

    const model::LawPoint<Number> point{.layers = layers,
                                        .width = width,
                                        .ffn_ratio = ffn.ffn_ratio(),
                                        .activation_rate = ffn.activation_rate(),
                                        .kv_dim = attention.kv_dim()};
    values_.loss =
        model::loss(question_.law, model::loss_terms(question_.law, point), precision.loss_delta);
    return values_;
  }

  Number latency(const Logs& z) {
    const Values& v = at(z);
    if (kind_ == model::Objective::prefill) return v.prefill_s;
    if (kind_ == model::Objective::total) return v.prefill_s + v.decode_s;
    return v.decode_s / static_cast<double>(deployment_.scenario.workload.output_tokens);
  }

  /// Usage over limit of each limit there is; <= 1 is met.
  std::vector<Number> usages(const Logs& z) {
    const Values& v = at(z);
    std::vector<Number> all{latency(z) / latency_s_};
    const auto add = [&](const Number& usage, double limit) {
      if (std::isfinite(limit)) all.emplace_back(usage / limit);
    };
    add(v.memory_bytes, deployment_.memory_budget_bytes);
    add(v.prefill_s, deployment_.limits.prefill_s);
    add(v.decode_s, deployment_.limits.tpot_s *
                        static_cast<double>(deployment_.scenario.workload.output_tokens));
    add(v.prefill_s + v.decode_s, deployment_.limits.total_s);
    // A phase the workload does not have limits nothing, and has no logarithm.
    std::erase_if(all, [](const Number& usage) { return !(usage.value() > 0.0); });
    return all;
  }

  int evaluations() const { return evaluations_; }

 private:
  const Question& question_;
  const Deployment& deployment_;
  model::Objective kind_;
  double latency_s_;
  const model::Architecture& fixed_;
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
  const auto usages = static_cast<Relaxation*>(data)->usages(Logs(z, z + sizes));
  for (unsigned i = 0; i < count; ++i) {
    result[i] = std::log(usages[i].value());
    if (gradient == nullptr) continue;
    for (unsigned j = 0; j < sizes; ++j)
      gradient[i * sizes + j] = usages[i].derivatives()[j] / usages[i].value();
  }
}

/// KV heads <= heads, heads = width / head_dim.
double kv_above_heads(const Logs& z, std::vector<double>& gradient, void* data) {
  if (!gradient.empty()) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    gradient[kv_size] = 1.0;
    gradient[width_size] = -1.0;
  }
  return z[kv_size] - z[width_size] + std::log(*static_cast<const double*>(data));
}

struct Bounds {
  Logs lower, upper;
};

Bounds bounds_of(const Question& question, const model::Architecture& start) {
  const Space& space = question.space;
  Bounds b{Logs(sizes), Logs(sizes)};
  const auto set = [&](Size size, double lo, double hi) {
    b.lower[static_cast<std::size_t>(size)] = std::log(lo);
    b.upper[static_cast<std::size_t>(size)] = std::log(std::max(lo, hi));
  };
  const auto layers = ends_within(space, Axis::layers);
  const auto widths = ends_within(space, Axis::width);
  const auto ratios = ends_within(space, Axis::ratio);
  set(layers_size, layers.lo, layers.hi);
  set(width_size, widths.lo, widths.hi);
  set(ratio_size, ratios.lo, ratios.hi);
  if (start.attention == model::AttentionKind::gqa) {
    const double least_heads = widths.lo / static_cast<double>(space.head_dim);
    const double most_heads = widths.hi / static_cast<double>(space.head_dim);
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
          {.layers = static_cast<double>(a.layers),
           .width = static_cast<double>(a.width),
           .ffn_ratio = static_cast<double>(a.expert_ffn) / static_cast<double>(a.width),
           .kv_heads = static_cast<double>(std::max<std::int64_t>(a.kv_heads, 1)),
           .experts = static_cast<double>(a.experts)}};
}

std::optional<RelaxedStart> closed_form_start(const Question& question,
                                              const Deployment& deployment, model::Objective kind,
                                              double latency_s, const theory::ShapeBox& box) {
  const Space& space = question.space;
  const bool gqa =
      std::any_of(space.attention.begin(), space.attention.end(),
                  [](const AttentionChoice& c) { return c.kind == model::AttentionKind::gqa; });
  const auto routings = expert_options(space);
  if (!gqa || routings.empty()) return std::nullopt;
  const auto& s = deployment.scenario;
  std::optional<double> memory;
  if (std::isfinite(deployment.memory_budget_bytes)) memory = deployment.memory_budget_bytes;
  theory::Shape shape;
  try {
    shape = theory::optimise(question.law, theory::xi_model(s),
                             theory::budgets_at_latency(s, kind, latency_s, memory), box)
                .shape;
  } catch (const DomainError&) {
    return std::nullopt;  // a start that the simple model does not have
  }
  // The fewest active experts that go with the rate.
  const auto distance = [&](const ExpertOption& o) {
    const double rate = static_cast<double>(o.top_k) / static_cast<double>(o.experts);
    return std::abs(std::log(rate / shape.activation_rate));
  };
  const auto routing = std::min_element(routings.begin(), routings.end(),
                                        [&](const ExpertOption& a, const ExpertOption& b) {
                                          const double x = distance(a), y = distance(b);
                                          return x < y || (x == y && a.top_k < b.top_k);
                                        });
  const auto kind_of_ffn = space.ffn.front();
  RelaxedStart start;
  start.architecture = {.layers = 1,
                        .width = space.head_dim,
                        .heads = 1,
                        .head_dim = space.head_dim,
                        .kv_heads = 1,
                        .ffn = kind_of_ffn,
                        .expert_ffn = 1,
                        .experts = routing->experts,
                        .top_k = routing->top_k,
                        .shared_ffn = space.shared_ffn.front(),
                        .ffn_sparsity = space.ffn_sparsity,
                        .vocab = space.vocab,
                        .tied = space.tied};
  const double hidden = shape.ffn_ratio * shape.width * 3.0 / model::ffn_matrices(kind_of_ffn) -
                        static_cast<double>(space.shared_ffn.front());
  start.sizes = {
      .layers = shape.layers,
      .width = shape.width,
      .ffn_ratio = std::max(hidden, 1.0) / shape.width / static_cast<double>(routing->top_k),
      .kv_heads = shape.width / shape.gqa / static_cast<double>(space.head_dim),
      .experts = static_cast<double>(routing->experts)};
  return start;
}

RelaxedSolution relax(const Question& question, const Deployment& deployment, model::Objective kind,
                      double latency_s, const RelaxedStart& start, int most) {
  Relaxation relaxation(question, deployment, kind, latency_s, start.architecture);
  const Bounds bounds = bounds_of(question, start.architecture);
  Logs z = to_logs(start.sizes);
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] = std::clamp(z[i], bounds.lower[i], bounds.upper[i]);

  nlopt::opt solver(nlopt::LD_SLSQP, sizes);
  solver.set_lower_bounds(bounds.lower);
  solver.set_upper_bounds(bounds.upper);
  solver.set_min_objective(objective, &relaxation);
  const std::size_t limit_count = relaxation.usages(z).size();
  constexpr double tolerance = 1e-6;
  solver.add_inequality_mconstraint(limits, &relaxation,
                                    std::vector<double>(limit_count, tolerance));
  double head_dim = static_cast<double>(question.space.head_dim);
  if (start.architecture.attention == model::AttentionKind::gqa)
    solver.add_inequality_constraint(kv_above_heads, &head_dim, tolerance);
  solver.set_xtol_abs(1e-3);  // a thousandth of a size is less than any rounding
  solver.set_maxeval(most);
  RelaxedSolution out;
  try {
    double loss = 0;
    const nlopt::result result = solver.optimize(z, loss);
    out.end =
        result == nlopt::MAXEVAL_REACHED ? RelaxedEnd::out_of_evaluations : RelaxedEnd::converged;
  } catch (const std::runtime_error&) {  // NLopt's way to say so; z is where it was
    out.end = RelaxedEnd::failed;
  }
  out.sizes = to_sizes(z);
  out.loss = relaxation.at(z).loss.value();
  out.latency_s = relaxation.latency(z).value();
  const auto usages = relaxation.usages(z);
  out.feasible = std::all_of(usages.begin(), usages.end(),
                             [](const Number& usage) { return usage.value() <= 1.0 + 1e-3; });
  out.evaluations = relaxation.evaluations();
  return out;
}

}  // namespace rooflaw::search
