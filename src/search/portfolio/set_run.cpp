#include <cmath>

#include "rooflaw/search/portfolio/portfolio.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// What a checkpoint keeps of a run.
struct SetState {
  std::uint64_t round = 0;
  SetOutcome found;
};
template <class Archive>
void fields(Archive& a, SetState& x) {
  a(x.round, x.found);
}

void require_point(const SetPoint& point, const Question& question,
                   const std::vector<double>& budgets) {
  require_fit(point.targets != 0 && point.index >= 0 && point.index < *index_count(question.space));
  const auto architecture = architecture_at(question.space, digits_of(question.space, point.index));
  require_fit(architecture.has_value());
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    const auto& target = question.targets[t];
    const auto& scenario = deployment_of(question, target).scenario;
    const auto e = model::evaluate(law_of(question, target), *architecture, scenario);
    const bool serves = feasible(limits_of(question, target, budgets[t]), e.costs());
    require_fit(serves == ((point.targets & target_bit(t)) != 0));
    require_fit(e.loss == point.loss + scenario.precision.loss_delta);
  }
}

}  // namespace

void require_sets(const SetOutcome& outcome, const Question& question,
                  const std::vector<double>& budgets) {
  require_fit(outcome.least.size() == question.targets.size());
  SetTable table;
  const std::size_t targets = question.targets.size();
  for (const auto& point : outcome.points) {
    require_fit(targets == most_set_targets || (point.targets >> targets) == 0);
    require_point(point, question, budgets);
    table.insert(point);
  }
  require_fit(table.points() == outcome.points);
}

SetRun::SetRun(const Question& question, const std::vector<double>& budgets, Role role)
    : question_(question), budgets_(budgets), role_(role), levels_(exact_levels(question.space)) {
  found_.least.resize(question.targets.size());
}

void SetRun::score(std::int64_t piece, const Between& between) {
  level_->score(piece, found_, between);
}

SetOutcome SetRun::found() const {
  return {
      .points = found_.table.points(), .least = found_.least, .pairs_scored = found_.pairs_scored};
}

void SetRun::take(const SetOutcome& found) {
  for (const auto& point : found.points) found_.table.insert(point);
  for (std::size_t t = 0; t < found_.least.size(); ++t) {
    auto& least = found_.least[t];
    least.objective = std::min(least.objective, found.least[t].objective);
    least.memory_bytes = std::min(least.memory_bytes, found.least[t].memory_bytes);
  }
}

/// The whole table, which is small.
Bytes SetRun::report() {
  const Bytes report = packed(found());
  found_.pairs_scored = 0;
  return report;
}

void SetRun::absorb(const Bytes& bytes) {
  const auto report = unpacked<SetOutcome>(bytes);
  take(report);
  found_.pairs_scored += report.pairs_scored;
}

std::vector<Bytes> SetRun::news(std::span<const int> ranks) {
  SetOutcome known = found();
  known.pairs_scored = 0;
  Bytes now = packed(known);
  if (now == told_) return std::vector<Bytes>(ranks.size());
  told_ = std::move(now);
  return std::vector<Bytes>(ranks.size(), told_);
}

void SetRun::learn(int /*from*/, const Bytes& news) { take(unpacked<SetOutcome>(news)); }

std::int64_t SetRun::check(const Bytes& bytes) const {
  const auto state = unpacked<SetState>(bytes);
  require_fit(state.round < levels_.size());
  require_sets(state.found, question_, budgets_);
  return static_cast<std::int64_t>(frames_of_level(levels_[state.round]).size());
}

void SetRun::begin(const Bytes& bytes) {
  tables_ = fill_tables(question_);
  if (!bytes.empty()) {
    const auto state = unpacked<SetState>(bytes);
    round_ = state.round;
    take(state.found);
    if (role_.is_root()) found_.pairs_scored = state.found.pairs_scored;
  }
  prepare();
}

void SetRun::prepare() { level_.emplace(question_, budgets_, tables_, levels_[round_]); }

Bytes SetRun::gathered() const { return round_ + 1 == levels_.size() ? Bytes{} : packed(found()); }

void SetRun::next_round(const Bytes& gathered) {
  ++round_;
  if (finished()) return;
  if (!role_.is_root()) take(unpacked<SetOutcome>(gathered));
  prepare();
}

Bytes SetRun::state() const { return packed(SetState{round_, found()}); }

Progress SetRun::progress(std::int64_t begun) const {
  return {.done = begun, .of = pieces(), .frontier_points = found_.table.points().size()};
}

}  // namespace rooflaw::search
