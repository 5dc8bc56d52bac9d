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
  std::int64_t end_of_kin(std::int64_t piece) const override { return level_->end_of_frame(piece); }

 protected:
  std::uint64_t rounds() const override { return levels_.size(); }
  std::int64_t pieces_of(std::uint64_t round) const override {
    return level_ && round == this->round() ? level_->pieces()
                                            : search::pieces_of(question(), levels_[round]);
  }
  bool fits(const ScanState& state) const override {
    return state.seed.empty() != has_seed(state.round);
  }
  void prepare(const std::vector<FrontierPoints>* before) override {
    auto& seed = scan_state().seed;
    if (before != nullptr && has_seed(round())) seed = *before;
    std::vector<LossBound> lowered;
    if (has_seed(round()))
      for (const auto& points : seed) lowered.emplace_back(points, tolerance_);
    level_.reset();
    level_.emplace(question(), tables(), levels_[round()], std::move(lowered));
  }
  void score_piece(std::int64_t piece, const Between& between) override {
    level_->score(piece, scanner(), between);
  }
  void settle_pieces() override { level_->settle(scanner()); }

 private:
  bool has_seed(std::uint64_t round) const { return tolerance_ > 0.0 && round + 1 == rounds(); }
  double tolerance_;
  std::vector<Subspace> levels_;
  std::optional<ExactLevel> level_;
};

}  // namespace

std::unique_ptr<MethodRun> start(const Exact& exact, const Question& question, Role role) {
  return std::make_unique<ExactRun>(exact, question, role);
}

}  // namespace rooflaw::search
