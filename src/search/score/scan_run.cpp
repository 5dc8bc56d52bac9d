#include "rooflaw/search/score/scan_run.hpp"

#include <utility>

#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// What a worker's pieces gave.
struct ScanReport {
  std::int64_t pairs = 0;
  std::vector<FoundPoint> found;
};
template <class Archive>
void fields(Archive& a, ScanReport& x) {
  a(x.pairs, x.found);
}

}  // namespace

ScanRun::ScanRun(const Question& question, Role role, bool shares_finds)
    : question_(question), role_(role), shares_finds_(shares_finds) {}

void ScanRun::score(std::int64_t piece, const Between& between) {
  const auto before = scanner_->pairs_scored();
  score_piece(piece, between);
  state_.pairs += scanner_->pairs_scored() - before;
}

Bytes ScanRun::report() {
  return packed(ScanReport{std::exchange(state_.pairs, 0), scanner_->take_found()});
}

void ScanRun::absorb(const Bytes& bytes) {
  const auto report = unpacked<ScanReport>(bytes);
  state_.pairs += report.pairs;
  for (const auto& f : report.found) {
    Frontier& frontier = scanner_->frontiers()[f.target];
    const auto before = frontier.additions();
    frontier.insert(f.point);
    if (shares_finds_ && frontier.additions() != before) finds_.push_back(f);
  }
}

Bytes ScanRun::news(int worker) {
  if (!shares_finds_) return {};
  const auto own = scanner_->take_found();
  finds_.insert(finds_.end(), own.begin(), own.end());
  auto& told = told_[worker];
  const std::vector<FoundPoint> news(finds_.begin() + static_cast<std::ptrdiff_t>(told),
                                     finds_.end());
  told = finds_.size();
  return packed(news);
}

void ScanRun::learn(const Bytes& news) {
  if (news.empty()) return;
  for (const auto& f : unpacked<std::vector<FoundPoint>>(news))
    scanner_->frontiers()[f.target].insert(f.point);
}

std::int64_t ScanRun::check(const Bytes& bytes) const {
  const auto state = unpacked<ScanState>(bytes);
  require_fit(state.round < rounds() && fits(state));
  require_frontiers(state.frontiers, question_);
  if (!state.seed.empty()) require_frontiers(state.seed, question_);
  return pieces_of(state.round);
}

void ScanRun::begin(const Bytes& bytes) {
  tables_ = fill_tables(question_);
  scanner_.emplace(question_, tables_);
  if (!bytes.empty()) state_ = unpacked<ScanState>(bytes);
  insert(std::exchange(state_.frontiers, {}));
  if (!role_.is_root()) state_.pairs = 0;
  prepare(!bytes.empty());
  if (role_.is_root() ? shares_finds_ && role_.ranks > 1 : true) scanner_->keep_found();
}

void ScanRun::insert(const std::vector<FrontierPoints>& frontiers) {
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (const auto& point : frontiers[t]) scanner_->frontiers()[t].insert(point);
}

Bytes ScanRun::gathered() const {
  return round() + 1 == rounds() ? Bytes{} : packed(points_of(scanner_->frontiers()));
}

void ScanRun::next_round(const Bytes& gathered) {
  ++state_.round;
  if (finished()) return;
  if (!role_.is_root()) insert(unpacked<std::vector<FrontierPoints>>(gathered));
  scanner_->take_found();
  finds_.clear();
  told_.clear();
  prepare(false);
}

Bytes ScanRun::state() const {
  ScanState now = state_;
  now.frontiers = points_of(scanner_->frontiers());
  return packed(now);
}

Progress ScanRun::progress(std::int64_t begun) const {
  return {.done = begun,
          .of = pieces(),
          .frontier_points = count_points(scanner_->frontiers()),
          .level = static_cast<Index>(round() + 1),
          .levels = static_cast<Index>(rounds())};
}

Outcome ScanRun::found() const {
  Outcome outcome;
  outcome.frontiers = points_of(scanner_->frontiers());
  outcome.pairs_scored = state_.pairs;
  return outcome;
}

}  // namespace rooflaw::search
