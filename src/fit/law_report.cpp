// What the pieces of a study say together.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "rooflaw/core/powers.hpp"
#include "rooflaw/fit/law_study.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::fit {

namespace {

constexpr double low_share = 0.025, high_share = 0.975;
constexpr double at_a_bound = 1e-6;  // of the distance between bounds
// An interval wider than this says that the runs do not tell the coefficient.
constexpr double wide_factor = 5;           // of a coefficient: high / low
constexpr double wide_exponent = 0.5;       // half of it, of the exponent's size
constexpr double smallest_exponent = 0.02;  // whose size counts
constexpr double wide_floor = 0.05;         // half of it, of L_inf
constexpr std::size_t worst_runs = 5;

Eigen::VectorXd vector_of(const std::vector<double>& values) {
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

bool is_at_bound(double x, double low, double high) {
  const double near = at_a_bound * (high - low);
  return x <= low + near || x >= high - near;
}

bool is_wide(const Told& told, Role role) {
  const double half = (told.high - told.low) / 2;
  switch (role) {
    case Role::coefficient:
      return told.high > wide_factor * told.low;
    case Role::exponent:
      return half > wide_exponent * std::max(std::abs(told.value), smallest_exponent);
    case Role::floor:
      return half > wide_floor * told.value;
    case Role::offset:
      break;
  }
  return told.low < 0.0 && told.high > 0.0;
}

std::vector<std::vector<double>> covariance_of(const std::vector<Coefficients>& resamples,
                                               const std::vector<Member>& members) {
  const auto n = static_cast<double>(resamples.size());
  std::vector<double> means;
  for (const Member m : members) {
    double sum = 0;
    for (const auto& r : resamples) sum += r.*m;
    means.push_back(sum / n);
  }
  std::vector<std::vector<double>> matrix(members.size(), std::vector<double>(members.size(), 0));
  if (resamples.size() < 2) return matrix;
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::size_t j = 0; j < members.size(); ++j) {
      for (const auto& r : resamples)
        matrix[i][j] += (r.*members[i] - means[i]) * (r.*members[j] - means[j]);
      matrix[i][j] /= n - 1;
    }
  return matrix;
}

/// Mean loss of the runs that are not held out.
double mean_kept(const std::vector<Run>& rows, const std::vector<double>& times) {
  double sum = 0, weights = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sum += times[i] * rows[i].weight * rows[i].loss;
    weights += times[i] * rows[i].weight;
  }
  return sum / weights;
}

/// Errors of rows, collected over splits.
struct Collected {
  std::vector<double> losses, errors;
  void add(double loss, double error) {
    losses.push_back(loss);
    errors.push_back(error);
  }
  Accuracy accuracy() const { return fit::accuracy(losses, errors); }
};

/// What is one number for all runs ranks none.
Compared compared(const Collected& law, const Collected& size, const Collected& mean) {
  Compared all{law.accuracy(), size.accuracy(), mean.accuracy()};
  all.mean.rank = std::numeric_limits<double>::quiet_NaN();
  return all;
}

}  // namespace

