#include "rooflaw/search/score/scan_run.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// What pieces gave.
struct ScanReport {
  std::int64_t pairs = 0;
  std::vector<FrontierPoints> frontiers;
};
template <class Archive>
void fields(Archive& a, ScanReport& x) {
  a(x.pairs, x.frontiers);
}

/// A bin of latency and the least loss in it.
struct KnownLoss {
  LossChange change;
  double loss = 0;
};
template <class Archive>
void fields(Archive& a, KnownLoss& x) {
  a(x.change.target, x.change.bin, x.loss);
}

/// Takes these in, target by target.
void merge(const std::vector<FrontierPoints>& more, std::vector<FrontierPoints>& points) {
  for (std::size_t t = 0; t < points.size(); ++t) points[t] = merged(points[t], more[t]);
}

/// Of points, those that are not known to be dominated.
void drop_dominated(FrontierPoints& points, const LossBound& bound) {
  std::erase_if(points, [&](const FrontierPoint& p) {
    return p.loss >= bound.before(LossBound::bin(p.latency_s));
  });
}

}  // namespace

ScanRun::ScanRun(const Question& question, Role role, bool shares_finds)
    : question_(question), role_(role), shares_finds_(shares_finds) {}

std::size_t ScanRun::common_bytes() const {
  return shares_finds_ ? question_.targets.size() * sizeof(LossMemory) : 0;
}

std::span<LossMemory> ScanRun::in_common(std::byte* memory) const {
  if (memory == nullptr) return {};
  return {reinterpret_cast<LossMemory*>(memory), question_.targets.size()};
}

void ScanRun::make_ready(std::span<std::byte> memory) const {
  for (auto& of_target : in_common(memory.data())) search::make_ready(of_target);
}

void ScanRun::score(std::int64_t piece, const Between& between) {
  const auto before = scanner_->pairs_scored();
  score_piece(piece, between);
  state_.pairs += scanner_->pairs_scored() - before;
}

void ScanRun::settle() {
  const auto before = scanner_->pairs_scored();
  settle_pieces();
  state_.pairs += scanner_->pairs_scored() - before;
}

Bytes ScanRun::report() {
  ScanReport report{std::exchange(state_.pairs, 0), all_points()};
  for (std::size_t t = 0; t < report.frontiers.size(); ++t)
    drop_dominated(report.frontiers[t], scanner_->known()[t].bound());
  scanner_->clear_frontiers();
  state_.frontiers.assign(question_.targets.size(), {});
  absorbed_.clear();
  return packed(report);
}

void ScanRun::absorb(const Bytes& bytes) {
  auto report = unpacked<ScanReport>(bytes);
  require_fit(report.frontiers.size() == question_.targets.size());
  state_.pairs += report.pairs;
  absorbed_.push_back(std::move(report.frontiers));
  // Those of like size first: a point is merged a few times, not with every report that comes.
  const auto size = [&](std::size_t from_last) {
    return count_points(absorbed_[absorbed_.size() - from_last]);
  };
  while (absorbed_.size() > 1 && size(2) <= 2 * size(1)) {
    const auto last = std::move(absorbed_.back());
    absorbed_.pop_back();
    merge(last, absorbed_.back());
  }
}

std::size_t ScanRun::unreported() const { return points_held() * sizeof(FrontierPoint); }

