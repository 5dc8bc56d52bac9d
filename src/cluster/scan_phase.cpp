// Strategies that score pieces of the space and keep frontiers: exact, grid, sample.

#include <fmt/format.h>

#include "phase.hpp"
#include "rooflaw/search/exact/exact.hpp"
#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/sample/sample.hpp"

namespace rooflaw::cluster {

using search::FoundPoint;
using search::Frontier;
using search::PowerTables;
using search::Scanner;

namespace {

/// Pieces of a Grid, a Sample or an ExactLevel.
template <class Pieces>
class ScanWork : public Work {
 public:
  /// @param shares_finds  ranks prune with what the others found
  ScanWork(Pieces& scored, Scanner& scanner, Communicator& ranks, bool shares_finds,
           std::int64_t pairs)
      : scored_(scored),
        scanner_(scanner),
        pairs_(pairs),
        shares_finds_(shares_finds),
        told_(static_cast<std::size_t>(ranks.size()), 0) {
    if (ranks.is_root() ? shares_finds && ranks.size() > 1 : true) scanner.keep_found();
  }

  Index pieces() const override { return scored_.pieces(); }
  std::string name(Index piece) const override { return scored_.name(piece); }
  void score(Index piece, const Between& between) override {
    const auto before = scanner_.pairs_scored();
    scored_.score(piece, scanner_, between);
    pairs_ += scanner_.pairs_scored() - before;
  }

  Bytes report() override {
    Packer packer;
    packer.put(std::exchange(pairs_, 0));
    packer.put_all(std::span<const FoundPoint>(scanner_.take_found()));
    return packer.take();
  }
  void absorb(const Bytes& report) override {
    Unpacker unpacker(report);
    pairs_ += unpacker.get<std::int64_t>();
    for (const auto& f : unpacker.get_all<FoundPoint>()) {
      Frontier& frontier = scanner_.frontiers()[f.target];
      const auto before = frontier.additions();
      frontier.insert(f.point);
      if (shares_finds_ && frontier.additions() != before) finds_.push_back(f);
    }
  }

  Bytes news(int rank) override {
    if (!shares_finds_) return {};
    const auto own = scanner_.take_found();
    finds_.insert(finds_.end(), own.begin(), own.end());
    auto& told = told_[static_cast<std::size_t>(rank)];
    const auto news = std::span<const FoundPoint>(finds_).subspan(told);
    told = finds_.size();
    return to_bytes(news);
  }
  void learn(const Bytes& news) override {
    for (const auto& f : values_from<FoundPoint>(news))
      scanner_.frontiers()[f.target].insert(f.point);
  }

  /// Of all pieces that are done, the others' as far as they have reported.
  std::int64_t pairs() const { return pairs_; }

