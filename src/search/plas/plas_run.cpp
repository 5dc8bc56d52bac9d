#include <fmt/format.h>

#include "rooflaw/search/method_run.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

/// What a stretch proposes.
struct Proposed {
  std::uint64_t stretch = 0;
  Proposal proposal;
};
template <class Archive>
void fields(Archive& a, Proposed& x) {
  a(x.stretch, x.proposal);
}

/// The search before the round at hand, and what the round has so far.
struct PlasRunState {
  PlasState before;
  std::vector<std::optional<Proposal>> proposals;  // by stretch
};
template <class Archive>
void fields(Archive& a, PlasRunState& x) {
  a(x.before, x.proposals);
}

/// A round is one of the search, its pieces are the stretches. Every rank goes through the same
/// states.
class PlasRun : public MethodRun {
 public:
  PlasRun(const PlasOptions& options, const Question& question, Role role)
      : question_(question), options_(options), role_(role) {}

  std::int64_t pieces() const override { return static_cast<std::int64_t>(proposals_.size()); }
  std::string name(std::int64_t piece) const override {
    return fmt::format("round {}, stretch {}", plas_->counts().rounds, piece);
  }
  void score(std::int64_t piece, const Between&) override {
    const auto stretch = static_cast<std::size_t>(piece);
    proposals_[stretch] = plas_->propose(stretch);
    if (!role_.is_root()) new_.push_back({stretch, *proposals_[stretch]});
  }
  Bytes report() override { return packed(std::exchange(new_, {})); }
  void absorb(const Bytes& report) override {
    for (auto& p : unpacked<std::vector<Proposed>>(report)) {
      if (!role_.is_root()) new_.push_back(p);
      proposals_.at(p.stretch) = std::move(p.proposal);
    }
  }

  std::int64_t check(const Bytes& bytes) const override {
    const auto state = unpacked<PlasRunState>(bytes);
    Plas plas(question_, options_);
    plas.check(state.before);
    plas.restore(state.before);
    require_fit(state.proposals.size() == plas.stretches());
    for (const auto& proposal : state.proposals)
      if (proposal) plas.check(*proposal);
    return static_cast<std::int64_t>(plas.stretches());
  }
  void begin(const Bytes& bytes) override {
    plas_.emplace(question_, options_);
    if (bytes.empty()) {
      plas_->absorb(plas_->score());
      proposals_.assign(plas_->stretches(), std::nullopt);
      return;
    }
    auto state = unpacked<PlasRunState>(bytes);
    plas_->restore(state.before);
    proposals_ = std::move(state.proposals);
  }
  bool finished() const override { return plas_->finished(); }
  Bytes gathered() const override { return packed(whole_round()); }
  void next_round(const Bytes& gathered) override {
    plas_->accept(role_.is_root() ? whole_round() : unpacked<std::vector<Proposal>>(gathered));
    plas_->absorb(plas_->score());
    proposals_.assign(plas_->finished() ? 0 : plas_->stretches(), std::nullopt);
  }
  Bytes state() const override { return packed(PlasRunState{plas_->state(), proposals_}); }

  Progress progress(std::int64_t) const override {
    return {.done = plas_->counts().evaluations(),
            .of = options_.max_evaluations,
            .frontier_points = count_points(plas_->frontiers()),
            .rounds = plas_->counts().rounds,
            .hypervolume = plas_->hypervolume(),
            .largest_gap = plas_->largest_gap()};
  }
  Outcome found() const override {
    Outcome outcome;
    outcome.frontiers = points_of(plas_->frontiers());
    outcome.pairs_scored = plas_->counts().scored * static_cast<Index>(question_.targets.size());
    outcome.plas = plas_->counts();
    return outcome;
  }

 private:
  std::vector<Proposal> whole_round() const {
    std::vector<Proposal> proposals;
    for (const auto& proposal : proposals_) proposals.push_back(proposal.value());
    return proposals;
  }

  const Question& question_;
  PlasOptions options_;
  Role role_;
  std::optional<Plas> plas_;
  std::vector<std::optional<Proposal>> proposals_;  // by stretch; all of them on rank 0
  std::vector<Proposed> new_;                       // on others: since the last report
};

}  // namespace

std::unique_ptr<MethodRun> start(const PlasOptions& options, const Question& question, Role role) {
  return std::make_unique<PlasRun>(options, question, role);
}

}  // namespace rooflaw::search