std::vector<Bytes> ScanRun::news(std::span<const int> ranks) {
  std::vector<Bytes> news(ranks.size());
  if (!shares_finds_) return news;
  constexpr int here = -1;
  for (std::size_t t = 0; t < question_.targets.size(); ++t)
    for (const auto bin : scanner_->known()[t].take_noted())
      learned_.emplace_back(LossChange{t, bin}, here);
  if (learned_.empty()) return news;
  const auto by_bin = [](const auto& change) {
    return std::tuple(change.first.target, change.first.bin, change.second);
  };
  std::sort(learned_.begin(), learned_.end(),
            [&](const auto& a, const auto& b) { return by_bin(a) < by_bin(b); });
  std::vector<std::vector<KnownLoss>> told(ranks.size());
  for (auto change = learned_.begin(); change != learned_.end();) {
    const LossChange& what = change->first;
    const auto same = [&](const auto& c) {
      return c.first.target == what.target && c.first.bin == what.bin;
    };
    const auto end = std::find_if_not(change, learned_.end(), same);
    const KnownLosses& known = scanner_->known()[what.target];
    const double loss = known.least_until(what.bin);
    // Nothing to whom it came from, unless it has fallen since, here or elsewhere.
    if (loss < known.bound().before(what.bin) - KnownLosses::last_digits)
      for (std::size_t r = 0; r < ranks.size(); ++r)
        if (std::any_of(change, end, [&](const auto& c) { return c.second != ranks[r]; }))
          told[r].push_back({what, loss});
    change = end;
  }
  learned_.clear();
  for (std::size_t r = 0; r < ranks.size(); ++r)
    if (!told[r].empty()) news[r] = packed(told[r]);
  return news;
}

void ScanRun::learn(int from, const Bytes& news) {
  for (const auto& [change, loss] : unpacked<std::vector<KnownLoss>>(news))
    if (scanner_->known().at(change.target).add(change.bin, loss))
      learned_.emplace_back(change, from);
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
  scanner_.emplace(question_, tables_, in_common(common_.get()));
  if (!bytes.empty()) state_ = unpacked<ScanState>(bytes);
  const std::vector<FrontierPoints> none(question_.targets.size());
  if (state_.frontiers.empty()) state_.frontiers = none;
  know(state_.frontiers);
  if (!role_.is_root()) {
    state_.frontiers = none;
    state_.pairs = 0;
  }
  prepare(bytes.empty() ? &none : nullptr);
}

/// Bounds by what these points say, wherever they are kept.
void ScanRun::know(const std::vector<FrontierPoints>& frontiers) {
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (auto point = frontiers[t].rbegin(); point != frontiers[t].rend(); ++point)
      scanner_->known()[t].add(LossBound::bin(point->latency_s), point->loss);
}

std::vector<FrontierPoints> ScanRun::all_points() const {
  auto points = points_of(scanner_->frontiers());
  for (auto report = absorbed_.rbegin(); report != absorbed_.rend(); ++report)
    merge(*report, points);
  merge(state_.frontiers, points);
  return points;
}

/// Those that another has too are counted twice.
std::size_t ScanRun::points_held() const {
  std::size_t points = count_points(scanner_->frontiers()) + count_points(state_.frontiers);
  for (const auto& report : absorbed_) points += count_points(report);
  return points;
}

Bytes ScanRun::gathered() const { return round() + 1 == rounds() ? Bytes{} : packed(all_points()); }

void ScanRun::next_round(const Bytes& gathered) {
  ++state_.round;
  if (finished()) return;
  std::vector<FrontierPoints> before;
  if (role_.is_root()) {
    before = all_points();
    // Alone, what was found goes on to drop what is dominated within a bin of what is known.
    if (role_.ranks > 1) {
      scanner_->clear_frontiers();
      absorbed_.clear();
      state_.frontiers = before;
    }
  } else {
    before = unpacked<std::vector<FrontierPoints>>(gathered);
  }
  know(before);
  for (auto& known : scanner_->known()) known.take_noted();
  learned_.clear();
  prepare(&before);
}

Bytes ScanRun::state() const {
  ScanState now = state_;
  now.frontiers = all_points();
  return packed(now);
}

Progress ScanRun::progress(std::int64_t begun) const {
  return {.done = begun,
          .of = pieces(),
          .frontier_points = points_held(),
          .level = static_cast<Index>(round() + 1),
          .levels = static_cast<Index>(rounds())};
}

Outcome ScanRun::found() const {
  Outcome outcome;
  outcome.frontiers = all_points();
  outcome.pairs_scored = state_.pairs;
  return outcome;
}

}  // namespace rooflaw::search
