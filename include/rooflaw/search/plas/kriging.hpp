#pragma once
// Kriging: predicts smooth functions between the points where they are known.
//
// A linear trend plus a Gaussian process with a squared-exponential kernel (Rasmussen, Williams,
// Gaussian Processes for Machine Learning, 2006, Eq. 2.23 and 2.37-2.41), over features scaled to
// unit spread. Loss and latency are sums of powers of few sizes, so in logarithms a hundred known
// points predict their neighbours to a fraction of a percent: good enough to tell which are worth a
// call of the model. It decides what is scored, never what a score is.

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace rooflaw::search {

class Kriging {
 public:
  /// Fits each column of `values` (n x m) to `features` (n x d), n >= 1. Cost: n^3 / 3.
  Kriging(const Eigen::MatrixXd& features, const Eigen::MatrixXd& values);

  /// A row of m predictions for each row of `features`. Cost: n (d + m) a row.
  Eigen::MatrixXd predict(const Eigen::MatrixXd& features) const;

 private:
  Eigen::MatrixXd scaled(const Eigen::MatrixXd& features) const;

  Eigen::RowVectorXd mean_, spread_;
  Eigen::MatrixXd known_;    // scaled features
  Eigen::MatrixXd trend_;    // (d + 1) x m
  Eigen::MatrixXd weights_;  // n x m
};

}  // namespace rooflaw::search
