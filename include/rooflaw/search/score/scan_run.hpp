#pragma once
// Runs of methods that score blocks with a Scanner and keep its frontiers: exact, grid, sample.

#include <optional>

#include "rooflaw/search/method_run.hpp"
#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

/// What a checkpoint keeps of such a run.
struct ScanState {
  std::uint64_t round = 0;
  std::vector<FrontierPoints> frontiers;
  std::vector<FrontierPoints> seed;  // exact with a tolerance: those before the last round
  std::int64_t pairs = 0;
};
template <class Archive>
void fields(Archive& a, ScanState& x) {
  a(x.round, x.frontiers, x.seed, counted(x.pairs));
}

/// A bin of latency in which a target's least known loss has fallen.
struct LossChange {
  std::uint64_t target = 0;
  std::int64_t bin = 0;
};

class ScanRun : public MethodRun {
 public:
  /// @param shares_finds  ranks prune with what the others found
  ScanRun(const Question& question, Role role, bool shares_finds);

  void score(std::int64_t piece, const Between& between) override;
  void settle() override;
  Bytes report() override;
  void absorb(const Bytes& report) override;
  std::size_t unreported() const override;
  std::vector<Bytes> news(std::span<const int> ranks) override;
  void learn(int from, const Bytes& news) override;
  bool knows_in_common() const override { return common_ != nullptr; }

  std::size_t common_bytes() const override;
  void make_ready(std::span<std::byte> memory) const override;
  void use_in_common(std::shared_ptr<std::byte[]> memory) override { common_ = std::move(memory); }

  std::int64_t check(const Bytes& state) const override;
  void begin(const Bytes& state) override;
  bool finished() const override { return state_.round == rounds(); }
  Bytes gathered() const override;
  void next_round(const Bytes& gathered) override;
  Bytes state() const override;
  Progress progress(std::int64_t begun) const override;
  Outcome found() const override;

 protected:
  virtual std::uint64_t rounds() const { return 1; }
  virtual std::int64_t pieces_of(std::uint64_t round) const = 0;
  /// May `state` have this seed in this round?
  virtual bool fits(const ScanState& state) const { return state.seed.empty(); }
  /// Makes a round ready: one that is new, with the frontiers before it, or one that goes on.
  virtual void prepare(const std::vector<FrontierPoints>* before) = 0;
  virtual void score_piece(std::int64_t piece, const Between& between) = 0;
  /// What of them was left for later.
  virtual void settle_pieces() {}

  std::int64_t pieces() const override { return pieces_of(state_.round); }
  const Question& question() const { return question_; }
  const PowerTables& tables() const { return tables_; }
  Scanner& scanner() { return *scanner_; }
  ScanState& scan_state() { return state_; }
  std::uint64_t round() const { return state_.round; }

 private:
  std::span<LossMemory> in_common(std::byte* memory) const;
  void know(const std::vector<FrontierPoints>& frontiers);
  std::vector<FrontierPoints> all_points() const;
  std::size_t points_held() const;

  const Question& question_;
  Role role_;
  bool shares_finds_;
  std::shared_ptr<std::byte[]> common_;
  PowerTables tables_;
  std::optional<Scanner> scanner_;
  ScanState state_;  // its frontiers are those from before; of this round are what the scanner has
  std::vector<std::vector<FrontierPoints>> absorbed_;  // and what reports brought, long ones first
  std::vector<std::pair<LossChange, int>> learned_;    // since the last news: and from whom
};

}  // namespace rooflaw::search
