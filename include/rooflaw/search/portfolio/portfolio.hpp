#pragma once
// A portfolio: few architectures for many targets, each of which runs one of them within its
// budget.

#include <memory>
#include <optional>
#include <string_view>

#include "rooflaw/search/method_run.hpp"
#include "rooflaw/search/portfolio/set_search.hpp"

namespace rooflaw::search {

/// What is best among portfolios of so many architectures that serve the most weight: the least
/// mean loss by weight; or the least regret of the target that has the most, and then the least
/// mean loss. `served` orders as `mean`: the most weight served comes first in any case.
enum class PortfolioObjective { mean, worst, served };
std::string_view to_string(PortfolioObjective objective);
std::optional<PortfolioObjective> portfolio_objective_from(std::string_view name);

/// What is asked for beside the question, by target of its first law.
struct Portfolio {
  std::size_t from = 1, to = 1;  // numbers of architectures
  PortfolioObjective objective = PortfolioObjective::mean;
  std::vector<double> weights;  // > 0
  std::vector<double> budgets;  // in the units of the targets' objectives
};

/// What the search of one law found.
struct SetOutcome {
  std::vector<SetPoint> points;  // of its table
  std::vector<LeastNeed> least;  // by target
  std::int64_t pairs_scored = 0;
  Serving serving{};
};
template <class Archive>
void fields(Archive& a, SetOutcome& x) {
  a(x.points, x.least, counted(x.pairs_scored), x.serving);
}

/// Is it what the model says of these architectures, bit for bit? Of the least needs only what they
/// can be is asked. @throws Error as require_fit
void require_sets(const SetOutcome& outcome, const Question& question,
                  const std::vector<double>& budgets);

/// A round is a level.
class SetRun : public Rounds {
 public:
  /// Keeps references. A question of one law.
  SetRun(const Question& question, const std::vector<double>& budgets, Role role);

  std::int64_t pieces() const override { return level_->pieces(); }
  std::string name(std::int64_t piece) const override { return level_->name(piece); }
  void score(std::int64_t piece, const Between& between) override;
  Bytes report() override;
  void absorb(const Bytes& report) override;
  std::vector<Bytes> news(std::span<const int> ranks) override;
  void learn(int from, const Bytes& news) override;

  std::int64_t check(const Bytes& state) const override;
  void begin(const Bytes& state) override;
  bool finished() const override { return round_ == levels_.size(); }
  Bytes gathered() const override;
  void next_round(const Bytes& gathered) override;
  Bytes state() const override;
  Progress progress(std::int64_t begun) const override;

  SetOutcome found() const;

 private:
  void prepare();
  void take(const SetOutcome& found);

  const Question& question_;
  const std::vector<double>& budgets_;
  Role role_;
  std::vector<Subspace> levels_;
  PowerTables tables_;
  SetFindings found_;
  Bytes told_;  // the last news
  std::uint64_t round_ = 0;
  std::optional<SetLevel> level_;
};

}  // namespace rooflaw::search