 private:
  Pieces& scored_;
  Scanner& scanner_;
  std::int64_t pairs_;
  bool shares_finds_;
  std::vector<FoundPoint> finds_;  // of all ranks, in the order they came
  std::vector<std::size_t> told_;  // by rank: how many of them
};

/// What a checkpoint keeps of such a search.
struct ScanState {
  std::uint64_t level = 0;
  QueueState queue;
  std::vector<Frontier> frontiers;
  std::vector<Frontier> seed;  // with a tolerance: those at the beginning of the last level
  std::int64_t pairs = 0;
  double seconds = 0;
};

Bytes packed(const ScanState& state, const std::vector<Frontier>& frontiers) {
  Packer packer;
  packer.put(state.level);
  put_queue(packer, state.queue);
  put_frontiers(packer, frontiers);
  put_frontiers(packer, state.seed);
  packer.put(state.pairs);
  packer.put(state.seconds);
  return packer.take();
}

ScanState unpacked(const Bytes& bytes) {
  ScanState state;
  if (bytes.empty()) return state;
  Unpacker unpacker(bytes);
  state.level = unpacker.get<std::uint64_t>();
  state.queue = get_queue(unpacker);
  state.frontiers = get_frontiers(unpacker);
  state.seed = get_frontiers(unpacker);
  state.pairs = unpacker.get<std::int64_t>();
  state.seconds = unpacker.get<double>();
  return state;
}

/// Scores what is left of `pieces`.
template <class Pieces>
void run_pieces(Pieces& pieces, Scanner& scanner, ScanState& state, bool shares_finds,
                double max_seconds, Phase& phase, Serving& serving) {
  ScanWork<Pieces> work(pieces, scanner, phase.ranks, shares_finds, state.pairs);
  const TimeLimit limit(max_seconds, state.seconds);
  const QueueHooks hooks{.progress =
                             [&](const QueueState& queue) {
                               phase.progress({.phase = phase.name,
                                               .done = queue.next,
                                               .of = work.pieces(),
                                               .frontier_points = points_of(scanner.frontiers())});
                             },
                         .checkpoint =
                             [&](const QueueState& queue) {
                               ScanState now = state;
                               now.queue = queue;
                               now.pairs = work.pairs();
                               now.seconds = limit.spent();
                               phase.keep(packed(now, scanner.frontiers()));
                             },
                         .out_of_time = [&] { return limit.used_up(); }};
  run_queue(work, state.queue, phase.ranks, phase.watch, hooks, serving);
  state.pairs = work.pairs();
}

template <class Plan>
Outcome run_plan(const search::Question& question, Phase& phase) {
  const PowerTables tables = fill_tables(question);
  const Plan plan(question);
  Scanner scanner(question, tables);
  ScanState state = unpacked(phase.kept);
  if (!phase.kept.empty()) scanner.frontiers() = std::move(state.frontiers);
  if constexpr (std::is_same_v<Plan, search::Grid>) plan.look_around(scanner);
  Outcome outcome;
  run_pieces(plan, scanner, state, false, question.max_seconds, phase, outcome.serving);
  outcome.complete = state.queue.next == plan.pieces() && state.queue.open.empty();
  outcome.pairs_scored = state.pairs;
  outcome.frontiers = std::move(scanner.frontiers());
  return outcome;
}

Outcome run_exact(const search::Question& question, Phase& phase) {
  const PowerTables tables = fill_tables(question);
  const auto levels = search::exact_levels(question.space);
  Scanner scanner(question, tables);
  ScanState state = unpacked(phase.kept);
  if (!phase.kept.empty()) scanner.frontiers() = std::move(state.frontiers);
  constexpr double no_limit = std::numeric_limits<double>::infinity();
  Outcome outcome;
  for (; state.level < levels.size(); ++state.level) {
    const bool begins = state.queue.next == 0;
    const bool last = state.level + 1 == levels.size();
    if (question.tolerance > 0.0 && last && begins) state.seed = scanner.frontiers();
    std::vector<search::LossBound> lowered_seed;
    if (last)
      for (const auto& frontier : state.seed)
        lowered_seed.emplace_back(frontier, question.tolerance);
    search::ExactLevel level(question, tables, levels[state.level], std::move(lowered_seed));
    run_pieces(level, scanner, state, true, no_limit, phase, outcome.serving);
    if (!last) share_frontiers(scanner.frontiers(), phase.ranks);
    state.queue = {};
  }
  outcome.complete = true;
  outcome.pairs_scored = state.pairs;
  outcome.frontiers = std::move(scanner.frontiers());
  return outcome;
}

}  // namespace

void check_scan(const search::Question& question, const Bytes& kept) {
  const ScanState state = unpacked(kept);
  require_frontiers(state.frontiers, question);
  if (!state.seed.empty()) require_frontiers(state.seed, question);
  if (question.strategy == search::Strategy::grid)
    return require_queue(state.queue, search::Grid(question).pieces());
  if (question.strategy == search::Strategy::sample)
    return require_queue(state.queue, search::Sample(question).pieces());
  const auto levels = search::exact_levels(question.space);
  require(state.level < levels.size());
  require_queue(state.queue, search::pieces_of(question, levels[state.level]));
}

Outcome scan_phase(const search::Question& question, Phase& phase) {
  if (question.strategy == search::Strategy::exact) return run_exact(question, phase);
  return question.strategy == search::Strategy::grid ? run_plan<search::Grid>(question, phase)
                                                     : run_plan<search::Sample>(question, phase);
}

}  // namespace rooflaw::cluster
