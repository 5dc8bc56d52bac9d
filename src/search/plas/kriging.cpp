#include "rooflaw/search/plas/kriging.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/core/powers.hpp"
#include "rooflaw/model/numeric.hpp"

namespace rooflaw::search {

namespace {

// In units of the scaled features. The functions at hand bend little over the points that are
// known, so the kernel is wide; the nugget is what rounding needs, not a model of noise.
constexpr double length_scale = 4.0;
constexpr double least_nugget = 1e-8;
constexpr double ridge = 1e-9;
// A feature that hardly varies among the known points says little of those around them.
constexpr double least_spread = 0.3;

Eigen::MatrixXd kernel(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd distance = (-2.0 * a) * b.transpose();
  distance.colwise() += a.rowwise().squaredNorm();
  distance.rowwise() += b.rowwise().squaredNorm().transpose();
  distance = distance.array().max(0.0) * (-0.5 / (length_scale * length_scale));
  exponentials({distance.data(), static_cast<std::size_t>(distance.size())});
  return distance;
}

Eigen::MatrixXd with_constant(const Eigen::MatrixXd& features) {
  Eigen::MatrixXd all(features.rows(), features.cols() + 1);
  all << Eigen::VectorXd::Ones(features.rows()), features;
  return all;
}

}  // namespace

Kriging::Kriging(const Eigen::MatrixXd& features, const Eigen::MatrixXd& values) {
  model::fix_block_sizes();
  const auto n = static_cast<double>(features.rows());
  mean_ = features.colwise().mean();
  spread_ = ((features.rowwise() - mean_).array().square().colwise().sum() / n).sqrt();
  spread_ = spread_.array().max(least_spread);
  known_ = scaled(features);

  const Eigen::MatrixXd basis = with_constant(known_);
  Eigen::MatrixXd normal = basis.transpose() * basis;
  normal.diagonal().array() += ridge * n;
  trend_ = normal.ldlt().solve(basis.transpose() * values);
  const Eigen::MatrixXd rest = values - basis * trend_;

  Eigen::MatrixXd covariance = kernel(known_, known_);
  Eigen::LLT<Eigen::MatrixXd> factor;
  double nugget = least_nugget;
  constexpr int attempts = 4;  // the last with a nugget that no rounding outweighs
  for (int i = 0; i < attempts; ++i, nugget *= 100.0) {
    covariance.diagonal().array() = 1.0 + nugget;
    factor.compute(covariance);
    if (factor.info() == Eigen::Success) break;
  }
  weights_ = factor.solve(rest);
}

Eigen::MatrixXd Kriging::scaled(const Eigen::MatrixXd& features) const {
  return (features.rowwise() - mean_).array().rowwise() / spread_.array();
}

Eigen::MatrixXd Kriging::predict(const Eigen::MatrixXd& features) const {
  const Eigen::MatrixXd x = scaled(features);
  return with_constant(x) * trend_ + kernel(x, known_) * weights_;
}

}  // namespace rooflaw::search
