#include "rooflaw/fit/calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <Eigen/Dense>
#include <nlopt.hpp>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::fit {

namespace {

// Tunable, in log units: what a residual is measured in, and from how many of these on it counts by
// its size, not by its square.
constexpr double decode_scale = 0.09, prefill_scale = 0.12;
constexpr double outlier = 1.5;
constexpr double switch_cost = 0.5;  // what a switch off its usual place must gain
constexpr int most_evaluations = 120;
constexpr double goal = 1e-7;  // relative change of the objective

constexpr double least_efficiency = 1e-4;
constexpr double most_bandwidth = 1.0;  // a higher one is a fault of peaks or of bytes
constexpr double most_compute = 1.5;    // of inputs: peaks are often no vendor's
constexpr double least_overhead_s = 1e-8, most_layer_overhead_s = 0.1, most_pass_overhead_s = 1.0;

/// A number that varies with the unknowns of a test.
using Rate = Eigen::AutoDiffScalar<Eigen::Matrix<double, kind_count, 1>>;
using Places = std::array<Eigen::Index, kind_count>;

double scale_of(model::Phase phase) {
  return phase == model::Phase::decode ? decode_scale : prefill_scale;
}

/// Where the unknowns of a format stand, by kind.
Places places_of(const std::string& format, const std::vector<Unknown>& unknowns) {
  Places places;
  places.fill(-1);
  for (std::size_t i = 0; i < unknowns.size(); ++i)
    if (!by_format(unknowns[i].kind) || unknowns[i].format == format)
      places[static_cast<std::size_t>(unknowns[i].kind)] = static_cast<Eigen::Index>(i);
  if (std::find(places.begin(), places.end(), -1) != places.end())
    throw Error("format " + format + " is not among what is fitted");
  return places;
}

template <class R>
model::BasicEfficiency<R> efficiency_from(const std::array<R, kind_count>& x) {
  const auto of = [&](Kind kind) { return x[static_cast<std::size_t>(kind)]; };
  return {.compute = of(Kind::compute),
          .attention = of(Kind::attention),
          .bandwidth = of(Kind::bandwidth),
          .kv_bandwidth = of(Kind::kv_bandwidth),
          .layer_overhead_s = of(Kind::layer_overhead),
          .pass_overhead_s = of(Kind::pass_overhead),
          .state = of(Kind::state)};
}

/// Its own matmul type, or the one that the chip computes it in instead.
model::Precision on_device(model::Precision precision, const model::Device& device) {
  using model::ComputeType;
  if (device.has(precision.matmul)) return precision;
  precision.matmul = device.peak_flops.begin()->first;
  for (const auto type : {ComputeType::fp32, ComputeType::bf16, ComputeType::fp16})
    if (device.has(type)) precision.matmul = type;
  return precision;
}

template <class R>
model::BasicScenario<R> scenario_of(const Speed& speed, const model::Device& device,
                                    const Switches& switches) {
  model::BasicScenario<R> s{.device = device,
                            .precision = on_device(speed.precision, device),
                            .workload = {.id = {}, .batch = speed.batch},
                            .engine = {},
                            .attention_type = {},
                            .trust = {},
                            .rates = {}};
  s.attention_type = attention_type(device, s.precision);
  s.engine.flash = speed.flash.value_or(!switches.eager);
  s.engine.query_heads = switches.query_heads;
  s.engine.mla_expanded = switches.expanded;
  s.engine.elementwise = switches.fused ? model::Elementwise::fused : model::Elementwise::separate;
  s.engine.prefill_chunk = speed.chunk;
  return s;
}

template <class R>
R seconds_of(const Speed& speed, model::BasicScenario<R>& s) {
  const auto phase_at = [&](std::int64_t input, std::int64_t output) {
    s.workload.input_tokens = input;
    s.workload.output_tokens = output;
    return R(time_of(speed.architecture, s, speed.phase).seconds);
  };
  if (speed.phase == model::Phase::decode) return phase_at(speed.context, speed.tokens);
  const R whole = phase_at(speed.context + speed.tokens, 0);
  if (speed.context == 0) return whole;
  const R before = phase_at(speed.context, 0);
  // Both end with the output head, and the test does.
  const auto& a = speed.architecture;
  return whole - before + head_time(a.width(), a.tables.vocab, s, speed.phase).seconds;
}

/// A test, and what of it does not change while efficiencies are fitted.
struct Test {
  const Speed* speed;
  model::BasicScenario<Rate> scenario;
  Places places;

