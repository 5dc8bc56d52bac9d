#pragma once
// How wrong a law is on runs that it has not seen, beside laws that know less.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/fit/law_minimum.hpp"

namespace rooflaw::fit {

/// Of predicted losses; NaN where there are too few.
struct Accuracy {
  std::size_t runs = 0;
  double r2 = 0;       // 1 - squared errors over those of the mean of these runs
  double mean = 0;     // of |predicted / measured - 1|
  double largest = 0;  // the same
  double bias = 0;     // mean of predicted / measured - 1
  double rank = 0;     // Spearman's correlation
};
/// @param log_errors  log(predicted / measured)
Accuracy accuracy(const std::vector<double>& losses, const std::vector<double>& log_errors);

/// Runs that are held out together, and what they are.
enum class HeldOut { random, shapes, largest };
inline constexpr int held_out_kinds = 3;
struct Split {
  HeldOut kind{};
  std::vector<double> times;  // by row; 0 where it is held out
};
inline constexpr std::uint64_t folds = 5;

/// A fifth of the runs and a fifth of the shapes at random, each once held out; the fifth of the
/// runs with the most compute: parameters of the shape's matrices that a token passes, times
/// tokens.
std::vector<Split> splits_of(const LawProblem& problem, const Runs& runs, std::uint64_t seed);

/// Parameters of each row: as the table states them, else those of matrices of the shape; empty
/// where neither is known.
std::vector<double> parameters_of(const LawProblem& problem, const Runs& runs);

/// The baseline that knows nothing of shapes: N and, where they vary, tokens. None if N does not
/// vary or is unknown.
std::optional<LawProblem> size_only(const LawProblem& problem, const Runs& runs);

}  // namespace rooflaw::fit
