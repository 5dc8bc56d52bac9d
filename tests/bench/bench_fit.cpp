// Do the intervals of `fit` hold what they say? Campaigns of 170 runs made by the published law
// with noise of 0.3 %, each fitted with its resamples: how often the truth lies in the 95 %
// intervals of predictions, at shapes of the campaigns' ranges, and of the coefficients.
//
//   bench_fit [CAMPAIGNS [RESAMPLES [FIRST SEED]]]   200 campaigns, 1000 resamples, seed 1

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>

#include <fmt/format.h>

#include "rooflaw/fit/law_study.hpp"
#include "rooflaw/core/statistics.hpp"
#include "unit/fit/synthetic_runs.hpp"

namespace {

using namespace rooflaw;

constexpr std::size_t runs_of_a_campaign = 170, shapes_asked = 100;
constexpr double noise = 0.003;
constexpr unsigned other_shapes = 1000000;  // their seed, and those behind it

struct Count {
  std::size_t inside = 0, all = 0, flagged = 0;
};

unsigned argument(int count, char** values, int i, unsigned otherwise) {
  return i < count ? static_cast<unsigned>(std::strtoul(values[i], nullptr, 10)) : otherwise;
}

fit::LawReport report_of(const fit::Runs& runs, std::size_t resamples) {
  const fit::LawStudy study(runs, {fit::published_terms()}, {.seed = 1, .resamples = resamples});
  fit::Made made;
  for (std::size_t piece = 0; piece < study.pieces(); ++piece) made.push_back(study.make(piece));
  return study.report(made);
}

void count_predictions(const fit::LawReport& report, unsigned seed, Count& count, double& errors) {
  for (const auto& run : fit::campaign(shapes_asked, other_shapes + seed, 0).rows) {
    std::vector<double> losses;
    for (const auto& law : report.resamples) losses.push_back(fit::loss_at(law, run));
    ++count.all;
    if (quantile(losses, 0.025) <= run.loss && run.loss <= quantile(losses, 0.975))
      ++count.inside;
    errors += std::abs(fit::loss_at(report.law, run) / run.loss - 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned campaigns = argument(argc, argv, 1, 200);
  const unsigned resamples = argument(argc, argv, 2, 1000);
  const unsigned first = argument(argc, argv, 3, 1);
  const auto begin = std::chrono::steady_clock::now();
  std::map<std::string, Count> coefficients;
  Count predictions, unflagged;
  double errors = 0;
  std::size_t lost = 0;
  for (unsigned seed = first; seed < first + campaigns; ++seed) {
    const auto report = report_of(fit::campaign(runs_of_a_campaign, seed, noise), resamples);
    lost += report.resamples_lost;
    count_predictions(report, seed, predictions, errors);
    for (const auto& told : report.coefficients) {
      auto& count = coefficients[told.name];
      for (const auto& c : model::law_coefficients<double>) {
        if (c.name != told.name) continue;
        const double truth = fit::published_law().*c.member;
        const bool inside = told.low <= truth && truth <= told.high;
        ++count.all;
        count.inside += inside ? 1 : 0;
        count.flagged += told.flags.empty() ? 0 : 1;
        if (!told.flags.empty()) continue;
        ++unflagged.all;
        unflagged.inside += inside ? 1 : 0;
      }
    }
  }
  const auto percent = [](std::size_t part, std::size_t of) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(of, 1));
  };
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} campaigns from seed {}, {} resamples each, {} without a fit, {:.0f} s\n",
             campaigns, first, resamples, lost, seconds);
  fmt::print("predictions: {:.1f} % of {} inside, mean error {:.4f} %\n",
             percent(predictions.inside, predictions.all), predictions.all,
             100 * errors / static_cast<double>(predictions.all));
  fmt::print("unflagged coefficients: {:.1f} % of {} inside\n",
             percent(unflagged.inside, unflagged.all), unflagged.all);
  for (const auto& [name, count] : coefficients)
    fmt::print("  {:<10} {:5.1f} % inside, flagged in {:5.1f} % of campaigns\n", name,
               percent(count.inside, count.all), percent(count.flagged, count.all));
  return 0;
}
