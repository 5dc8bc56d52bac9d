#pragma once
// What a search found, in the words of the engineer who asked: printed after a run.

#include <vector>

#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

/// Statistics of one frontier, by points.
struct FrontierSummary {
  std::size_t size = 0;
  double least_loss = 0, largest_loss = 0;
  double least_latency_s = 0, largest_latency_s = 0;
  // Shares, 0 .. 1.
  double moe = 0;           // experts > 1
  double top_1 = 0;         // top_k = 1, dense points included
  double shallow = 0;       // fewer than 20 layers
  double narrow_ffn = 0;    // activated FFN ratio below 1
  double extrapolated = 0;  // the law extrapolates
  double median_experts = 0;
};
FrontierSummary summarize(const std::vector<search::Row>& rows);

/// A public model against the best point that is no slower on the same target.
struct Comparison {
  std::string model;
  double model_loss = 0;
  double latency_s = 0;          // the model's
  bool fits = true;              // in the target's memory budget
  double best_loss = 0;          // NaN if the frontier has no point as fast
  double perplexity_change = 0;  // exp(best_loss - model_loss) - 1
};

/// For each model that the architecture expresses and the law was fitted for.
std::vector<Comparison> compare_models(const io::Job& job, const search::Target& target,
                                       const std::vector<search::Row>& rows);

/// What a target's frontier looks like.
std::string target_summary(const io::Job& job, std::size_t target,
                           const io::TargetFrontier& frontier);

/// What the numbers rest on, where it is weak: said with the result, not in small print.
std::string trust_notes(const io::Job& job);

}  // namespace rooflaw::app
