#include "rooflaw/search/resample/resample.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/core/statistics.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

// Best losses that rank 0 keeps of all resamples, points and targets together.
constexpr std::size_t most_kept = 20'000'000;

double loss_at(const Question& question, const Target& target, Index index) {
  const auto a = architecture_at(question.space, digits_of(question.space, index));
  const model::Law& law = law_of(question, target);
  return model::loss(law, model::loss_terms(law, model::law_point(model::lift(*a))),
                     deployment_of(question, target).scenario.precision.loss_delta);
}

void insert_known(const Question& question, const std::vector<FrontierPoints>& known,
                  Scanner& scanner) {
  for (std::size_t t = 0; t < known.size(); ++t)
    for (const auto& [latency, loss, index] : known[t]) {
      const double now = loss_at(question, question.targets[t], index);
      if (now < infinity) scanner.insert(t, {latency, now, index});
    }
}

}  // namespace

Question with_law(const Question& question, std::size_t law,
                  const model::LawCoefficients<double>& coefficients) {
  Question one = of_law(question, law);
  static_cast<model::LawCoefficients<double>&>(one.laws.front()) = coefficients;
  one.laws.front().resamples.clear();
  return one;
}

std::vector<FrontierPoints> frontiers_from(const Question& question,
                                           const std::vector<FrontierPoints>& known,
                                           const std::function<void()>& between) {
  const PowerTables tables = fill_tables(question, between);
  Scanner scanner(question, tables);
  insert_known(question, known, scanner);
  const bool bounded = std::all_of(question.laws.begin(), question.laws.end(),
                                   [](const model::Law& law) { return model::is_monotone(law); });
  if (bounded) {
    const auto levels = exact_levels(question.space);
    // What is known prunes as well as the levels before the last would.
    for (std::size_t l = known.empty() ? 0 : levels.size() - 1; l < levels.size(); ++l) {
      ExactLevel level(question, tables, levels[l], {});
      for (Index piece = 0; piece < level.pieces(); ++piece) level.score(piece, scanner, between);
      level.settle(scanner);
    }
  } else {
    const GridPlan grid(question);
    if (known.empty()) grid.look_around(scanner);
    for (Index piece = 0; piece < grid.pieces(); ++piece) grid.score(piece, scanner, between);
  }
  return points_of(scanner.frontiers());
}

std::vector<std::size_t> band_points(std::size_t frontier_size, std::size_t all_points,
                                     std::size_t resamples) {
  const std::size_t step = std::max<std::size_t>(1, (all_points * resamples) / most_kept);
  std::vector<std::size_t> points;
  for (std::size_t p = 0; p < frontier_size; p += step) points.push_back(p);
  return points;
}

std::vector<Resampled> resample(const Question& question,
                                const std::vector<FrontierPoints>& frontiers,
                                std::size_t all_points, std::size_t resamples,
                                const std::function<void()>& between) {
  const auto found = frontiers_from(question, frontiers, between);
  std::vector<Resampled> by_target;
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const auto& points = frontiers[t];
    const auto& theirs = found[t];
    Resampled& r = by_target.emplace_back();
    // Both are sorted by latency.
    std::size_t next = 0;
    const auto best_at = [&](double latency) {
      while (next < theirs.size() && theirs[next].latency_s <= latency) ++next;
      return next == 0 ? infinity : theirs[next - 1].loss;
    };
    for (const std::size_t p : band_points(points.size(), all_points, resamples))
      r.best.push_back(best_at(points[p].latency_s));
    next = 0;
    for (const auto& point : points) {
      best_at(point.latency_s);
      r.stays.push_back(next > 0 && theirs[next - 1].index == point.index ? 1 : 0);
    }
  }
  return by_target;
}

void require_resampled(const Resampled& resampled, std::size_t frontier_size,
                       std::size_t band_points) {
  require_fit(resampled.best.size() == band_points && resampled.stays.size() == frontier_size);
  for (std::size_t i = 0; i < resampled.best.size(); ++i)
    require_fit(!std::isnan(resampled.best[i]) &&
                (i == 0 || resampled.best[i] <= resampled.best[i - 1]));
  for (const auto stays : resampled.stays) require_fit(stays <= 1);
}

void require_bands(const std::vector<ResampleBand>& bands,
                   const std::vector<FrontierPoints>& frontiers) {
  require_fit(bands.size() == frontiers.size());
  for (std::size_t t = 0; t < bands.size(); ++t) {
    const auto& [resamples, low, high, stays] = bands[t];
    const std::size_t size = resamples == 0 ? 0 : frontiers[t].size();
    require_fit(low.size() == size && high.size() == size && stays.size() == size);
    for (std::size_t i = 0; i < size; ++i)
      require_fit(!(low[i] > high[i]) && stays[i] >= 0.0 && stays[i] <= 1.0);
  }
}

ResampleBand band_of(const std::vector<Resampled>& resamples, std::size_t frontier_size,
                     const std::vector<std::size_t>& band_points) {
  ResampleBand band{.resamples = resamples.size(),
                    .low = std::vector<double>(frontier_size, nan),
                    .high = std::vector<double>(frontier_size, nan),
                    .stays = std::vector<double>(frontier_size, 0.0)};
  if (resamples.empty()) return band;
  std::vector<double> best(resamples.size());
  for (std::size_t i = 0; i < band_points.size(); ++i) {
    for (std::size_t r = 0; r < resamples.size(); ++r) best[r] = resamples[r].best[i];
    band.low[band_points[i]] = quantile(best, 0.05);
    band.high[band_points[i]] = quantile(best, 0.95);
  }
  for (std::size_t p = 0; p < frontier_size; ++p) {
    for (const auto& r : resamples) band.stays[p] += r.stays[p];
    band.stays[p] /= static_cast<double>(resamples.size());
  }
  return band;
}

}  // namespace rooflaw::search
