#pragma once
// What the phases of a study share; each is in a file of its own.

#include <chrono>

#include "rooflaw/cluster/share.hpp"
#include "rooflaw/cluster/study.hpp"

namespace rooflaw::cluster {

struct Phase {
  Communicator& ranks;
  Watch& watch;
  Bytes kept;                                             // of this phase by an earlier run
  std::function<void(const Bytes&)> keep;                 // rank 0
  std::function<void(const search::Progress&)> progress;  // rank 0
};

/// The search by any method; and what such a phase kept: @throws Error if it cannot be of it.
search::Outcome method_phase(const search::Method& method, const search::Question& question,
                             Phase& phase);
void check_method(const search::Method& method, const search::Question& question,
                  const Bytes& kept);

/// `frontiers` on all ranks, by target, here and below.
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

std::size_t count_points(const std::vector<search::FrontierPoints>& frontiers);

}  // namespace rooflaw::cluster
