#include "rooflaw/fit/law_validation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/core/random.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::fit {

namespace {

constexpr std::uint64_t run_stream = 2, shape_stream = 3;

/// Multiplications per token of the matrices of a shape: attention 2 d^2 + 2 d dm, FFN 3 r d^2 a
/// layer. What a table lacks is that of a dense transformer.
double matrix_parameters(const Run& run, const std::array<bool, column_count>& has) {
  const auto knows = [&](Column c) { return has[static_cast<std::size_t>(c)]; };
  const double d = run[Column::width];
  const double dm = knows(Column::kv_dim) ? run[Column::kv_dim] : d;
  const double r = knows(Column::ffn_ratio) ? run[Column::ffn_ratio] : 8.0 / 3;
  return run[Column::layers] * d * (2 * d + 2 * dm + 3 * r * d);
}

}  // namespace

Accuracy accuracy(const std::vector<double>& losses, const std::vector<double>& log_errors) {
  const auto n = static_cast<double>(losses.size());
  Accuracy a{losses.size(), nan, nan, nan, nan, nan};
  if (losses.empty()) return a;
  double mean = 0;
  for (const double loss : losses) mean += loss / n;
  double off = 0, spread = 0;
  std::vector<double> predicted;
  a.mean = a.largest = a.bias = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double relative = exponential_minus_one(log_errors[i]);
    predicted.push_back(losses[i] * (1 + relative));
    a.mean += std::abs(relative) / n;
    a.bias += relative / n;
    a.largest = std::max(a.largest, std::abs(relative));
    off += losses[i] * relative * losses[i] * relative;
    spread += (losses[i] - mean) * (losses[i] - mean);
  }
  if (spread > 0.0) a.r2 = 1 - off / spread;
  if (losses.size() > 2) a.rank = correlation(ranks_of(losses), ranks_of(predicted));
  return a;
}

std::vector<Split> splits_of(const LawProblem& problem, const Runs& runs, std::uint64_t seed) {
  const std::size_t n = problem.rows().size();
  std::vector<Split> all;
  const auto add = [&](HeldOut kind, const auto& is_out) {
    Split split{kind, std::vector<double>(n, 1.0)};
    for (std::size_t i = 0; i < n; ++i)
      if (is_out(i)) split.times[i] = 0;
    const auto out = std::count(split.times.begin(), split.times.end(), 0.0);
    if (out > 0 && static_cast<std::size_t>(out) < n) all.push_back(std::move(split));
  };
  for (std::uint64_t fold = 0; fold < folds; ++fold)
    add(HeldOut::random,
        [&](std::size_t i) { return permuted(seed, run_stream, n, i) % folds == fold; });
  for (std::uint64_t fold = 0; fold < folds; ++fold)
    add(HeldOut::shapes, [&](std::size_t i) {
      return permuted(seed, shape_stream, problem.shape_count(), problem.shapes()[i]) % folds ==
             fold;
    });
  std::vector<double> compute;
  for (const auto& run : problem.rows())
    compute.push_back(matrix_parameters(run, runs.has) * run[Column::tokens]);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return compute[a] > compute[b]; });
  std::vector<bool> is_largest(n, false);
  for (std::size_t k = 0; k < n / folds; ++k) is_largest[order[k]] = true;
  add(HeldOut::largest, [&](std::size_t i) { return is_largest[i]; });
  return all;
}

std::vector<double> parameters_of(const LawProblem& problem, const Runs& runs) {
  std::vector<double> all;
  if (!runs.knows(Column::parameters) && !(runs.knows(Column::layers) && runs.knows(Column::width)))
    return all;
  for (const auto& run : problem.rows())
    all.push_back(runs.knows(Column::parameters) ? run[Column::parameters]
                                                 : matrix_parameters(run, runs.has));
  return all;
}

std::optional<LawProblem> size_only(const LawProblem& problem, const Runs& runs) {
  const auto parameters = parameters_of(problem, runs);
  if (parameters.empty()) return std::nullopt;
  Runs sizes{runs.has, problem.rows(), {}};
  sizes.has[static_cast<std::size_t>(Column::parameters)] = true;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    sizes.rows[i].values[static_cast<std::size_t>(Column::parameters)] = parameters[i];
  if (!varies(sizes, Column::parameters)) return std::nullopt;
  LawTerms terms{{find_term("parameters")}};
  if (runs.knows(Column::tokens) && varies(sizes, Column::tokens))
    terms.forms.push_back(find_term("tokens"));
  return LawProblem(std::move(sizes), terms);
}

}  // namespace rooflaw::fit
