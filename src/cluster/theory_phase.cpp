// The closed-form optimum beside every frontier point, over all ranks: a large result has hundreds
// of thousands of points, and each is a small optimisation. A piece is a run of a target's points.

#include <algorithm>

#include <fmt/format.h>

#include "by_piece.hpp"

namespace rooflaw::cluster {

using search::FrontierPoints;
using Rows = std::vector<search::TheoryRow>;

namespace {

constexpr std::size_t rows_per_piece = 512;

struct Run {
  std::size_t target = 0;
  std::size_t first = 0;
};

std::vector<Run> runs_of(const std::vector<FrontierPoints>& frontiers) {
  std::vector<Run> runs;
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (std::size_t first = 0; first < frontiers[t].size(); first += rows_per_piece)
      runs.push_back({t, first});
  return runs;
}

std::span<const search::FrontierPoint> points_of(const Run& run,
                                                 const std::vector<FrontierPoints>& frontiers) {
  const std::span points = std::span(frontiers[run.target]).subspan(run.first);
  return points.first(std::min(rows_per_piece, points.size()));
}

class TheoryWork : public ByPointsWork<Rows> {
 public:
  TheoryWork(const search::Question& question, const std::vector<FrontierPoints>& frontiers,
             const std::vector<Run>& runs)
      : ByPointsWork(runs.size()), question_(question), frontiers_(frontiers), runs_(runs) {}

 protected:
  std::string name_of(const TargetPoints& at) const override {
    return fmt::format("closed forms of {}, from {:.6g} on", question_.targets[at.target].id,
                       at.points.front().latency_s);
  }
  Rows make(const TargetPoints& at, const Between&) override {
    return search::theory_rows(question_, question_.targets[at.target], at.points);
  }
  TargetPoints here(std::size_t piece) const override {
    return {runs_[piece].target, points_of(runs_[piece], frontiers_)};
  }

 private:
  const search::Question& question_;
  const std::vector<FrontierPoints>& frontiers_;
  const std::vector<Run>& runs_;  // by piece
};

}  // namespace

void check_theory(const search::Question& question, const std::vector<FrontierPoints>& frontiers,
                  const Bytes& kept) {
  const auto runs = runs_of(frontiers);
  search::require_fit(frontiers.size() == question.targets.size());
  for (const auto& [piece, rows] : checked<Rows>(kept, runs.size()).results)
    search::require_theory(rows, points_of(runs[piece], frontiers));
}

search::TheoryTable theory_phase(const search::Question& question,
                                 const std::vector<FrontierPoints>& frontiers, Phase& phase) {
  const auto runs = runs_of(frontiers);
  TheoryWork work(question, frontiers, runs);
  run_by_piece(work, count_points(frontiers), phase);
  search::TheoryTable table(frontiers.size());
  if (!phase.ranks.is_root()) return table;
  // Each goes as it is taken over: rows are most of what a large result takes.
  for (auto& results = work.results(); !results.empty(); results.erase(results.begin())) {
    const auto& [piece, rows] = *results.begin();
    auto& all = table[runs[piece].target];
    all.reserve(frontiers[runs[piece].target].size());
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return table;
}

}  // namespace rooflaw::cluster
