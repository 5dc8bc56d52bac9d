#pragma once
// A fit of the loss law with all that says how sure it is: resamples by shape, profiles, runs held
// out. The work falls into pieces that any rank may do, the same wherever they are done.

#include <cstdint>
#include <string>
#include <vector>

#include "rooflaw/fit/law_identify.hpp"
#include "rooflaw/fit/law_validation.hpp"

namespace rooflaw::fit {

struct StudyOptions {
  std::uint64_t seed = 1;
  std::size_t resamples = 1000;
};

/// A fit from many starts.
struct LawFit {
  std::vector<Minimum> minima;  // different ones; the best is the fit
  std::size_t starts = 0;
  std::size_t starts_near = 0;  // that end within 1 % of the best objective
  const Minimum& best() const { return minima.front(); }
};
/// @throws Error (exit 2) if none of the best converges
/// Cost: 0.1 to 0.5 s for 200 runs.
LawFit fit_law(const LawProblem& problem, std::uint64_t seed);
/// The fit to other runs of the same problem, from the minima of the first.
Minimum refit(const LawProblem& problem, const LawFit& fit, const std::vector<double>& times);

/// What is said of a coefficient, in the law's units.
struct Told {
  std::string name;
  double value = 0;
  double low = 0, high = 0;  // 2.5 % and 97.5 % of the resamples
  // Where a fit of all the rest is as good but for 1 % of the objective; of a coefficient with the
  // exponents of the fit.
  double profile_low = 0, profile_high = 0;
  bool pinned = false;
  bool at_bound = false;
  std::vector<std::string> flags;  // why it is not to be relied on; empty: it is
};

/// Errors of the law and of baselines on the same runs.
struct Compared {
  Accuracy law, size_only, mean;
};

struct WorstRun {
  unsigned line = 0;
  double measured = 0, predicted = 0;
};

struct LawReport {
  Coefficients law;
  std::vector<Told> coefficients;
  std::vector<Told> offsets;  // of groups other than the one that the law is for
  std::vector<Coefficients> resamples;
  std::vector<std::vector<double>> covariance;  // of the coefficients, by the resamples
  std::size_t runs = 0, shapes = 0, free_parameters = 0, starts = 0, starts_near = 0;
  std::size_t resamples_lost = 0;  // whose fit did not converge
  double sum_of_huber = 0, gradient_norm = 0;
  Compared fitted, held_out[held_out_kinds];
  std::vector<WorstRun> worst;
  bool has_size_only = false;
};

/// What pieces made, by piece.
using Made = std::vector<std::vector<std::vector<double>>>;

class LawStudy {
 public:
  LawStudy(const Runs& runs, const LawTerms& terms, const StudyOptions& options);

  std::size_t pieces() const;
  std::string name_of_piece(std::size_t piece) const;
  /// The parameters or log errors that the piece finds.
  std::vector<std::vector<double>> make(std::size_t piece) const;
  /// @param made  of all pieces
  LawReport report(const Made& made) const;

  const LawProblem& problem() const { return problem_; }
  const LawFit& fit() const { return fit_; }

 private:
  std::vector<std::vector<double>> resample(std::size_t chunk) const;
  std::vector<double> profile(std::size_t parameter) const;
  double profile_end(std::size_t parameter, double bound) const;
  std::vector<std::vector<double>> hold_out(std::size_t split) const;
  void tell(LawReport& report, const Made& made) const;
  void compare(LawReport& report, const Made& made) const;
  StudyOptions options_;
  LawProblem problem_;
  LawFit fit_;
  std::vector<Split> splits_;
  std::optional<LawProblem> size_only_;
  LawFit size_fit_;
};

}  // namespace rooflaw::fit
