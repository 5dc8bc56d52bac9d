// The predictor: exact where it must be, close where functions are smooth, finite always.

#include <gtest/gtest.h>
#include <Eigen/QR>

#include "rooflaw/search/plas/kriging.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using search::Kriging;

/// Points uniform in a box that is [-1, 1] times a scale of its own along each feature.
MatrixXd random_points(Random& random, Index rows, const RowVectorXd& scale) {
  MatrixXd points(rows, scale.size());
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < scale.size(); ++j) points(i, j) = random.real(-1, 1) * scale(j);
  return points;
}

RowVectorXd random_scale(Random& random, Index features) {
  RowVectorXd scale(features);
  for (Index j = 0; j < features; ++j) scale(j) = random.log_real(0.1, 100);
  return scale;
}

template <class Function>
MatrixXd values_of(const MatrixXd& points, const Function& f) {
  MatrixXd values(points.rows(), 1);
  for (Index i = 0; i < points.rows(); ++i) values(i, 0) = f(points.row(i));
  return values;
}

/// log of a sum of powers of sizes whose logarithms are the features, as loss and latency are.
double log_sum_of_powers(const RowVectorXd& x) {
  return std::log(0.3 * std::exp(-1.6 * x(0)) + std::exp(0.33 * x(1) - 0.17 * x(2)) +
                  0.5 * std::exp(-0.97 * x(1)) + 2.0);
}

TEST(Kriging, GivesKnownPointsBack) {
  Random random(401);
  for (int i = 0; i < 30; ++i) {
    const Index d = random.integer(3, 8), n = random.integer(2, 120);
    const MatrixXd points = random_points(random, n, RowVectorXd::Ones(d));
    MatrixXd values(n, 2);
    values.col(0) = values_of(points, log_sum_of_powers);
    values.col(1) = 100 * values_of(points, [](const RowVectorXd& x) { return std::exp(x(0)); });
    const MatrixXd predicted = Kriging(points, values).predict(points);
    ASSERT_EQ(n, predicted.rows());
    ASSERT_EQ(2, predicted.cols());
    EXPECT_LT((predicted.col(0) - values.col(0)).cwiseAbs().maxCoeff(), 1e-4);
    EXPECT_LT((predicted.col(1) - values.col(1)).cwiseAbs().maxCoeff(), 0.1);  // of a range of 230
  }
}

TEST(Kriging, LinearFunctionsEverywhere) {
  Random random(402);
  for (int i = 0; i < 50; ++i) {
    const Index d = random.integer(1, 10), n = random.integer(d + 2, 150);
    const RowVectorXd scale = random_scale(random, d);
    const MatrixXd points = random_points(random, n, scale);
    const RowVectorXd slope = random_points(random, 1, RowVectorXd::Ones(d)).cwiseQuotient(scale);
    const double offset = random.real(-5, 5);
    const auto linear = [&](const RowVectorXd& x) { return offset + slope.dot(x); };
    const Kriging kriging(points, values_of(points, linear));
    const MatrixXd elsewhere = random_points(random, 40, 5 * scale);  // far outside as well
    const double error =
        (kriging.predict(elsewhere) - values_of(elsewhere, linear)).cwiseAbs().maxCoeff();
    EXPECT_LT(error, 1e-6) << n << " points of " << d << " features";
  }
}

TEST(Kriging, SumsOfPowersToAFractionOfAPercent) {
  Random random(403);
  for (int i = 0; i < 20; ++i) {
    const MatrixXd points = random_points(random, 150, RowVectorXd::Ones(3));
    const Kriging kriging(points, values_of(points, log_sum_of_powers));
    const MatrixXd inside = random_points(random, 100, 0.8 * RowVectorXd::Ones(3));
    const double error =
        (kriging.predict(inside) - values_of(inside, log_sum_of_powers)).cwiseAbs().maxCoeff();
    EXPECT_LT(error, 0.0005);
    // A plane alone would not do.
    MatrixXd trend(150, 4);
    trend << MatrixXd::Ones(150, 1), points;
    const MatrixXd plane = trend.colPivHouseholderQr().solve(values_of(points, log_sum_of_powers));
    MatrixXd there(100, 4);
    there << MatrixXd::Ones(100, 1), inside;
    EXPECT_LT(10 * error,
              (there * plane - values_of(inside, log_sum_of_powers)).cwiseAbs().maxCoeff());
  }
}

TEST(Kriging, DoublesAndConstantFeatures) {
  Random random(404);
  for (int i = 0; i < 30; ++i) {
    const Index d = 5, n = 60;
    MatrixXd points = random_points(random, n, RowVectorXd::Ones(d));
    points.col(1).setConstant(7.5);
    points.col(3).setZero();
    points.bottomRows(n / 2) = points.topRows(n / 2);
    const auto f = [](const RowVectorXd& x) { return std::exp(0.5 * x(0)) + x(4); };
    const MatrixXd values = values_of(points, f);
    const Kriging kriging(points, values);
    EXPECT_LT((kriging.predict(points) - values).cwiseAbs().maxCoeff(), 1e-4);
    MatrixXd elsewhere = random_points(random, 20, 2 * RowVectorXd::Ones(d));
    EXPECT_TRUE(kriging.predict(elsewhere).allFinite());
  }
}

TEST(Kriging, OnePointAndEqualPoints) {
  for (const Index n : {1, 2, 7}) {
    const MatrixXd points = MatrixXd::Constant(n, 4, 3.0);
    const Kriging kriging(points, MatrixXd::Constant(n, 2, -2.0));
    MatrixXd queries(2, 4);
    queries << 3, 3, 3, 3, 10, -10, 0, 1;
    const MatrixXd predicted = kriging.predict(queries);
    ASSERT_TRUE(predicted.allFinite());
    EXPECT_NEAR(-2.0, predicted(0, 0), 1e-6);
    EXPECT_NEAR(-2.0, predicted(0, 1), 1e-6);
  }
}

TEST(Kriging, ColumnsDoNotMix) {
  Random random(405);
  const MatrixXd points = random_points(random, 80, RowVectorXd::Ones(4));
  const MatrixXd queries = random_points(random, 30, RowVectorXd::Ones(4));
  MatrixXd values(80, 2);
  values.col(0) = values_of(points, log_sum_of_powers);
  values.col(1) = values_of(points, [](const RowVectorXd& x) { return 1e6 * x(3) * x(3); });
  const MatrixXd both = Kriging(points, values).predict(queries);
  const MatrixXd alone = Kriging(points, values.col(0)).predict(queries);
  EXPECT_LT((both.col(0) - alone.col(0)).cwiseAbs().maxCoeff(), 1e-9);
}

}  // namespace
}  // namespace rooflaw::testing
