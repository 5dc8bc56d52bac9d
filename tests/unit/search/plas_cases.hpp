#pragma once
// Searches by PLAS in one process, and the space that its promises are measured on.

#include "rooflaw/search/plas/plas.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {

/// 468,120 points, 550 of them on the frontier: layers 2 .. 48, widths 512 .. 4096 by 128, total
/// latency of vla in fp16 on Jetson AGX Orin, no memory budget.
inline search::Question benchmark_question() {
  search::Question p;
  p.laws = {published_law()};
  for (std::int64_t layers = 2; layers <= 48; ++layers) p.space.layers.push_back(layers);
  for (std::int64_t width = 512; width <= 4096; width += 128) p.space.widths.push_back(width);
  p.space.head_dim = 128;
  p.space.attention = search::gqa_choices({1, 2, 4, 8, model::all_heads});
  p.space.expert_ffn_ratio = {.25, .5, .75, 1, 1.5, 2, 3, 4};
  p.space.experts = {1, 4, 8, 16, 32, 64};
  p.space.top_k = {1, 2, 4};
  p.space.vocab = 128256;
  search::Deployment deployment;
  deployment.scenario = scenario_from(
      {{"device", {{"bandwidth", 204.8e9}, {"peak_flops", {{"fp16", 42.5e12}}}}},
       {"precision",
        {{"weight_bytes", 2}, {"activation_bytes", 2}, {"kv_bytes", 2}, {"matmul", "fp16"}}},
       {"workload", {{"batch", 1}, {"input_tokens", 1024}, {"output_tokens", 16}}}});
  p.deployments = {deployment};
  p.targets = {{"target", 0, model::Objective::total}};
  return p;
}

/// What a search ended with, and what it went through.
struct PlasRun {
  std::vector<search::Frontier> frontiers;
  search::PlasCounts counts;
  std::vector<model::Architecture> scored;
  search::Index most_in_a_round = 0;  // evaluations
};

/// Runs to the end; `after_round` sees the search after each round.
template <class AfterRound>
PlasRun run_plas(search::Plas& plas, const AfterRound& after_round) {
  PlasRun run;
  search::Index before = 0;
  for (;;) {
    for (const auto& point : plas.wanted()) run.scored.push_back(point.architecture);
    plas.absorb(plas.score());
    run.most_in_a_round = std::max(run.most_in_a_round, plas.counts().evaluations() - before);
    before = plas.counts().evaluations();
    after_round(plas);
    if (plas.finished()) break;
    std::vector<search::Proposal> proposals;
    for (std::size_t s = 0; s < plas.stretches(); ++s) proposals.push_back(plas.propose(s));
    plas.accept(proposals);
  }
  run.frontiers = plas.frontiers();
  run.counts = plas.counts();
  return run;
}

inline PlasRun run_plas(const search::Question& question, const search::PlasOptions& options) {
  search::Plas plas(question, options);
  return run_plas(plas, [](const search::Plas&) {});
}

/// Hypervolume in the box of `truth`, from 1.1 x the box in (log10 latency, loss).
inline double hypervolume_in_box(const std::vector<search::FrontierPoint>& points,
                                 const std::vector<search::FrontierPoint>& truth) {
  const auto& fastest = truth.front();
  const auto& best = truth.back();
  const double latency_s = fastest.latency_s * std::pow(best.latency_s / fastest.latency_s, 1.1);
  const double loss = best.loss + 1.1 * (fastest.loss - best.loss);
  return search::hypervolume(points, latency_s, loss);
}

}  // namespace rooflaw::testing
