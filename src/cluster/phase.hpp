#pragma once
// What the phases of a study share; each is in a file of its own.

#include "rooflaw/cluster/messages.hpp"
#include "rooflaw/cluster/study.hpp"
#include "rooflaw/search/refine/refine.hpp"

namespace rooflaw::cluster {

struct Phase {
  std::string_view name;
  Communicator& ranks;
  Watch& watch;
  Bytes kept;                                     // of this phase by an earlier run; empty: nothing
  std::function<void(const Bytes&)> keep;         // rank 0
  std::function<void(const Progress&)> progress;  // rank 0
};

/// Strategies exact, grid and sample.
Outcome scan_phase(const search::Question& question, Phase& phase);
Outcome plas_phase(const search::Question& question, Phase& phase);
/// `frontiers` on all ranks.
Refined refine_phase(const search::Question& question,
                     const std::vector<search::Frontier>& frontiers, Phase& phase);
TheoryTable theory_phase(const search::Question& question,
                         const std::vector<search::Frontier>& frontiers, Phase& phase);

/// What a phase kept, against its question: @throws Error if it cannot be of it. Numbers that are
/// used as places are looked at one by one, so that no state, however it came about, leads astray.
void check_scan(const search::Question& question, const Bytes& kept);
void check_plas(const search::Question& question, const Bytes& kept);
void check_refine(const search::Question& question, const Bytes& kept);
void check_theory(const search::Question& question, const std::vector<search::Frontier>& frontiers,
                  const Bytes& kept);

void require(bool fits);
void require_frontiers(const std::vector<search::Frontier>& frontiers,
                       const search::Question& question);
void require_queue(const QueueState& state, Index pieces);

void put_frontiers(Packer& packer, const std::vector<search::Frontier>& frontiers);
std::vector<search::Frontier> get_frontiers(Unpacker& unpacker);
void put_queue(Packer& packer, const QueueState& state);
QueueState get_queue(Unpacker& unpacker);
void put_theory(Packer& packer, const std::vector<search::TheoryRow>& rows);
std::vector<search::TheoryRow> get_theory(Unpacker& unpacker);

/// Rank 0's frontiers on all ranks.
void share_frontiers(std::vector<search::Frontier>& frontiers, Communicator& ranks);

std::size_t points_of(const std::vector<search::Frontier>& frontiers);

/// Work whose pieces each leave a result of their own.
template <class Result>
class TableWork : public Work {
 public:
  explicit TableWork(std::size_t pieces) : results_(pieces) {}
  Index pieces() const override { return static_cast<Index>(results_.size()); }
  void score(Index piece, const Between& between) override {
    const auto number = static_cast<std::size_t>(piece);
    results_[number] = make(number, between);
  }
  Bytes report() override {
    Bytes bytes = packed();
    for (auto& result : results_) result.reset();
    return bytes;
  }
  void absorb(const Bytes& report) override { take(report); }

  /// Every result there is.
  Bytes packed() const {
    Packer packer;
    for (std::size_t piece = 0; piece < results_.size(); ++piece) {
      if (!results_[piece]) continue;
      packer.put(std::uint64_t{piece});
      put(packer, *results_[piece]);
    }
    return packer.take();
  }
  void take(const Bytes& bytes) {
    Unpacker unpacker(bytes);
    while (!unpacker.at_end()) {
      const auto piece = unpacker.get<std::uint64_t>();
      require(piece < results_.size());
      results_[piece] = get(unpacker);
    }
  }
  /// By piece; on rank 0, once all are done.
  const std::vector<std::optional<Result>>& results() const { return results_; }

 protected:
  virtual Result make(std::size_t piece, const Between& between) = 0;
  virtual void put(Packer& packer, const Result& result) const = 0;
  virtual Result get(Unpacker& unpacker) const = 0;

 private:
  std::vector<std::optional<Result>> results_;  // a worker's: since its last report
};

/// What an earlier run kept of it, into `work`.
template <class Result>
QueueState take_kept(TableWork<Result>& work, const Bytes& kept) {
  if (kept.empty()) return {};
  Unpacker unpacker(kept);
  QueueState queue = get_queue(unpacker);
  require_queue(queue, work.pieces());
  work.take(unpacker.get_all<std::byte>());
  return queue;
}

/// Does what is left of it.
template <class Result>
void run_table(TableWork<Result>& work, std::size_t frontier_points, Phase& phase) {
  QueueState queue;
  if (phase.ranks.is_root()) queue = take_kept(work, phase.kept);
  const QueueHooks hooks{.progress =
                             [&](const QueueState& state) {
                               phase.progress({.phase = phase.name,
                                               .done = state.next,
                                               .of = work.pieces(),
                                               .frontier_points = frontier_points});
                             },
                         .checkpoint =
                             [&](const QueueState& state) {
                               Packer packer;
                               put_queue(packer, state);
                               packer.put_all(std::span<const std::byte>(work.packed()));
                               phase.keep(packer.take());
                             }};
  Serving serving;
  run_queue(work, queue, phase.ranks, phase.watch, hooks, serving);
}

/// Measures max_seconds, what earlier runs took included.
class TimeLimit {
 public:
  TimeLimit(double max_seconds, double spent) : max_(max_seconds), spent_(spent) {}
  double spent() const {
    return spent_ + std::chrono::duration<double>(Clock::now() - start_).count();
  }
  bool used_up() const { return spent() > max_; }

 private:
  using Clock = std::chrono::steady_clock;
  double max_, spent_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace rooflaw::cluster
