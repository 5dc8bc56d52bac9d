#include "rooflaw/fit/prior.hpp"

#include <cmath>

#include <Eigen/Dense>

#include "rooflaw/core/powers.hpp"

namespace rooflaw::fit {

namespace {

// Tunable, in log units, chosen by the left-out errors of inputs/measured.csv, which change little
// where one of them is halved or doubled. Of bandwidth and compute: what all formats of a chip have
// in common, formats of one width, each format.
struct Spread {
  double chip = 0, width = 0, format = 0;
};
constexpr std::array<Spread, kind_count> spreads{
    {{0.5, 0.05, 0.2}, {0.2, 0.15, 0.1}, {0.3}, {1.0}, {1.5}, {1.0}, {0.5}}};
constexpr double wider_class = 2.0;  // chips that the mean of the next wider class counts for

/// Of any chip, before there is evidence.
double first_mean(const Unknown& u) {
  constexpr std::array<double, width_count> bandwidth{0.75, 0.65, 0.55, 0.4};
  switch (u.kind) {
    case Kind::bandwidth:
      return natural_log(bandwidth[static_cast<std::size_t>(u.width)]);
    case Kind::compute:
      return natural_log(0.4);
    case Kind::kv_bandwidth:
      return natural_log(0.5);
    case Kind::attention:
      return natural_log(0.25);
    case Kind::state:
      return natural_log(0.1);
    case Kind::layer_overhead:
      return natural_log(10e-6);
    case Kind::pass_overhead:
      break;
  }
  return natural_log(100e-6);
}

/// Of one engine by format, then by width, then wider families by width.
double mean_of(const Unknown& u, const Family& family, const std::vector<Evidence>& evidence,
               const std::string& without) {
  double mean = first_mean(u);
  const auto narrow = [&](std::size_t level, bool same_format) {
    double sum = wider_class * mean, count = wider_class;
    for (const auto& e : evidence) {
      if (e.device == without || e.unknown.kind != u.kind || e.unknown.width != u.width ||
          e.family[level] != family[level] || (same_format && e.unknown.format != u.format))
        continue;
      sum += e.value;
      count += 1.0;
    }
    mean = sum / count;
  };
  for (std::size_t level = family.size(); level-- > 0;) narrow(level, false);
  narrow(0, true);
  return mean;
}

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> starts) {
  for (const auto start : starts)
    if (text.starts_with(start)) return true;
  return false;
}

}  // namespace

Width width_of(const model::Precision& precision) {
  const double bits = 8.0 * precision.ffn_weight_bytes;
  return bits >= 12.0  ? Width::bits16
         : bits >= 6.2 ? Width::bits8
         : bits >= 3.5 ? Width::bits4
                       : Width::bits2;
}

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, kind_count> names{
      "bandwidth", "compute",        "kv_bandwidth", "attention",
      "state",     "layer_overhead", "pass_overhead"};
  return names[static_cast<std::size_t>(kind)];
}

Family family_of(std::string_view engine, std::string_view unit, std::string_view device_kind) {
  // Programs around the same kernels.
  const bool llama = starts_with_one_of(engine, {"llama.cpp", "ik_llama", "ollama", "lm-studio"});
  const std::string chip = std::string(unit) + "|" + std::string(device_kind);
  return {std::string(engine) + "|" + chip, chip + (llama ? "|llama.cpp" : ""), std::string(unit)};
}

double Prior::penalty(const Eigen::VectorXd& at) const {
  const Eigen::VectorXd z = at - mean;
  return 0.5 * z.dot(precision * z);
}
Eigen::VectorXd Prior::penalty_gradient(const Eigen::VectorXd& at) const {
  return precision * (at - mean);
}

Prior prior_of(std::vector<Unknown> unknowns, const Family& family,
               const std::vector<Evidence>& evidence, const std::string& without) {
  const auto n = static_cast<Eigen::Index>(unknowns.size());
  const auto at = [&](Eigen::Index i) -> const Unknown& {
    return unknowns[static_cast<std::size_t>(i)];
  };
  Prior prior{.unknowns = {}, .mean = Eigen::VectorXd(n), .precision = {}};
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    prior.mean[i] = mean_of(at(i), family, evidence, without);
    for (Eigen::Index j = 0; j < n; ++j) {
      if (at(i).kind != at(j).kind) continue;
      const Spread& s = spreads[static_cast<std::size_t>(at(i).kind)];
      covariance(i, j) = s.chip * s.chip + (at(i).width == at(j).width ? s.width * s.width : 0.0) +
                         (i == j ? s.format * s.format : 0.0);
    }
  }
  prior.precision = covariance.inverse();
  prior.unknowns = std::move(unknowns);
  return prior;
}

}  // namespace rooflaw::fit
