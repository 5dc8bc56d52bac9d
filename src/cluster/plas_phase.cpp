// PLAS over all ranks: the stretches of a round are a queue. Every rank goes through the same
// states, so the result is that of one rank.
//
// Rank 0 alone calls the model for scores: powers may differ in the last bit between processors,
// and scoring takes a hundredth of the time that choosing what to score does.

#include <fmt/format.h>

#include "phase.hpp"

namespace rooflaw::cluster {

using search::Plas;
using search::Proposal;

namespace {

/// Proposals of a round by stretch.
class RoundWork : public Work {
 public:
  explicit RoundWork(const Plas& plas) : plas_(plas), proposals_(plas.stretches()) {}

  Index pieces() const override { return static_cast<Index>(plas_.stretches()); }
  std::string name(Index piece) const override {
    return fmt::format("round {}, stretch {}", plas_.counts().rounds, piece);
  }
  void score(Index piece, const Between&) override {
    const auto stretch = static_cast<std::size_t>(piece);
    proposals_[stretch] = plas_.propose(stretch);
    new_.push_back(stretch);
  }
  Bytes report() override {
    Packer packer;
    packer.put(std::uint64_t{new_.size()});
    for (const std::size_t stretch : std::exchange(new_, {})) put(packer, stretch);
    return packer.take();
  }
  void absorb(const Bytes& report) override { take(report); }

  /// Rank 0's on all ranks.
  std::vector<Proposal> shared(Communicator& ranks) {
    Packer packer;
    if (ranks.is_root()) {
      packer.put(std::uint64_t{proposals_.size()});
      for (std::size_t s = 0; s < proposals_.size(); ++s) put(packer, s);
    }
    Bytes bytes = packer.take();
    ranks.broadcast(bytes);
    if (!ranks.is_root()) take(bytes);
    return std::move(proposals_);
  }

 private:
  void put(Packer& packer, std::size_t stretch) const {
    packer.put(std::uint64_t{stretch});
    packer.put(proposals_[stretch].relaxations);
    packer.put_all(std::span<const Index>(proposals_[stretch].points));
  }
  void take(const Bytes& bytes) {
    Unpacker unpacker(bytes);
    for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left) {
      Proposal& proposal = proposals_.at(unpacker.get<std::uint64_t>());
      proposal.relaxations = unpacker.get<search::RelaxationCounts>();
      proposal.points = unpacker.get_all<Index>();
    }
  }

  const Plas& plas_;
  std::vector<Proposal> proposals_;
  std::vector<std::size_t> new_;  // since the last report
};

/// Rank 0's scores of what is wanted, on all ranks.
std::vector<search::Score> shared_scores(const Plas& plas, Communicator& ranks) {
  std::vector<search::Score> scores;
  if (ranks.is_root()) scores = plas.score();
  Bytes bytes = to_bytes(std::span<const search::Score>(scores));
  ranks.broadcast(bytes);
  return values_from<search::Score>(bytes);
}

/// Does rank 0's clock say stop?
bool out_of_time(const TimeLimit& limit, Communicator& ranks) {
  const std::uint8_t stop = limit.used_up() ? 1 : 0;
  Bytes bytes = to_bytes(std::span<const std::uint8_t>(&stop, 1));
  ranks.broadcast(bytes);
  return values_from<std::uint8_t>(bytes).at(0) != 0;
}

Bytes packed(const search::PlasState& state, double seconds) {
  Packer packer;
  packer.put(seconds);
  packer.put_all(std::span<const Index>(state.points));
  packer.put_all(std::span<const search::Score>(state.scores));
  packer.put_all(std::span<const search::HypervolumeReference>(state.reference));
  packer.put_all(std::span<const search::GapEnds>(state.relaxed));
  packer.put(state.counts);
  packer.put(state.hypervolume);
  packer.put(state.idle_rounds);
  packer.put(state.slow_rounds);
  return packer.take();
}

search::PlasState unpacked(Unpacker& unpacker) {
  search::PlasState state;
  state.points = unpacker.get_all<Index>();
  state.scores = unpacker.get_all<search::Score>();
  state.reference = unpacker.get_all<search::HypervolumeReference>();
  state.relaxed = unpacker.get_all<search::GapEnds>();
  state.counts = unpacker.get<search::PlasCounts>();
  state.hypervolume = unpacker.get<double>();
  state.idle_rounds = unpacker.get<int>();
  state.slow_rounds = unpacker.get<int>();
  return state;
}

}  // namespace

void check_plas(const search::Question& question, const Bytes& kept) {
  Unpacker unpacker(kept);
  unpacker.get<double>();
  const auto state = unpacked(unpacker);
  const Index end = *search::index_count(question.space);
  for (const Index index : state.points) {
    require(index >= 0 && index < end);
    require(search::architecture_at(question.space, search::digits_of(question.space, index))
                .has_value());
  }
  require(state.scores.size() == state.points.size() * question.deployments.size());
  require(state.reference.size() == question.targets.size());
}

Outcome plas_phase(const search::Question& question, Phase& phase) {
  Plas plas(question, question.plas);
  double spent = 0;
  if (phase.kept.empty()) {
    plas.absorb(shared_scores(plas, phase.ranks));
  } else {
    Unpacker unpacker(phase.kept);
    spent = unpacker.get<double>();
    plas.restore(unpacked(unpacker));
  }
  const TimeLimit limit(question.max_seconds, spent);
  Outcome outcome;
  const auto report = [&] {
    if (!phase.ranks.is_root()) return;
    phase.progress({.phase = phase.name,
                    .done = plas.counts().evaluations(),
                    .of = question.plas.max_evaluations,
                    .frontier_points = points_of(plas.frontiers()),
                    .rounds = plas.counts().rounds,
                    .hypervolume = plas.hypervolume(),
                    .largest_gap = plas.largest_gap()});
  };
  // A round that is interrupted is done again: what is kept is the state before it.
  const QueueHooks hooks{
      .checkpoint = [&](const QueueState&) { phase.keep(packed(plas.state(), limit.spent())); }};
  for (report(); !plas.finished(); report()) {
    if (out_of_time(limit, phase.ranks)) break;
    RoundWork round(plas);
    QueueState queue;
    run_queue(round, queue, phase.ranks, phase.watch, hooks, outcome.serving);
    plas.accept(round.shared(phase.ranks));
    plas.absorb(shared_scores(plas, phase.ranks));
  }
  outcome.frontiers = plas.frontiers();
  outcome.pairs_scored = plas.counts().scored * static_cast<Index>(question.targets.size());
  outcome.complete = plas.finished();
  outcome.plas = plas.counts();
  return outcome;
}

}  // namespace rooflaw::cluster
