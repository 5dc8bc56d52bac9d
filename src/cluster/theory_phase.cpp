// The closed-form optimum beside every frontier point, over all ranks: a large result has hundreds
// of thousands of points, and each is a small optimisation. A piece is a run of a target's points.

#include <algorithm>

#include <fmt/format.h>

#include "phase.hpp"

namespace rooflaw::cluster {

using search::Frontier;
using search::FrontierPoint;
using Rows = std::vector<search::TheoryRow>;

namespace {

constexpr std::size_t rows_per_piece = 512;

struct Run {
  std::size_t target = 0;
  std::size_t first = 0;
};

std::vector<Run> runs_of(const std::vector<Frontier>& frontiers) {
  std::vector<Run> runs;
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (std::size_t first = 0; first < frontiers[t].size(); first += rows_per_piece)
      runs.push_back({t, first});
  return runs;
}

std::size_t rows_of(const Run& run, const std::vector<Frontier>& frontiers) {
  return std::min(rows_per_piece, frontiers[run.target].size() - run.first);
}

class TheoryWork : public TableWork<Rows> {
 public:
  TheoryWork(const search::Question& question, const std::vector<Frontier>& frontiers,
             const std::vector<Run>& runs)
      : TableWork(runs.size()), question_(question), runs_(runs) {
    for (const auto& frontier : frontiers) points_.push_back(frontier.points());
  }
  std::string name(Index piece) const override {
    const auto& run = runs_[static_cast<std::size_t>(piece)];
    return fmt::format("closed forms of {}, from point {}", question_.targets[run.target].id,
                       run.first);
  }

 protected:
  Rows make(std::size_t piece, const Between&) override {
    const auto& run = runs_[piece];
    const auto& all = points_[run.target];
    const auto points = std::span(all).subspan(run.first);
    return search::theory_rows(question_, question_.targets[run.target],
                               points.first(std::min(rows_per_piece, points.size())));
  }
  void put(Packer& packer, const Rows& rows) const override { put_theory(packer, rows); }
  Rows get(Unpacker& unpacker) const override { return get_theory(unpacker); }

 private:
  const search::Question& question_;
  const std::vector<Run>& runs_;                    // by piece
  std::vector<std::vector<FrontierPoint>> points_;  // by target
};

}  // namespace

void check_theory(const search::Question& question, const std::vector<Frontier>& frontiers,
                  const Bytes& kept) {
  const auto runs = runs_of(frontiers);
  TheoryWork work(question, frontiers, runs);
  take_kept(work, kept);
  for (std::size_t piece = 0; piece < runs.size(); ++piece)
    if (const auto& rows = work.results()[piece])
      require(rows->size() == rows_of(runs[piece], frontiers));
}

TheoryTable theory_phase(const search::Question& question, const std::vector<Frontier>& frontiers,
                         Phase& phase) {
  const auto runs = runs_of(frontiers);
  TheoryWork work(question, frontiers, runs);
  run_table(work, points_of(frontiers), phase);
  TheoryTable table(frontiers.size());
  if (!phase.ranks.is_root()) return table;
  for (std::size_t piece = 0; piece < runs.size(); ++piece) {
    const Rows& rows = *work.results()[piece];
    auto& all = table[runs[piece].target];
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return table;
}

}  // namespace rooflaw::cluster
