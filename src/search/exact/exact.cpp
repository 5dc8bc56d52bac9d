#include "rooflaw/search/exact/exact.hpp"

#include <algorithm>

#include "frame_search.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::search {

namespace {

// Boxes looked at before bounds are made anew within a frame.
constexpr std::int64_t boxes_per_bound = 1 << 16;

double width_of(const Space& space, const Frame& frame) {
  return static_cast<double>(space.widths[frame.width_digit]);
}

/// How many pieces a level should have, about.
double pieces_wanted(const Question& question, const Subspace& level) {
  return power(static_cast<double>(question.targets.size()) * size_of(level), 1.0 / 3.0);
}

/// The work of a frame falls about as its width grows.
LevelCuts cuts_of(const Question& question, const Subspace& level, const Routes& routes) {
  const Space& space = question.space;
  LevelCuts cuts{.frames = frames_of_level(level), .most_work = 0, .first = {0}};
  std::stable_sort(cuts.frames.begin(), cuts.frames.end(), [&](const Frame& x, const Frame& y) {
    return width_of(space, x) < width_of(space, y);
  });
  double shares = 0;
  for (const Frame& frame : cuts.frames) shares += 1.0 / width_of(space, frame);
  cuts.most_work = routes.work() * shares / pieces_wanted(question, level);
  Index parts = 0;
  double width = 0;
  for (const Frame& frame : cuts.frames) {
    if (width_of(space, frame) != width) {
      width = width_of(space, frame);
      parts = static_cast<Index>(routes.cut(cuts.most_work * width).size());
    }
    cuts.first.push_back(cuts.first.back() + parts);
  }
  return cuts;
}

}  // namespace

Index pieces_of(const Question& question, const Subspace& level) {
  return cuts_of(question, level, Routes(question.space, level)).first.back();
}

ExactLevel::ExactLevel(const Question& question, const PowerTables& tables,
                       const Subspace& subspace, std::vector<LossBound> lowered_seed)
    : question_(question),
      tables_(tables),
      subspace_(subspace),
      depths_(depths_of_level(question.space, tables, subspace)),
      routes_(question.space, subspace),
      cuts_(cuts_of(question, subspace, routes_)),
      lowered_seed_(std::move(lowered_seed)),
      changes_(question.targets.size(), 0) {}

ExactLevel::~ExactLevel() = default;

std::size_t ExactLevel::frame_of(Index piece) const {
  const auto after = std::upper_bound(cuts_.first.begin(), cuts_.first.end(), piece);
  return static_cast<std::size_t>(after - cuts_.first.begin()) - 1;
}

std::string ExactLevel::name(Index piece) const {
  return frame_name(question_.space, cuts_.frames[frame_of(piece)]);
}

std::int64_t ExactLevel::boxes_looked_at() const {
  return looked_at_ + (search_ ? search_->boxes_looked_at() : 0);
}

/// What the frame's bounds were made of has changed: those of which a 64th has are made anew.
void ExactLevel::refresh_bounds(const Scanner& scanner) {
  refreshed_at_ = boxes_looked_at();
  for (std::size_t t = 0; t < changes_.size(); ++t) {
    const std::uint64_t now = scanner.known()[t].changes();
    if (now <= changes_[t] + changes_[t] / 64) continue;
    search_->forget_bound(t);
    changes_[t] = now;
  }
}

/// Makes the search of a frame ready, or goes on with it.
void ExactLevel::enter(std::size_t frame, Scanner& scanner) {
  if (search_ && frame == searched_) {
    if (boxes_looked_at() >= refreshed_at_ + boxes_per_bound) refresh_bounds(scanner);
    return;
  }
  settle(scanner);
  looked_at_ = boxes_looked_at();
  search_.reset();
  for (std::size_t t = 0; t < changes_.size(); ++t) changes_[t] = scanner.known()[t].changes();
  refreshed_at_ = looked_at_;
  search_ = std::make_unique<FrameSearch>(*this, cuts_.frames[frame], scanner.known());
  parts_ = routes_.cut(cuts_.most_work * width_of(question_.space, cuts_.frames[frame]));
  searched_ = frame;
}

void ExactLevel::score(Index piece, Scanner& scanner, const std::function<void()>& between) {
  const std::size_t frame = frame_of(piece);
  enter(frame, scanner);
  const auto part = static_cast<std::size_t>(piece - cuts_.first[frame]);
  search_->search(parts_[part], scanner, between);
}

void ExactLevel::settle(Scanner& scanner) {
  if (search_) search_->settle(scanner);
}

}  // namespace rooflaw::search
