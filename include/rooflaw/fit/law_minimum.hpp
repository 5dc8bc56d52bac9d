#pragma once
// Where the objective of a law is least: from many starts, and from a known one.

#include <cstdint>
#include <vector>

#include "rooflaw/fit/law_problem.hpp"

namespace rooflaw::fit {

struct Minimum {
  Eigen::VectorXd at;
  double objective = 0;
  double gradient = 0;  // largest component, of parameters that are on no bound
  bool converged = false;
  int steps = 0;
};

/// Gauss-Newton with second derivatives, damped, within the bounds: to the last digits that the
/// objective has. Cost: some 10 to 100 evaluations.
Minimum descend(const LawProblem& problem, const Sample& sample, Eigen::VectorXd start);

/// Random exponents, coefficients by least squares for each. Start 0 is the published law.
struct Starts {
  std::uint64_t seed = 0;
  int drawn = 400;
  int polished = 20;  // the best of them, by L-BFGS (NLopt)
};
std::vector<Eigen::VectorXd> best_starts(const LawProblem& problem, const Sample& sample,
                                         const Starts& starts);
/// By L-BFGS, ended by `descend`.
Minimum polish(const LawProblem& problem, const Sample& sample, const Eigen::VectorXd& start);

/// Those that are different from each other and nearly as good as the best, which comes first.
std::vector<Minimum> distinct(std::vector<Minimum> minima);

}  // namespace rooflaw::fit
