#pragma once
// Phases whose pieces each leave a result of their own.

#include <limits>
#include <map>
#include <span>

#include "phase.hpp"
#include "rooflaw/search/state.hpp"
#include "run_source.hpp"

namespace rooflaw::cluster {

template <class Result>
using ByPiece = std::map<std::uint64_t, Result>;

template <class Result>
class ByPieceWork : public Work {
 public:
  explicit ByPieceWork(std::size_t pieces) : pieces_(pieces) {}
  std::int64_t pieces() const override { return static_cast<std::int64_t>(pieces_); }
  void score(std::int64_t piece, const Between& between) override {
    const auto number = static_cast<std::size_t>(piece);
    results_[number] = make(number, between);
  }
  Bytes report() override { return packed(std::exchange(results_, {})); }
  void absorb(const Bytes& report) override {
    for (auto& [piece, result] : unpacked<ByPiece<Result>>(report))
      results_[piece] = std::move(result);
  }
  /// All that there is: what others do with results need not wait for them.
  std::size_t unreported() const override {
    return results_.empty() ? 0 : std::numeric_limits<std::size_t>::max();
  }
  /// Of all pieces that are done, on rank 0; on others since the last report.
  ByPiece<Result>& results() { return results_; }

 protected:
  virtual Result make(std::size_t piece, const Between& between) = 0;

 private:
  std::size_t pieces_;
  ByPiece<Result> results_;
};

/// Some points of a target's frontier.
struct TargetPoints {
  std::size_t target = 0;
  std::span<const search::FrontierPoint> points;
};

/// Pieces that are each of some points, which rank 0 has: with a piece another gets its points, so
/// that no other rank holds all of them.
template <class Result>
class ByPointsWork : public ByPieceWork<Result> {
 public:
  using ByPieceWork<Result>::ByPieceWork;
  std::string name(std::int64_t piece) const final {
    return name_of(of_piece(static_cast<std::size_t>(piece)));
  }
  Bytes needed_for(std::int64_t first, std::int64_t end) const final {
    std::vector<Handed> handed;
    for (auto piece = first; piece < end; ++piece) {
      const auto [target, points] = here(static_cast<std::size_t>(piece));
      handed.push_back({target, {points.begin(), points.end()}});
    }
    return packed(handed);
  }
  void take_needed(std::int64_t first, const Bytes& bytes) final {
    first_handed_ = static_cast<std::size_t>(first);
    handed_ = unpacked<std::vector<Handed>>(bytes);
  }

 protected:
  virtual std::string name_of(const TargetPoints& points) const = 0;
  virtual Result make(const TargetPoints& points, const Between& between) = 0;
  /// On rank 0.
  virtual TargetPoints here(std::size_t piece) const = 0;

 private:
  struct Handed {
    std::uint64_t target = 0;
    search::FrontierPoints points;
  };
  template <class Archive>
  friend void fields(Archive& a, Handed& x) {
    a(x.target, x.points);
  }
  Result make(std::size_t piece, const Between& between) final {
    return make(of_piece(piece), between);
  }
  TargetPoints of_piece(std::size_t piece) const {
    if (handed_.empty()) return here(piece);
    const auto& [target, points] = handed_.at(piece - first_handed_);
    return {target, points};
  }
  std::size_t first_handed_ = 0;
  std::vector<Handed> handed_;  // none on rank 0
};

/// What a checkpoint keeps of it.
template <class Result>
struct ByPieceState {
  QueueState queue;
  ByPiece<Result> results;
};
template <class Archive, class Result>
void fields(Archive& a, ByPieceState<Result>& x) {
  a(x.queue, x.results);
}

/// A state of so many pieces, with the results of all that are done. @throws Error if it is none
template <class Result>
ByPieceState<Result> checked(const Bytes& kept, std::size_t pieces) {
  auto state = unpacked<ByPieceState<Result>>(kept);
  search::require_fit(fits(state.queue, static_cast<std::int64_t>(pieces)));
  for (const auto& [piece, result] : state.results) search::require_fit(piece < pieces);
  const Pieces open = open_pieces(state.queue);
  for (std::int64_t piece = 0; piece < state.queue.next; ++piece)
    search::require_fit(state.results.contains(static_cast<std::uint64_t>(piece)) ||
                        contains(open, piece));
  return state;
}

/// Does what is left of it.
template <class Result>
void run_by_piece(ByPieceWork<Result>& work, std::size_t frontier_points, Phase& phase) {
  ByPieceState<Result> state;
  if (phase.ranks.is_root() && !phase.kept.empty())
    state = unpacked<ByPieceState<Result>>(phase.kept);
  work.results() = std::move(state.results);
  const QueueHooks hooks{
      .progress =
          [&](const QueueState& queue) {
            phase.progress(
                {.done = queue.next, .of = work.pieces(), .frontier_points = frontier_points});
          },
      .checkpoint = [&](const QueueState& queue) { phase.keep(packed(queue, work.results())); }};
  search::Serving serving;
  run_queue(work, state.queue, phase.ranks, phase.watch, hooks, serving);
}

}  // namespace rooflaw::cluster
