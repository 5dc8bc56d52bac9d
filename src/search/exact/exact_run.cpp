#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/exact/local_search.hpp"
#include "rooflaw/search/score/scan_run.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// A round is a level; with a tolerance the last but one of a large space is the local search.
class ExactRun : public ScanRun {
 public:
  ExactRun(const Exact& exact, const Question& question, Role role)
      : ScanRun(question, role, true),
        tolerance_(exact.tolerance),
        levels_(exact_levels(question.space)),
        searches_locally_(tolerance_ > 0.0 && levels_.size() > 1 &&
                          LocalSearch::pays(levels_.back())) {}
  std::string name(std::int64_t piece) const override {
    return local_search_ ? local_search_->name(piece) : level_->name(piece);
  }
  std::int64_t end_of_kin(std::int64_t piece) const override {
    return local_search_ ? piece + 1 : level_->end_of_frame(piece);
  }

 protected:
  std::uint64_t rounds() const override { return levels_.size() + (searches_locally_ ? 1 : 0); }
  std::int64_t pieces_of(std::uint64_t round) const override {
    if (is_local(round)) return LocalSearch::pieces(question());
    return level_ && round == this->round() ? level_->pieces()
                                            : search::pieces_of(question(), level_of(round));
  }
  bool fits(const ScanState& state) const override {
    return state.seed.empty() != has_seed(state.round);
  }
  void prepare(const std::vector<FrontierPoints>* before) override {
    auto& seed = scan_state().seed;
    if (before != nullptr && has_seed(round())) seed = *before;
    level_.reset();
    local_search_.reset();
    if (is_local(round())) {
      local_search_.emplace(question(), tables(), levels_.back(), seed,
                            LocalSearch::least_gain(tolerance_));
      return;
    }
    std::vector<LossBound> lowered;
    if (has_seed(round()))
      for (const auto& points : seed) lowered.emplace_back(points, tolerance_);
    level_.emplace(question(), tables(), level_of(round()), std::move(lowered));
  }
  void score_piece(std::int64_t piece, const Between& between) override {
    if (local_search_)
      local_search_->score(piece, scanner(), between);
    else
      level_->score(piece, scanner(), between);
  }
  void settle_pieces() override {
    if (level_) level_->settle(scanner());
  }

 private:
  bool is_local(std::uint64_t round) const { return searches_locally_ && round + 2 == rounds(); }
  const Subspace& level_of(std::uint64_t round) const {
    return round + 1 == rounds() ? levels_.back() : levels_[round];
  }
  bool has_seed(std::uint64_t round) const {
    return tolerance_ > 0.0 && (round + 1 == rounds() || is_local(round));
  }
  double tolerance_;
  std::vector<Subspace> levels_;
  bool searches_locally_;
  std::optional<ExactLevel> level_;
  std::optional<LocalSearch> local_search_;
};

}  // namespace

std::unique_ptr<MethodRun> start(const Exact& exact, const Question& question, Role role) {
  return std::make_unique<ExactRun>(exact, question, role);
}

}  // namespace rooflaw::search
