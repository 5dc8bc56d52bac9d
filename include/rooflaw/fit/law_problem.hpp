#pragma once
// The objective of a fit of the loss law, with derivatives.
//
//   F = sum over runs of w Huber_delta(log L^ - log L) / (delta^2 sum of w),  delta = 1e-3
//
// (arXiv:2203.15556 appendix D; scaled as arXiv:2404.10102 asks). Parameters are logarithms of the
// terms' coefficients at the geometric means of the columns and of L_inf, the exponents, and for
// each group of runs but the largest an offset of its loss. In them every part of the law is an
// exponential of something linear, so that second derivatives cost little more than first ones.
// Derivatives are written by hand; law_problem_test.cpp holds law and derivatives against
// model/law.hpp. Runs stand in an order of their own, whatever the order of the table.

#include <vector>

#include <Eigen/Core>

#include "rooflaw/fit/law_form.hpp"

namespace rooflaw::fit {

inline constexpr double huber_delta = 1e-3;
inline constexpr double least_floor = 0.2;  // of L_inf, nats

enum class Role { coefficient, exponent, floor, offset };
struct Parameter {
  Role role{};
  Member member = nullptr;  // null for an offset
  std::string name;
  double low = 0, high = 0;  // equal where it is pinned
  bool pinned() const { return low == high; }
};

/// What to fit: terms, and what of them is not fitted.
struct LawTerms {
  std::vector<const TermForm*> forms;
  std::vector<Member> pinned{};  // to the prior
  bool has(std::string_view name) const;
};

/// Runs that count, each with its weight.
struct Sample {
  std::vector<std::size_t> rows;
  std::vector<double> weights;
  double total = 0;
  double log_floor_high = 0;  // below the lowest loss of them
};

/// First and second derivatives. `newton` is the matrix of second derivatives; `gauss` lies above
/// it in the sense of quadratic forms where residuals are small, and is never indefinite.
struct Slope {
  Eigen::VectorXd gradient;
  Eigen::MatrixXd newton, gauss;
};

class LawProblem {
 public:
  /// Keeps copies of what it needs. A power of a column that the table lacks is left out: its
  /// exponent is 0. @param runs  at least one
  LawProblem(Runs runs, const LawTerms& terms);

  /// The same with a parameter held at a value.
  LawProblem with_held(std::size_t parameter, double value) const;

  const std::vector<Run>& rows() const { return rows_; }  // in canonical order
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t free_parameters() const;
  /// Those of architecture among them: exponents and coefficients of terms in a shape.
  std::size_t shape_parameters() const;
  /// Of each row the number of its shape, from 0.
  const std::vector<std::size_t>& shapes() const { return shapes_; }
  std::size_t shape_count() const { return shape_count_; }
  /// Of the offsets; the first is the one that the law is for. Empty without groups.
  const std::vector<std::string>& groups() const { return groups_; }

  /// Of an exponent that is in one term only, the parameter of that term's coefficient; else -1.
  Eigen::Index coefficient_of(Eigen::Index exponent) const;

  Sample whole() const;
  /// @param times  by row: how often it counts; 0: not at all
  Sample sample(const std::vector<double>& times) const;
  Eigen::VectorXd low() const;
  Eigen::VectorXd high(const Sample& sample) const;

  /// The objective; infinite where the law has no positive loss at a run. `slope` may be null.
  /// @param curved  second derivatives, too
  /// Cost: about 10 us for 200 runs and four terms, 30 us with all derivatives.
  double objective(const Eigen::VectorXd& at, const Sample& sample, Slope* slope,
                   bool curved) const;
  /// Sum of Huber, unscaled.
  double sum_of_huber(double objective, const Sample& sample) const {
    return objective * huber_delta * huber_delta * sample.total;
  }

  /// Best coefficients (within their bounds) for the exponents of `at`, for relative errors: least
  /// squares by NLopt. `at` gets them.
  void solve_coefficients(Eigen::VectorXd& at, const Sample& sample) const;

  /// log(predicted / measured) of all rows.
  std::vector<double> log_errors(const Eigen::VectorXd& at) const;
  /// The law in the units of the table, and back.
  Coefficients coefficients(const Eigen::VectorXd& at) const;
  Eigen::VectorXd parameters_of(const Coefficients& law) const;

 private:
  struct Power {
    Eigen::Index parameter;
    std::size_t column;
    double sign;
  };
  struct Term {
    Eigen::Index parameter;
    std::vector<Power> powers;
  };
  void add_terms(const Runs& runs, const LawTerms& terms);
  void add_groups();
  void number_shapes();
  /// Values of the terms, one after another, each at all rows of the sample.
  std::vector<double> term_values(const Eigen::VectorXd& at, const Sample& sample) const;
  double log_scale(const Term& term, const Eigen::VectorXd& at) const;

  std::vector<Run> rows_;
  std::vector<double> log_losses_;
  std::array<double, column_count> log_means_{};
  std::array<std::vector<double>, column_count> logs_;  // less their means
  std::vector<Parameter> parameters_;
  std::vector<Term> terms_;
  Eigen::Index floor_ = 0;  // its parameter; offsets follow
  std::vector<std::string> groups_;
  std::vector<std::size_t> group_of_;  // of rows
  std::vector<std::size_t> shapes_;
  std::size_t shape_count_ = 0;
};

}  // namespace rooflaw::fit
