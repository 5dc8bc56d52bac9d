#include "rooflaw/theory/xi_model.hpp"

#include <cmath>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/evaluation.hpp"

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
  return {.weight_bytes = scenario.precision.weight_bytes,
          .kv_bytes = scenario.precision.kv_bytes * slower_cache,
          .cached_tokens =
              static_cast<double>(scenario.workload.batch) * mean_context(scenario.workload)};
}

double xi_prefill(const Shape& shape) { return 4.0 + 4.0 / shape.gqa + 6.0 * shape.ffn_ratio; }
double xi_decode(const Shape& shape) { return 2.0 + 2.0 / shape.gqa + 3.0 * shape.ffn_ratio; }
double xi_all(const Shape& shape) {
  return 2.0 + 2.0 / shape.gqa + 3.0 * shape.ffn_ratio / shape.activation_rate;
}
double xi_delta(const XiModel& xi, const Shape& shape) {
  return 2.0 * xi.cached_tokens * xi.kv_bytes / (shape.gqa * shape.width * xi.weight_bytes);
}
double xi_effective(const XiModel& xi, const Shape& shape) {
  return xi_decode(shape) + xi_delta(xi, shape);
}

double prefill_flop_per_layer(const Shape& shape) {
  return xi_prefill(shape) * shape.width * shape.width;
}
double decode_bytes_per_layer(const XiModel& xi, const Shape& shape) {
  return xi_effective(xi, shape) * shape.width * shape.width * xi.weight_bytes;
}
double memory_bytes_per_layer(const XiModel& xi, const Shape& shape) {
  return xi_all(shape) * shape.width * shape.width * xi.weight_bytes;
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

void require_usable(const model::Law& law) {
  require_positive_and_finite(law.kappa_l, "law.kappa_l");
  require_positive_and_finite(law.alpha_l, "law.alpha_l");
  require_positive_and_finite(law.kappa_rho, "law.kappa_rho");
  require_positive_and_finite(law.alpha_rho, "law.alpha_rho");
  require_positive_and_finite(law.alpha_r, "law.alpha_r");
  require_positive_and_finite(law.kappa_d, "law.kappa_d");
  require_positive_and_finite(law.kappa_m, "law.kappa_m");
  require_positive_and_finite(law.alpha_m, "law.alpha_m");
  for (const double any_sign : {law.beta_1, law.beta_2, law.l_inf})
    if (!std::isfinite(any_sign))
      throw DomainError(fmt::format("law {}: coefficients must be finite", law.id));
}

EffectiveRates effective_rates(const model::Scenario& scenario) {
  return {.flop_per_s = 1.0 / scenario.rates.s_per_matmul_flop,
          .bytes_per_s = 1.0 / scenario.rates.s_per_byte};
}

Budgets to_budgets(const UserBudgets& user, const model::Workload& workload,
                   const EffectiveRates& rates) {
  require_positive_and_finite(rates.flop_per_s, "effective FLOP/s");
  require_positive_and_finite(rates.bytes_per_s, "effective bytes/s");
  const double prompt =
      static_cast<double>(workload.batch) * static_cast<double>(workload.input_tokens);
  const double steps = static_cast<double>(workload.output_tokens);

  Budgets budgets;
  if (const auto seconds = checked_limit(user.prefill_s, "prefill time")) {
    if (prompt == 0.0) throw DomainError("prefill time budget: the workload has no input tokens");
    budgets.prefill_flop_per_token = *seconds * rates.flop_per_s / prompt;
  }
  if (const auto seconds = checked_limit(user.decode_s, "decode time")) {
    if (steps == 0.0) throw DomainError("decode time budget: the workload has no output tokens");
    budgets.decode_bytes_per_token = *seconds * rates.bytes_per_s / steps;
  }
  if (const auto seconds = checked_limit(user.total_s, "total time")) {
    if (prompt + steps == 0.0) throw DomainError("total time budget: the workload has no tokens");
    budgets.total = {.seconds = *seconds,
                     .s_per_prefill_flop = prompt / rates.flop_per_s,
                     .s_per_decode_byte = steps / rates.bytes_per_s};
  }
  budgets.memory_bytes = checked_limit(user.memory_bytes, "memory");
  return budgets;
}

Budgets budgets_at_latency(const model::Scenario& scenario, model::Objective kind, double latency_s,
                           std::optional<double> memory_bytes) {
  model::require_latency(scenario.workload, kind);
  UserBudgets user{.memory_bytes = memory_bytes};
  switch (kind) {
    case model::Objective::prefill:
      user.prefill_s = latency_s;
      break;
    case model::Objective::tpot:
      user.decode_s = latency_s * static_cast<double>(scenario.workload.output_tokens);
      break;
    case model::Objective::total:
      user.total_s = latency_s;
      break;
  }
  return to_budgets(user, scenario.workload, effective_rates(scenario));
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
  const auto per_layer = [&] {
    switch (resource) {
      case Resource::prefill:
        return prefill_flop_per_layer(shape);
      case Resource::decode:
        return decode_bytes_per_layer(xi, shape);
      case Resource::memory:
        return memory_bytes_per_layer(xi, shape);
      case Resource::total:
        break;
    }
    if (!budgets.total) throw DomainError("usage of the total time: there is no such budget");
    return prefill_flop_per_layer(shape) * budgets.total->s_per_prefill_flop +
           decode_bytes_per_layer(xi, shape) * budgets.total->s_per_decode_byte;
  };
  return shape.layers * per_layer();
}

}  // namespace rooflaw::theory
