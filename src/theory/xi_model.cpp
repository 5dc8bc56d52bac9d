#include "rooflaw/theory/xi_model.hpp"

#include <cmath>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"

namespace rooflaw::theory {

namespace {

bool positive_and_finite(double x) { return x > 0.0 && std::isfinite(x); }

void require_positive_and_finite(double x, std::string_view what) {
  if (!positive_and_finite(x))
    throw DomainError(fmt::format("{} = {}: must be positive and finite", what, x));
}

/// No limit if infinite.
std::optional<double> checked_limit(std::optional<double> limit, std::string_view what) {
  if (limit && !(*limit > 0.0))
    throw DomainError(fmt::format("{} budget = {}: must be positive", what, *limit));
  if (limit && std::isinf(*limit)) return std::nullopt;
  return limit;
}

}  // namespace

double mean_context(const model::Workload& workload) {
  return static_cast<double>(workload.input_tokens) +
         0.5 * (static_cast<double>(workload.output_tokens) + 1.0);
}

void require_valid(const XiModel& xi) {
  require_positive_and_finite(xi.weight_bytes, "weight_bytes");
  require_positive_and_finite(xi.kv_bytes, "kv_bytes");
  if (!(xi.cached_tokens >= 0.0 && std::isfinite(xi.cached_tokens)))
    throw DomainError(
        fmt::format("cached_tokens = {}: must be finite and not negative", xi.cached_tokens));
}

XiModel xi_model(const model::Scenario& scenario) {
  const double slower_cache = scenario.rates.s_per_kv_byte / scenario.rates.s_per_byte;
  return {.weight_bytes = scenario.precision.ffn_weight_bytes,
          .kv_bytes = scenario.precision.kv_bytes * slower_cache,
          .cached_tokens =
              static_cast<double>(scenario.workload.batch) * mean_context(scenario.workload)};
}

namespace {

/// x to a power that is mostly a small whole number.
double raised(double x, double to) {
  if (to == 0.0) return 1.0;
  if (to == 1.0) return x;
  if (to == -1.0) return 1.0 / x;
  if (to == 2.0) return x * x;
  return power(x, to);
}

// Weights that a token passes through, and those stored, in units of the factor.
ShapeSum weights(double factor, double attention, double ffn, double rate_power) {
  return {{attention * factor, {.width = 2}},
          {attention * factor, {.width = 2, .gqa = -1}},
          {ffn * factor, {.width = 2, .ffn_ratio = 1, .activation_rate = rate_power}}};
}
ShapeSum prefill_work() { return weights(1.0, 4.0, 6.0, 0.0); }
ShapeSum decode_weights(double bytes) { return weights(bytes, 2.0, 3.0, 0.0); }
ShapeSum stored_weights(double bytes) { return weights(bytes, 2.0, 3.0, -1.0); }
ShapeTerm cache(const XiModel& xi) {
  return {2.0 * xi.cached_tokens * xi.kv_bytes, {.width = 1, .gqa = -1}};
}

double per_width_squared(const ShapeSum& sum, const Shape& shape) {
  return value_at(sum, shape) / (shape.width * shape.width);
}

}  // namespace

double value_at(const ShapeSum& sum, const Shape& shape) {
  double value = 0;
  for (const auto& [coefficient, powers] : sum)
    value += coefficient * raised(shape.layers, powers.layers) * raised(shape.width, powers.width) *
             raised(shape.ffn_ratio, powers.ffn_ratio) * raised(shape.gqa, powers.gqa) *
             raised(shape.activation_rate, powers.activation_rate);
  return value;
}

ShapeSum layer_work(const XiModel& xi, Resource resource) {
  switch (resource) {
    case Resource::prefill:
      return prefill_work();
    case Resource::decode: {
      ShapeSum sum = decode_weights(xi.weight_bytes);
      if (cache(xi).coefficient > 0.0) sum.push_back(cache(xi));
      return sum;
    }
    case Resource::memory:
      return stored_weights(xi.weight_bytes);
    case Resource::total:
      break;
  }
  throw DomainError("the total time of a layer needs a budget, which holds the rates");
}

double xi_prefill(const Shape& shape) { return per_width_squared(prefill_work(), shape); }
double xi_decode(const Shape& shape) { return per_width_squared(decode_weights(1.0), shape); }
double xi_all(const Shape& shape) { return per_width_squared(stored_weights(1.0), shape); }
double xi_delta(const XiModel& xi, const Shape& shape) {
  return per_width_squared({cache(xi)}, shape) / xi.weight_bytes;
}
double xi_effective(const XiModel& xi, const Shape& shape) {
  return xi_decode(shape) + xi_delta(xi, shape);
}

double prefill_flop_per_layer(const Shape& shape) { return value_at(prefill_work(), shape); }
double decode_bytes_per_layer(const XiModel& xi, const Shape& shape) {
  return value_at(layer_work(xi, Resource::decode), shape);
}
double memory_bytes_per_layer(const XiModel& xi, const Shape& shape) {
  return value_at(layer_work(xi, Resource::memory), shape);
}

model::LawPoint<double> law_point(const Shape& shape) {
  return {.layers = shape.layers,
          .width = shape.width,
          .ffn_ratio = shape.ffn_ratio,
          .activation_rate = shape.activation_rate,
          .kv_dim = shape.width / shape.gqa};
}

double loss(const model::Law& law, const Shape& shape, double loss_delta) {
  return model::loss(law, model::loss_terms(law, law_point(shape)), loss_delta);
}

void require_posynomial(const model::Law& law) {
  if (!is_separable(law))
    throw DomainError(fmt::format("law {} {}", law.id, why_not_searched(law)));
  for (const auto& c : model::law_coefficients<>) {
    const double x = law.*c.member;
    if (!std::isfinite(x) || (c.kind == model::CoefficientKind::factor && x < 0.0))
      throw DomainError(
          fmt::format("law.{} = {}: factors must be >= 0, all coefficients finite", c.name, x));
  }
}

void require_usable(const model::Law& law) {
  require_posynomial(law);
  using L = model::Law;
  // beta_1 and beta_2 may have any sign.
  for (const auto member : {&L::kappa_l, &L::alpha_l, &L::kappa_rho, &L::alpha_rho, &L::alpha_r,
                            &L::kappa_d, &L::kappa_m, &L::alpha_m})
    for (const auto& c : model::law_coefficients<>)
      if (c.member == member)
        require_positive_and_finite(law.*member, fmt::format("law.{}", c.name));
}

EffectiveRates effective_rates(const model::Scenario& scenario) {
  return {.flop_per_s = 1.0 / scenario.rates.s_per_matmul_flop,
          .bytes_per_s = 1.0 / scenario.rates.s_per_byte};
}

namespace {
void tighten(std::optional<double>& limit, double bound) {
  limit = limit ? std::min(*limit, bound) : bound;
}

void tighten(std::optional<TotalBudget>& limit, const TotalBudget& bound) {
  if (limit && (limit->s_per_prefill_flop != bound.s_per_prefill_flop ||
                limit->s_per_decode_byte != bound.s_per_decode_byte))
    throw DomainError("two budgets weigh prefill and decode differently");
  if (!limit || bound.seconds < limit->seconds) limit = bound;
}
}  // namespace

Budgets to_budgets(const model::Limits& limits, const model::Scenario& scenario) {
  const auto rates = effective_rates(scenario);
  require_positive_and_finite(rates.flop_per_s, "effective FLOP/s");
  require_positive_and_finite(rates.bytes_per_s, "effective bytes/s");
  const auto& workload = scenario.workload;
  const double prompt =
      static_cast<double>(workload.batch) * static_cast<double>(workload.input_tokens);
  const auto steps = static_cast<double>(workload.output_tokens);

  Budgets budgets;
  for (const auto& [objective, bound] : limits.finite()) {
    if (!(bound > 0.0))
      throw DomainError(
          fmt::format("{} budget = {}: must be positive", to_string(objective), bound));
    model::require_applies(objective, scenario);
    const model::Weights w = weights(objective, scenario);
    const double seconds = bound * w.per;
    // A budget too small for a double is still one, which nothing meets.
    const auto work = [](double amount) {
      return std::max(amount, std::numeric_limits<double>::min());
    };
    if (w.memory > 0.0)
      tighten(budgets.memory_bytes, work(bound / w.memory));
    else if (w.decode == 0.0)
      tighten(budgets.prefill_flop_per_token,
              work(seconds / w.prefill * rates.flop_per_s / prompt));
    else if (w.prefill == 0.0)
      tighten(budgets.decode_bytes_per_token, work(seconds / w.decode * rates.bytes_per_s / steps));
    else
      tighten(budgets.total, {.seconds = work(seconds),
                              .s_per_prefill_flop = w.prefill * prompt / rates.flop_per_s,
                              .s_per_decode_byte = w.decode * steps / rates.bytes_per_s});
  }
  return budgets;
}

Budgets budgets_at(const model::Scenario& scenario, model::Objective objective, double bound,
                   double memory_bytes) {
  model::Limits limits;
  limits.set(model::Objective::memory, memory_bytes);
  limits.set(objective, bound);
  return to_budgets(limits, scenario);
}

Budgets checked(const Budgets& budgets) {
  Budgets result;
  result.prefill_flop_per_token = checked_limit(budgets.prefill_flop_per_token, "prefill");
  result.decode_bytes_per_token = checked_limit(budgets.decode_bytes_per_token, "decode");
  result.memory_bytes = checked_limit(budgets.memory_bytes, "memory");
  if (budgets.total && checked_limit(budgets.total->seconds, "total time")) {
    const auto& [seconds, per_flop, per_byte] = *budgets.total;
    const bool sound = per_flop >= 0.0 && per_byte >= 0.0 && std::isfinite(per_flop) &&
                       std::isfinite(per_byte) && per_flop + per_byte > 0.0;
    if (!sound)
      throw DomainError(fmt::format(
          "total time budget: seconds per FLOP {} and per byte {} must be finite and not negative, "
          "and one of them positive",
          per_flop, per_byte));
    result.total = budgets.total;
  }
  return result;
}

std::string_view to_string(Resource resource) {
  switch (resource) {
    case Resource::prefill:
      return "prefill";
    case Resource::decode:
      return "decode";
    case Resource::total:
      return "total";
    case Resource::memory:
      return "memory";
  }
  return "";
}

std::string_view unit(Resource resource) {
  switch (resource) {
    case Resource::prefill:
      return "FLOP/token";
    case Resource::decode:
      return "bytes/token";
    case Resource::total:
      return "s";
    case Resource::memory:
      return "bytes";
  }
  return "";
}

std::optional<double> limit(const Budgets& budgets, Resource resource) {
  switch (resource) {
    case Resource::prefill:
      return budgets.prefill_flop_per_token;
    case Resource::decode:
      return budgets.decode_bytes_per_token;
    case Resource::total:
      return budgets.total ? std::optional(budgets.total->seconds) : std::nullopt;
    case Resource::memory:
      return budgets.memory_bytes;
  }
  return std::nullopt;
}

double usage(const XiModel& xi, const Budgets& budgets, const Shape& shape, Resource resource) {
  const auto of_layer = [&](Resource r) { return value_at(layer_work(xi, r), shape); };
  if (resource != Resource::total) return shape.layers * of_layer(resource);
  if (!budgets.total) throw DomainError("usage of the total time: there is no such budget");
  return shape.layers * (of_layer(Resource::prefill) * budgets.total->s_per_prefill_flop +
                         of_layer(Resource::decode) * budgets.total->s_per_decode_byte);
}

}  // namespace rooflaw::theory
