// Processors with other caches: Eigen cuts matrix products into blocks by the sizes of the caches,
// and where a sum is cut decides its last bits. Predictions, optima and a search by PLAS are the
// same bytes whatever sizes Eigen has been told of.

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "rooflaw/search/plas/kriging.hpp"
#include "rooflaw/theory/optimum.hpp"
#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

struct Caches {
  std::ptrdiff_t level1, level2, level3;
};
constexpr std::ptrdiff_t kib = 1024;
constexpr Caches small{4 * kib, 16 * kib, 64 * kib};
constexpr Caches large{48 * kib, 2048 * kib, 65536 * kib};
constexpr std::array unlike{small, Caches{32 * kib, 256 * kib, 8192 * kib}, large};

void tell_eigen(const Caches& c) { Eigen::setCpuCacheSizes(c.level1, c.level2, c.level3); }

class UnlikeCaches : public ::testing::Test {
 protected:
  void TearDown() override {
    Eigen::setCpuCacheSizes(before_.level1, before_.level2, before_.level3);
  }

 private:
  Caches before_{Eigen::l1CacheSize(), Eigen::l2CacheSize(), Eigen::l3CacheSize()};
};

/// Shape and bytes: tells 0 from -0, and a NaN is itself.
::testing::AssertionResult same_bytes(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return ::testing::AssertionFailure() << "shape";
  if (std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << (a.array() != b.array()).count() << " of " << a.size() << " numbers differ";
}

Eigen::MatrixXd random_matrix(Random& random, Eigen::Index rows, Eigen::Index columns) {
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [&] { return random.real(-1, 1); });
}

// The test itself: here is a product that the sizes above do change.
TEST_F(UnlikeCaches, ChangeAnUnguardedProduct) {
  Random random(901);
  const Eigen::MatrixXd a = random_matrix(random, 300, 300);
  tell_eigen(small);
  const Eigen::MatrixXd first = a * a;
  tell_eigen(large);
  const Eigen::MatrixXd second = a * a;
  EXPECT_FALSE(same_bytes(first, second));
}

TEST_F(UnlikeCaches, Kriging) {
  Random random(902);
  for (const Eigen::Index known : {40, 120, 300}) {
    const Eigen::MatrixXd points = random_matrix(random, known, 10);
    const Eigen::MatrixXd values = random_matrix(random, known, 2);
    const Eigen::MatrixXd elsewhere = random_matrix(random, 400, 10);
    const auto predicted = [&](const Caches& caches) {
      tell_eigen(caches);
      return search::Kriging(points, values).predict(elsewhere);
    };
    const Eigen::MatrixXd first = predicted(unlike.front());
    for (const Caches& caches : unlike)
      EXPECT_TRUE(same_bytes(first, predicted(caches))) << known << " known points";
  }
}

/// All numbers of an optimum in a column.
Eigen::VectorXd numbers_of(const theory::Optimum& o) {
  std::vector<double> list{o.shape.layers,
                           o.shape.width,
                           o.shape.ffn_ratio,
                           o.shape.gqa,
                           o.shape.activation_rate,
                           o.loss,
                           o.kv_dim_gain,
                           o.kkt_residual,
                           o.prices.dloss_dln_compute,
                           o.prices.dloss_dln_bandwidth,
                           o.prices.dloss_dln_memory};
  for (const auto& budget : o.budgets) list.push_back(budget.multiplier);
  for (const auto& side : o.sides) list.push_back(side.gain);
  return Eigen::Map<Eigen::VectorXd>(list.data(), static_cast<Eigen::Index>(list.size()));
}

// Holds without a guard: the systems of a geometric program are too small for Eigen to cut, as
// geometric_program.cpp asserts.
TEST_F(UnlikeCaches, Optimum) {
  Random random(903);
  const model::Law law = published_law();
  const theory::XiModel xi{.weight_bytes = 2, .kv_bytes = 2, .cached_tokens = 1032.5};
  for (int i = 0; i < 100; ++i) {
    const theory::Budgets budgets{.prefill_flop_per_token = random.log_real(3e9, 3e10),
                                  .decode_bytes_per_token = random.log_real(1e9, 1e10),
                                  .memory_bytes = random.log_real(2e9, 2e10)};
    const auto found = [&](const Caches& caches) {
      tell_eigen(caches);
      return numbers_of(theory::optimise(law, xi, budgets, theory::default_box(law)));
    };
    const Eigen::VectorXd first = found(unlike.front());
    for (const Caches& caches : unlike) EXPECT_TRUE(same_bytes(first, found(caches)));
  }
}

// Of a space so fine that much is nearly as good: unguarded, the searches ask for other
// architectures after some 2,600 and end with another frontier.
TEST_F(UnlikeCaches, Plas) {
  search::Question question = benchmark_question();
  question.space.expert_ffn_ratio.clear();
  for (int i = 16; i <= 256; ++i) question.space.expert_ffn_ratio.push_back(i / 64.0);
  question.seed = 4;
  search::PlasOptions options;
  options.max_evaluations = 4000;
  tell_eigen(small);
  const PlasRun first = run_plas(question, options);
  tell_eigen(large);
  const PlasRun second = run_plas(question, options);
  EXPECT_EQ(first.scored, second.scored);
  EXPECT_EQ(first.counts.relaxations.calls, second.counts.relaxations.calls);
  EXPECT_EQ(first.frontiers.at(0).points(), second.frontiers.at(0).points());
}

}  // namespace
}  // namespace rooflaw::testing
