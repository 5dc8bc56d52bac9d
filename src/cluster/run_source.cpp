#include "run_source.hpp"

#include <algorithm>
#include <limits>

namespace rooflaw::cluster {

namespace {

// Tunable. Seconds that a run is to take: with more ranks more, so that requests stay few; at the
// end less, so that all ranks end together, but never so little that what pieces in a row have in
// common is made for each of them.
constexpr double most_seconds = 0.1;
constexpr double most_seconds_per_rank = 0.25e-3;
constexpr double least_seconds = 0.02;
// A run comes back that takes so many times what it was to take.
constexpr double too_long = 4.0;
// What is left is handed out in at least so many runs a rank.
constexpr std::int64_t runs_left_per_rank = 2;
// The lengths of pieces that were measured first say less and less of those to come.
constexpr double memory = 0.95;

auto interval(std::int64_t first, std::int64_t end) {
  return boost::icl::interval<std::int64_t>::right_open(first, end);
}

}  // namespace

Pieces open_pieces(const QueueState& state) {
  Pieces open;
  for (const auto& run : state.open) open.add(interval(run.first, run.end));
  return open;
}

RunSource::RunSource(const QueueState& state, const Work& work, int ranks)
    : work_(work),
      next_(state.next),
      pieces_(work.pieces()),
      ranks_(ranks),
      again_(open_pieces(state)) {}

std::int64_t RunSource::length() const {
  if (work_.long_pieces() || measured_seconds_ <= 0.0) return 1;
  const std::int64_t left = pieces_ - next_ + static_cast<std::int64_t>(cardinality(again_));
  const auto fair = static_cast<double>(left / (runs_left_per_rank * ranks_));
  const double most = std::max(most_seconds, most_seconds_per_rank * ranks_) * pieces_per_second();
  const double least = std::min(least_seconds * pieces_per_second(), most);
  // Those that are measured first are the short ones: lengths grow little by little.
  return static_cast<std::int64_t>(
      std::clamp(std::clamp(fair, least, most), 1.0, 2.0 * static_cast<double>(longest_)));
}

/// Of a run that begins there and may go on to `last`. Kin stay together where that makes the run
/// by no more than half longer; else it ends with the last that are whole.
std::int64_t RunSource::end_of_run(std::int64_t first, std::int64_t last) const {
  const std::int64_t wanted = std::min(first + length(), last);
  std::int64_t end = first;
  while (end < wanted) {
    const std::int64_t next = std::min(work_.end_of_kin(end), last);
    if (next > first + (wanted - first) * 3 / 2) return end > first ? end : wanted;
    end = next;
  }
  return end;
}

HandedRun RunSource::take() {
  PieceRun run;
  if (!again_.empty()) {
    const auto first = *again_.begin();
    run = {first.lower(), end_of_run(first.lower(), first.upper())};
    again_.subtract(interval(run.first, run.end));
  } else {
    run = {next_, end_of_run(next_, pieces_)};
    next_ = run.end;
  }
  if (run.size() > 0) under_way_.add(interval(run.first, run.end));
  longest_ = std::max(longest_, std::min(run.size(), 2 * longest_));
  if (measured_seconds_ <= 0.0)
    return {.run = run, .most_seconds = std::numeric_limits<double>::infinity()};
  const double expected = static_cast<double>(run.size()) / pieces_per_second();
  return {.run = run, .most_seconds = too_long * std::max(expected, least_seconds)};
}

void RunSource::give_back(const PieceRun& rest) {
  under_way_.subtract(interval(rest.first, rest.end));
  again_.add(interval(rest.first, rest.end));
}

void RunSource::measured(std::int64_t pieces, double seconds) {
  measured_pieces_ = memory * measured_pieces_ + static_cast<double>(pieces);
  measured_seconds_ = memory * measured_seconds_ + seconds;
}

void RunSource::done(const PieceRun& run) { under_way_.subtract(interval(run.first, run.end)); }

QueueState RunSource::state() const {
  QueueState state{next_, {}};
  Pieces open = again_;
  open += under_way_;
  for (const auto& run : open) state.open.push_back({run.lower(), run.upper()});
  return state;
}

}  // namespace rooflaw::cluster
