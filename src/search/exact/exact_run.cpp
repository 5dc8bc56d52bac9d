#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/score/scan_run.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// A round is a level.
class ExactRun : public ScanRun {
 public:
  ExactRun(const Exact& exact, const Question& question, Role role)
      : ScanRun(question, role, true),
        tolerance_(exact.tolerance),
        levels_(exact_levels(question.space)) {}
  std::string name(std::int64_t piece) const override { return level_->name(piece); }

 protected:
  std::uint64_t rounds() const override { return levels_.size(); }
  std::int64_t pieces_of(std::uint64_t round) const override {
    return search::pieces_of(question(), levels_[round]);
  }
  bool fits(const ScanState& state) const override {
    return state.seed.empty() != has_seed(state.round);
  }
  void prepare(bool goes_on) override {
    std::vector<LossBound> lowered;
    if (has_seed(round())) {
      auto& seed = scan_state().seed;
      if (!goes_on) seed = points_of(scanner().frontiers());
      for (const auto& points : seed) {
        Frontier frontier;
        for (const auto& point : points) frontier.insert(point);
        lowered.emplace_back(frontier, tolerance_);
      }
    }
    level_.emplace(question(), tables(), levels_[round()], std::move(lowered));
  }
  void score_piece(std::int64_t piece, const Between& between) override {
    level_->score(piece, scanner(), between);
    level_->settle(scanner());
  }

 private:
  bool has_seed(std::uint64_t round) const {
    return tolerance_ > 0.0 && round + 1 == levels_.size();
  }
  double tolerance_;
  std::vector<Subspace> levels_;
  std::optional<ExactLevel> level_;
};

}  // namespace

std::unique_ptr<MethodRun> start(const Exact& exact, const Question& question, Role role) {
  return std::make_unique<ExactRun>(exact, question, role);
}

}  // namespace rooflaw::search
