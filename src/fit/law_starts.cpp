// Where a fit begins, and what becomes of it.

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <nlopt.hpp>

#include "rooflaw/core/random.hpp"
#include "rooflaw/fit/law_minimum.hpp"

namespace rooflaw::fit {

namespace {

constexpr int lbfgs_evaluations = 200;
constexpr double lbfgs_goal = 1e-9;
constexpr double nearly_best = 1.05;  // times the best objective
constexpr std::uint64_t start_stream = 1;

}  // namespace

std::vector<Eigen::VectorXd> best_starts(const LawProblem& problem, const Sample& sample,
                                         const Starts& starts) {
  struct Start {
    Eigen::VectorXd at;
    double objective;
  };
  std::vector<Start> all;
  const auto& parameters = problem.parameters();
  for (int s = 0; s < starts.drawn; ++s) {
    Eigen::VectorXd at = problem.low();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].role != Role::exponent || parameters[i].pinned()) continue;
      const auto& form = exponent_form(parameters[i].member);
      const double share =
          random_unit(starts.seed, start_stream,
                      static_cast<std::uint64_t>(s) * model::law_coefficients<double>.size() + i);
      at[static_cast<Eigen::Index>(i)] =
          s == 0 ? form.prior : form.start_low + share * (form.start_high - form.start_low);
    }
    problem.solve_coefficients(at, sample);
    const double objective = problem.objective(at, sample, nullptr, false);
    if (std::isfinite(objective)) all.push_back({std::move(at), objective});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Start& a, const Start& b) { return a.objective < b.objective; });
  std::vector<Eigen::VectorXd> best;
  for (const auto& start : all)
    if (best.size() < static_cast<std::size_t>(starts.polished)) best.push_back(start.at);
  return best;
}

namespace {

struct Search {
  const LawProblem& problem;
  const Sample& sample;
};

double lbfgs_value(const std::vector<double>& x, std::vector<double>& gradient, void* data) {
  const auto& search = *static_cast<const Search*>(data);
  const Eigen::Map<const Eigen::VectorXd> at(x.data(), static_cast<Eigen::Index>(x.size()));
  Slope slope;
  const double value =
      search.problem.objective(at, search.sample, gradient.empty() ? nullptr : &slope, false);
  if (!gradient.empty()) std::copy(slope.gradient.begin(), slope.gradient.end(), gradient.begin());
  return std::isfinite(value) ? value : std::numeric_limits<double>::max();
}

}  // namespace

Minimum polish(const LawProblem& problem, const Sample& sample, const Eigen::VectorXd& start) {
  const Eigen::VectorXd low = problem.low(), high = problem.high(sample);
  std::vector<double> x(start.begin(), start.end());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::clamp(x[i], low[static_cast<Eigen::Index>(i)], high[static_cast<Eigen::Index>(i)]);
  Search search{problem, sample};
  nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(x.size()));
  optimizer.set_lower_bounds({low.begin(), low.end()});
  optimizer.set_upper_bounds({high.begin(), high.end()});
  optimizer.set_min_objective(lbfgs_value, &search);
  optimizer.set_maxeval(lbfgs_evaluations);
  optimizer.set_ftol_rel(lbfgs_goal);
  double value = 0;
  try {
    optimizer.optimize(x, value);
  } catch (const std::runtime_error&) {  // of NLopt: descend goes on
  }
  return descend(problem, sample,
                 Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size())));
}

std::vector<Minimum> distinct(std::vector<Minimum> minima) {
  std::stable_sort(minima.begin(), minima.end(),
                   [](const Minimum& a, const Minimum& b) { return a.objective < b.objective; });
  std::vector<Minimum> kept;
  for (auto& m : minima) {
    const bool is_near = kept.empty() || m.objective <= nearly_best * kept.front().objective;
    const bool is_new = std::none_of(kept.begin(), kept.end(), [&](const Minimum& k) {
      return (k.at - m.at).cwiseAbs().maxCoeff() < 1e-3;
    });
    if (is_near && is_new) kept.push_back(std::move(m));
  }
  return kept;
}

}  // namespace rooflaw::fit