  /// log(predicted / measured) and its derivatives.
  Rate error(const Eigen::VectorXd& at) {
    std::array<Rate, kind_count> x;
    for (std::size_t i = 0; i < kind_count; ++i) {
      const double e = exponential(at[places[i]]);
      x[i] = Rate(e, kind_count, static_cast<int>(i));
      x[i].derivatives()[static_cast<Eigen::Index>(i)] = e;  // by the logarithm
    }
    auto& s = scenario;
    s.rates = rates(s.device, s.precision, s.attention_type, efficiency_from(x));
    const Rate seconds = seconds_of(*speed, s);
    return {natural_log(seconds.value() / speed->seconds), seconds.derivatives() / seconds.value()};
  }
};

struct Problem {
  std::vector<Test> tests;
  const Prior& prior;

  double objective(const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    gradient = prior.penalty_gradient(at);
    double sum = prior.penalty(at);
    for (auto& test : tests) {
      const Rate error = test.error(at);
      const double scale = scale_of(test.speed->phase);
      const double z = error.value() / scale;
      const double root = std::sqrt(1.0 + z * z / (outlier * outlier));
      sum += outlier * outlier * (root - 1.0);
      for (std::size_t i = 0; i < kind_count; ++i)
        gradient[test.places[i]] +=
            z / root / scale * error.derivatives()[static_cast<Eigen::Index>(i)];
    }
    return sum;
  }
};

Problem problem_of(const Group& group, const Prior& prior, const Switches& switches,
                   const std::string& without_shape) {
  Problem problem{{}, prior};
  for (const auto& speed : group.speeds)
    if (speed.shape != without_shape || without_shape.empty())
      problem.tests.push_back({&speed, scenario_of<Rate>(speed, group.device, switches),
                               places_of(speed.precision.id, prior.unknowns)});
  return problem;
}

struct Bounds {
  std::vector<double> lower, upper;
};
double most_of(Kind kind) {
  switch (kind) {
    case Kind::bandwidth:
    case Kind::kv_bandwidth:
      return most_bandwidth;
    case Kind::layer_overhead:
      return most_layer_overhead_s;
    case Kind::pass_overhead:
      return most_pass_overhead_s;
    default:
      return most_compute;
  }
}
Bounds bounds_of(const std::vector<Unknown>& unknowns) {
  Bounds b;
  for (const auto& u : unknowns) {
    const bool overhead = u.kind == Kind::layer_overhead || u.kind == Kind::pass_overhead;
    b.lower.push_back(natural_log(overhead ? least_overhead_s : least_efficiency));
    b.upper.push_back(natural_log(most_of(u.kind)));
  }
  return b;
}

double objective_of(unsigned count, const double* at, double* gradient, void* problem) {
  Eigen::VectorXd slopes;
  const double value = static_cast<Problem*>(problem)->objective(
      Eigen::Map<const Eigen::VectorXd>(at, count), slopes);
  if (gradient != nullptr) Eigen::Map<Eigen::VectorXd>(gradient, count) = slopes;
  return value;
}

int off_usual(const Switches& s, const Switches& usual) {
  return (s.query_heads != usual.query_heads) + (s.eager != usual.eager) +
         (s.fused != usual.fused) + (s.expanded != usual.expanded);
}

Fit fit_with(const Group& group, const Prior& prior, const std::string& without_shape,
             const Switches& switches, const Eigen::VectorXd& start) {
  Problem problem = problem_of(group, prior, switches, without_shape);
  const auto n = static_cast<std::size_t>(start.size());
  const Bounds bounds = bounds_of(prior.unknowns);
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = std::clamp(start[static_cast<Eigen::Index>(i)], bounds.lower[i], bounds.upper[i]);
  nlopt::opt solver(nlopt::LD_LBFGS, static_cast<unsigned>(n));
  solver.set_lower_bounds(bounds.lower);
  solver.set_upper_bounds(bounds.upper);
  solver.set_maxeval(most_evaluations);
  solver.set_ftol_rel(goal);
  solver.set_min_objective(objective_of, &problem);
  try {
    double value = 0;
    solver.optimize(x, value);
  } catch (const nlopt::roundoff_limited&) {
    // No further progress in double precision: x is the best point.
  } catch (const std::runtime_error&) {
    // The line search found no lower point: x is the best, too.
  }
  Fit fit{.values = Eigen::Map<const Eigen::VectorXd>(x.data(), start.size()),
          .switches = switches};
  Eigen::VectorXd gradient;
  fit.objective = problem.objective(fit.values, gradient) +
                  switch_cost * off_usual(switches, usual_switches(group.family));
  return fit;
}

}  // namespace

