#pragma once
// What the phases of a study share; each is in a file of its own.

#include <chrono>

#include "rooflaw/cluster/share.hpp"
#include "rooflaw/cluster/study.hpp"
#include "rooflaw/search/state.hpp"
#include "seconds.hpp"

namespace rooflaw::cluster {

struct Phase {
  Communicator& ranks;
  Watch& watch;
  Bytes kept;                                             // of this phase by an earlier run
  std::function<void(const Bytes&)> keep;                 // rank 0
  std::function<void(const search::Progress&)> progress;  // rank 0
};

inline search::Role role_of(const Phase& phase) { return {phase.ranks.rank(), phase.ranks.size()}; }

/// A study as a checkpoint has it: what is finished, and the phase at hand.
template <class Findings>
struct Kept {
  Findings findings;
  std::string phase;  // empty: none
  Bytes of_phase;
};
template <class Archive, class Findings>
void fields(Archive& a, Kept<Findings>& x) {
  a(x.findings, x.phase, x.of_phase);
}
template <class Findings>
Kept<Findings> kept_or_nothing(const Bytes& kept) {
  return kept.empty() ? Kept<Findings>{} : unpacked<Kept<Findings>>(kept);
}

/// The phases of a study, one after the other. Findings have their seconds.
template <class Findings>
class Phases {
 protected:
  Phases(Communicator& ranks, Watch& watch, Kept<Findings> kept, const StudyHooks& hooks)
      : ranks_(ranks),
        watch_(watch),
        hooks_(hooks),
        findings_(std::move(kept.findings)),
        kept_(std::move(kept)) {}

  /// Runs a phase whose result is not there; `result` is a part of the findings.
  template <class Result, class Run>
  void do_phase(std::string_view name, std::optional<Result>& result, Run run) {
    using Clock = std::chrono::steady_clock;
    if (result) return;
    const auto start = Clock::now();
    const std::string key(name);
    const double before = findings_.seconds[key];
    const auto note_time = [&] { findings_.seconds[key] = before + seconds(Clock::now() - start); };
    Phase phase{.ranks = ranks_,
                .watch = watch_,
                .kept = kept_.phase == name ? std::move(kept_.of_phase) : Bytes{},
                .keep =
                    [&](const Bytes& of_phase) {
                      note_time();
                      hooks_.keep(packed(findings_, key, of_phase));
                    },
                .progress = [&](const search::Progress& p) { hooks_.progress(name, p); }};
    result = run(phase);
    note_time();
  }

  Communicator& ranks_;
  Watch& watch_;
  const StudyHooks& hooks_;
  Findings findings_;
  Kept<Findings> kept_;
};

/// What goes in rounds, from its first to its last, or until it is out of time.
struct RoundsEnd {
  bool complete = false;
  search::Serving serving;
};
RoundsEnd run_rounds(search::Rounds& run, double max_seconds, Phase& phase);
/// @throws Error if `kept` cannot be of such a phase
void check_rounds(const search::Rounds& run, const Bytes& kept);

/// The search by any method; and what such a phase kept: @throws Error if it cannot be of it.
search::Outcome method_phase(const search::Method& method, const search::Question& question,
                             Phase& phase);
void check_method(const search::Method& method, const search::Question& question,
                  const Bytes& kept);

/// `frontiers` on rank 0, by target; those of resample_phase on all.
search::Refined refine_phase(const search::Question& question, const search::RefineOptions& options,
                             const std::vector<search::FrontierPoints>& frontiers, Phase& phase);
void check_refine(const search::Question& question, const Bytes& kept);

search::TheoryTable theory_phase(const search::Question& question,
                                 const std::vector<search::FrontierPoints>& frontiers,
                                 Phase& phase);
void check_theory(const search::Question& question,
                  const std::vector<search::FrontierPoints>& frontiers, const Bytes& kept);

/// What the resamples of the laws, at most so many of each, say of the frontiers.
std::vector<search::ResampleBand> resample_phase(
    const search::Question& question, std::size_t resamples,
    const std::vector<search::FrontierPoints>& frontiers, Phase& phase);
void check_resamples(const search::Question& question, std::size_t resamples,
                     const std::vector<search::FrontierPoints>& frontiers, const Bytes& kept);

}  // namespace rooflaw::cluster