void LawStudy::tell(LawReport& report, const Made& made) const {
  const auto& parameters = problem_.parameters();
  const std::size_t first = splits_.size() + parameters.size();
  std::vector<Eigen::VectorXd> resampled;
  for (std::size_t piece = first; piece < made.size(); ++piece)
    for (const auto& at : made[piece]) resampled.push_back(vector_of(at));
  report.resamples_lost = options_.resamples - resampled.size();
  for (const auto& at : resampled) report.resamples.push_back(problem_.coefficients(at));

  const Eigen::VectorXd low = problem_.low(), high = problem_.high(problem_.whole());
  const Eigen::VectorXd& best = fit_.best().at;
  const auto bounded = [&](Eigen::Index i, double x) { return is_at_bound(x, low[i], high[i]); };
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const auto& parameter = parameters[k];
    const auto i = static_cast<Eigen::Index>(k);
    Told told;
    told.name = parameter.name;
    told.pinned = parameter.pinned();
    const bool is_log = parameter.role == Role::coefficient || parameter.role == Role::floor;
    told.value = parameter.role == Role::offset ? best[i] : report.law.*parameter.member;
    std::vector<double> values;
    for (std::size_t r = 0; r < resampled.size(); ++r)
      values.push_back(parameter.role == Role::offset ? resampled[r][i]
                                                      : report.resamples[r].*parameter.member);
    told.low = quantile(values, low_share);
    told.high = quantile(values, high_share);
    const auto in_units = [&](double x) {
      return is_log ? told.value * exponential(x - best[i]) : x;
    };
    const auto& ends = made[splits_.size() + k].front();
    told.profile_low = in_units(ends[0]);
    told.profile_high = in_units(ends[1]);
    if (!told.pinned) {
      told.at_bound = bounded(i, best[i]);
      if (told.at_bound) told.flags.emplace_back("at its bound");
      const auto count = std::count_if(resampled.begin(), resampled.end(),
                                       [&](const auto& at) { return bounded(i, at[i]); });
      const double share = static_cast<double>(count) / static_cast<double>(resampled.size());
      if (!told.at_bound && share > low_share)
        told.flags.push_back(fmt::format("{:.0f} % at a bound", 100 * share));
      if (is_wide(told, parameter.role)) told.flags.emplace_back("hardly told");
    }
    (parameter.role == Role::offset ? report.offsets : report.coefficients)
        .push_back(std::move(told));
  }
  std::vector<Member> members;
  for (const auto& told : report.coefficients)
    for (const auto& p : parameters)
      if (p.name == told.name) members.push_back(p.member);
  report.covariance = covariance_of(report.resamples, members);
}

void LawStudy::compare(LawReport& report, const Made& made) const {
  const auto& rows = problem_.rows();
  const auto mean_error = [&](std::size_t i, double mean) {
    return natural_log(mean / rows[i].loss);
  };
  const auto fitted = problem_.log_errors(fit_.best().at);
  Collected law, size, mean;
  const double of_all = mean_kept(rows, std::vector<double>(rows.size(), 1.0));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    law.add(rows[i].loss, fitted[i]);
    mean.add(rows[i].loss, mean_error(i, of_all));
  }
  report.has_size_only = size_only_.has_value();
  if (size_only_) {
    const auto errors = size_only_->log_errors(size_fit_.best().at);
    for (std::size_t i = 0; i < rows.size(); ++i) size.add(rows[i].loss, errors[i]);
  }
  report.fitted = compared(law, size, mean);

  for (int kind = 0; kind < held_out_kinds; ++kind) {
    law = size = mean = {};
    for (std::size_t s = 0; s < splits_.size(); ++s) {
      if (static_cast<int>(splits_[s].kind) != kind) continue;
      const double kept = mean_kept(rows, splits_[s].times);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (splits_[s].times[i] > 0.0) continue;
        if (!made[s][0].empty()) law.add(rows[i].loss, made[s][0][i]);
        if (!made[s][1].empty()) size.add(rows[i].loss, made[s][1][i]);
        mean.add(rows[i].loss, mean_error(i, kept));
      }
    }
    report.held_out[kind] = compared(law, size, mean);
  }

  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(fitted[a]) > std::abs(fitted[b]);
  });
  order.resize(std::min(order.size(), worst_runs));
  for (const std::size_t i : order)
    report.worst.push_back({rows[i].line, rows[i].loss, rows[i].loss * exponential(fitted[i])});
}

LawReport LawStudy::report(const Made& made) const {
  LawReport r;
  r.law = problem_.coefficients(fit_.best().at);
  r.runs = problem_.rows().size();
  r.shapes = problem_.shape_count();
  r.free_parameters = problem_.free_parameters();
  r.starts = fit_.starts;
  r.starts_near = fit_.starts_near;
  r.sum_of_huber = problem_.sum_of_huber(fit_.best().objective, problem_.whole());
  r.gradient_norm = fit_.best().gradient;
  tell(r, made);
  compare(r, made);
  return r;
}

}  // namespace rooflaw::fit