namespace {
bool recurrent(const Speed& s) {
  return std::any_of(s.architecture.groups.begin(), s.architecture.groups.end(), [](const auto& g) {
    return g.attention.kind == model::AttentionKind::recurrent;
  });
}
}  // namespace

Switches usual_switches(const Family& family) {
  return {.eager = family[1].ends_with("llama.cpp")};
}

std::vector<Unknown> unknowns_of(const Group& group, const std::vector<model::Precision>& further) {
  std::map<std::string, Width> formats;
  for (const auto& s : group.speeds) formats[s.precision.id] = width_of(s.precision);
  for (const auto& p : further) formats[p.id] = width_of(p);
  std::vector<Unknown> unknowns;
  for (std::size_t i = 0; i < kind_count; ++i)
    if (const auto kind = static_cast<Kind>(i); !by_format(kind)) unknowns.push_back({kind});
  for (const auto& [format, width] : formats)
    for (const auto kind : {Kind::bandwidth, Kind::compute})
      unknowns.push_back({kind, format, width});
  return unknowns;
}

Fit fit_group(const Group& group, const Prior& prior, const std::string& without_shape) {
  const Switches usual = usual_switches(group.family);
  Fit best = fit_with(group, prior, without_shape, usual, prior.mean);
  for (const auto toggle :
       {&Switches::eager, &Switches::query_heads, &Switches::expanded, &Switches::fused}) {
    Switches changed = best.switches;
    changed.*toggle = !(changed.*toggle);
    Fit fit = fit_with(group, prior, without_shape, changed, best.values);
    if (fit.objective < best.objective) best = std::move(fit);
  }
  return best;
}

Fit prior_fit(const Prior& prior, const Family& family) {
  return {.values = prior.mean, .switches = usual_switches(family)};
}

std::vector<Evidence> evidence_of(const Group& group, const Prior& prior, const Fit& fit) {
  // Decode tells bandwidths and overheads, prefill the compute rates.
  const auto tells = [](const Unknown& u, const Speed& s) {
    const bool of_prefill =
        u.kind == Kind::compute || u.kind == Kind::attention || u.kind == Kind::state;
    if (u.kind == Kind::state && !recurrent(s)) return false;
    return of_prefill == (s.phase == model::Phase::prefill) &&
           (!by_format(u.kind) || u.format == s.precision.id);
  };
  std::vector<Evidence> evidence;
  for (std::size_t i = 0; i < prior.unknowns.size(); ++i) {
    const Unknown& u = prior.unknowns[i];
    if (std::any_of(group.speeds.begin(), group.speeds.end(),
                    [&](const Speed& s) { return tells(u, s); }))
      evidence.push_back(
          {group.device.id, group.family, u, fit.values[static_cast<Eigen::Index>(i)]});
  }
  return evidence;
}

double log_error(const Speed& speed, const model::Device& device, const Prior& prior,
                 const Fit& fit) {
  auto s = scenario_of<double>(speed, device, fit.switches);
  s.rates =
      rates(s.device, s.precision, s.attention_type, efficiency_of(speed.precision.id, prior, fit));
  return natural_log(seconds_of(speed, s) / speed.seconds);
}

Spreads spreads_of(const Group& group, const Prior& prior, const Fit& fit) {
  Eigen::MatrixXd information = prior.precision;
  for (auto& test : problem_of(group, prior, fit.switches, {}).tests) {
    const Rate error = test.error(fit.values);
    const double scale = scale_of(test.speed->phase);
    for (std::size_t i = 0; i < kind_count; ++i)
      for (std::size_t j = 0; j < kind_count; ++j)
        information(test.places[i], test.places[j]) +=
            error.derivatives()[static_cast<Eigen::Index>(i)] *
            error.derivatives()[static_cast<Eigen::Index>(j)] / (scale * scale);
  }
  return {.fitted = information.inverse().diagonal().cwiseSqrt(),
          .prior = prior.precision.inverse().diagonal().cwiseSqrt()};
}

model::Efficiency efficiency_of(const std::string& format, const Prior& prior, const Fit& fit) {
  const Places places = places_of(format, prior.unknowns);
  std::array<double, kind_count> x{};
  for (std::size_t i = 0; i < kind_count; ++i) x[i] = exponential(fit.values[places[i]]);
  return efficiency_from(x);
}

}  // namespace rooflaw::fit
