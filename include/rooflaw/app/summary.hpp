#pragma once
// What a search found, in the words of the engineer who asked; of a result just found or read from
// its file.

#include <string>
#include <string_view>
#include <vector>

#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

/// Statistics of one frontier, by points.
struct FrontierSummary {
  std::size_t size = 0;
  double least_loss = 0, largest_loss = 0;
  double least_objective = 0, largest_objective = 0;
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
  double objective = 0;                  // the model's
  std::vector<model::Objective> missed;  // the target's limits that it does not meet
  double best_loss = 0;                  // NaN if the frontier has no point as fast
  double perplexity_change = 0;          // exp(best_loss - model_loss) - 1
};

/// Why a model is in no comparison; empty if it is in.
std::string why_not_compared(const io::ModelEntry& model, const model::Law& law);
/// The models that are in none, by reason, a line each; empty if all are in.
std::string models_left_out(const std::vector<io::Loaded<io::ModelEntry>>& models,
                            const model::Law& law);

/// For each model that the architecture expresses and the law was fitted for. `law` and
/// `deployment`: the target's.
std::vector<Comparison> compare_models(const search::TargetResult& result,
                                       const std::vector<io::Loaded<io::ModelEntry>>& models,
                                       const model::Law& law, const search::Deployment& deployment);

/// Seconds, or joules.
std::string readable_objective(model::Objective objective, double value);

/// What a target's frontier looks like. `strategy`: of the job, by name.
std::string target_summary(const search::TargetResult& result, std::string_view strategy,
                           const std::vector<Comparison>& comparisons);

/// What the numbers rest on, where it is weak: said with the result, not in small print.
/// `precisions`: those of the targets.
std::string trust_notes(const std::vector<search::TargetInfo>& targets,
                        const std::vector<model::Precision>& precisions);

/// What the run took; `verbose` adds what its stages did.
std::string work_summary(const search::Question& question, const search::Method& method,
                         const io::RunRecord& run, bool verbose);

}  // namespace rooflaw::app
