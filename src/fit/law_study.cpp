#include "rooflaw/fit/law_study.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/core/random.hpp"

namespace rooflaw::fit {

namespace {

constexpr std::size_t resamples_per_piece = 20;
constexpr std::uint64_t resample_stream = 1000;  // and those behind it
constexpr double near_best = 1.01;
constexpr double as_good = 1.01;         // times the best objective: within a profile
constexpr double profile_digits = 1e-2;  // of the distance from the fit to the end of a profile
constexpr std::size_t tried_minima = 2;  // of the first fit, where a refit begins

std::vector<double> doubles_of(const Eigen::VectorXd& at) { return {at.begin(), at.end()}; }

}  // namespace

LawFit fit_law(const LawProblem& problem, std::uint64_t seed) {
  const Sample whole = problem.whole();
  LawFit fit;
  std::vector<Minimum> all;
  for (const auto& start : best_starts(problem, whole, {.seed = seed})) {
    all.push_back(polish(problem, whole, start));
    ++fit.starts;
  }
  std::vector<Minimum> converged;
  for (const auto& m : all)
    if (m.converged) converged.push_back(m);
  const auto less = [](const Minimum& a, const Minimum& b) { return a.objective < b.objective; };
  const auto best = std::min_element(all.begin(), all.end(), less);
  if (converged.empty() ||
      best->objective * near_best <
          std::min_element(converged.begin(), converged.end(), less)->objective)
    throw Error("no start of the fit converges: these runs do not tell so many terms (--terms)",
                ExitCode::bad_input);
  fit.minima = distinct(std::move(converged));
  fit.starts_near =
      static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Minimum& m) {
        return m.objective <= near_best * fit.best().objective + 1e-12;
      }));
  return fit;
}

Minimum refit(const LawProblem& problem, const LawFit& fit, const std::vector<double>& times) {
  const Sample sample = problem.sample(times);
  Minimum best;
  best.objective = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(tried_minima, fit.minima.size()); ++i)
    if (Minimum m = polish(problem, sample, fit.minima[i].at);
        best.at.size() == 0 || (m.converged && !best.converged) ||
        (m.converged == best.converged && m.objective < best.objective))
      best = std::move(m);
  return best;
}

LawStudy::LawStudy(const Runs& runs, const LawTerms& terms, const StudyOptions& options)
    : options_(options),
      problem_(runs, terms),
      fit_(fit_law(problem_, options.seed)),
      splits_(splits_of(problem_, runs, options.seed)),
      size_only_(fit::size_only(problem_, runs)) {
  if (size_only_) size_fit_ = fit_law(*size_only_, options.seed);
}

// Pieces: the splits, the profiles of the parameters, the resamples by chunks.

std::size_t LawStudy::pieces() const {
  return splits_.size() + problem_.parameters().size() +
         (options_.resamples + resamples_per_piece - 1) / resamples_per_piece;
}

std::string LawStudy::name_of_piece(std::size_t piece) const {
  const auto& parameters = problem_.parameters();
  if (piece < splits_.size()) return fmt::format("the fit without part {} of the runs", piece + 1);
  piece -= splits_.size();
  if (piece < parameters.size()) return "the profile of " + parameters[piece].name;
  return fmt::format("resamples from {}", (piece - parameters.size()) * resamples_per_piece + 1);
}

std::vector<std::vector<double>> LawStudy::make(std::size_t piece) const {
  if (piece < splits_.size()) return hold_out(piece);
  piece -= splits_.size();
  if (piece < problem_.parameters().size()) return {profile(piece)};
  return resample(piece - problem_.parameters().size());
}

std::vector<std::vector<double>> LawStudy::hold_out(std::size_t split) const {
  const auto& times = splits_[split].times;
  const auto errors = [&](const LawProblem& problem, const LawFit& fit) -> std::vector<double> {
    const auto kept = static_cast<std::size_t>(std::count(times.begin(), times.end(), 1.0));
    if (kept <= problem.free_parameters()) return {};
    const Minimum m = refit(problem, fit, times);
    return m.converged ? problem.log_errors(m.at) : std::vector<double>{};
  };
  return {errors(problem_, fit_),
          size_only_ ? errors(*size_only_, size_fit_) : std::vector<double>{}};
}

std::vector<std::vector<double>> LawStudy::resample(std::size_t chunk) const {
  std::vector<std::vector<double>> all;
  const std::size_t first = chunk * resamples_per_piece;
  for (std::size_t k = first; k < std::min(first + resamples_per_piece, options_.resamples); ++k) {
    const auto shapes = static_cast<double>(problem_.shape_count());
    std::vector<double> drawn(problem_.shape_count(), 0.0);
    for (std::uint64_t i = 0; i < drawn.size(); ++i)
      drawn[static_cast<std::size_t>(random_unit(options_.seed, resample_stream + k, i) *
                                     shapes)] += 1;
    std::vector<double> times;
    for (const std::size_t shape : problem_.shapes()) times.push_back(drawn[shape]);
    const Minimum m = refit(problem_, fit_, times);
    if (m.converged) all.push_back(doubles_of(m.at));
  }
  return all;
}

std::vector<double> LawStudy::profile(std::size_t parameter) const {
  const auto& p = problem_.parameters()[parameter];
  if (p.pinned()) return {p.low, p.low};
  const Sample whole = problem_.whole();
  const auto i = static_cast<Eigen::Index>(parameter);
  return {profile_end(parameter, problem_.low()[i]),
          profile_end(parameter, problem_.high(whole)[i])};
}

/// The farthest value towards a bound at which a refit of the rest is nearly as good: twice as far
/// each time until it is not, then by halves.
double LawStudy::profile_end(std::size_t parameter, double bound) const {
  const Sample whole = problem_.whole();
  const auto i = static_cast<Eigen::Index>(parameter);
  const double from = fit_.best().at[i];
  const double span = bound - from;
  if (span == 0.0) return bound;
  Eigen::VectorXd at = fit_.best().at;
  const auto is_good = [&](double share) {
    Eigen::VectorXd start = at;
    start[i] = from + share * span;
    const LawProblem held = problem_.with_held(parameter, start[i]);
    const Minimum m = polish(held, whole, start);
    if (m.objective > as_good * fit_.best().objective + 1e-9) return false;
    at = m.at;
    return true;
  };
  double good = 0, bad = 0;
  for (double share = 1.0 / 1024; bad == 0.0; share *= 2) {
    if (!is_good(std::min(share, 1.0)))
      bad = share;
    else if ((good = share) >= 1.0)
      return bound;
  }
  while (bad - good > profile_digits * bad) {
    const double middle = (good + bad) / 2;
    (is_good(middle) ? good : bad) = middle;
  }
  return from + good * span;
}

}  // namespace rooflaw::fit
