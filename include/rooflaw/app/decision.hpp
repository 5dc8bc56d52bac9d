#pragma once
// What a result comes down to: for each target and budget the architecture to build. What
// `rooflaw best` prints and a search ends with, as values.
//
// A budget is a value of the target's own objective: within it the best is a point of the frontier,
// so that the answer is as exact as the frontier. Any other limit (memory, another latency) must
// have been part of the search.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/search/result.hpp"

namespace rooflaw::app {

/// What must be known of all targets before budgets can be chosen.
struct Contested {
  search::TargetInfo info;
  std::string memory;                      // its memory budget, in the job's words
  model::Limits limits;                    // that it was searched under, memory included
  std::optional<double> loss_uncertainty;  // half-width, nats, of the precision's penalty
  std::span<const search::FrontierPoint> frontier;
  std::optional<std::span<const search::FrontierPoint>> in_range;  // of the points in the law's
                                                                   // range; none: not apart
};

enum class BudgetFrom { option, limit, ladder };
std::string_view to_string(BudgetFrom from);

/// A question to one target, and where on its frontiers the answer stands.
struct Pick {
  std::size_t target = 0;
  double budget = 0;  // of its objective; infinite: none
  BudgetFrom from{};
  std::optional<std::size_t> point, in_range;
  std::vector<std::string> as_good;  // precisions, as Decision
};

/// By target, then budget. Budgets are those asked for of its objective; with none asked for, the
/// limit of job or workload on it; with none either, a ladder of at most four round values over the
/// frontiers of a device's precisions. Of a deployment that is limited, only the targets whose own
/// objective is: the others lead to the same architecture.
/// Cost: O(log n) a pick
std::vector<Pick> picks(const std::vector<Contested>& targets,
                        const std::vector<model::Limit>& asked);

struct Decision {
  search::TargetInfo target;
  std::string memory;
  double budget = 0;
  BudgetFrom from{};
  bool certified = false;
  double loss_gap_bound = 0;          // nats; NaN where nothing is proven
  double least_objective = 0;         // of the frontier; NaN of an empty one
  std::optional<search::Row> best;    // none: nothing is as fast
  bool ranges = false;                // is there a frontier of the law's range beside it?
  std::optional<search::Row> inside;  // its best
  double least_inside = 0;            // objective of it; NaN of an empty one
  std::optional<search::Row> finer;   // between the sizes searched, better than `best`; not proven
  /// What keeps the loss from falling: the objective, if a slower point is better; other limits
  /// that a layer more would miss. Empty: the space ends there.
  std::vector<std::string> binds;
  /// Precisions of the same device that are as good here, for what their penalties are known.
  std::vector<std::string> as_good;
};
/// Nats by which a point between the sizes searched must be better to be worth a line.
inline constexpr double worth_telling = 1e-3;

/// What a decision needs of the result of its target, which may come in parts.
struct Found {
  bool certified = false;
  double loss_gap_bound = 0;
  std::optional<search::Row> best, inside;  // at the pick's points
  double worth_memory = 0;                  // of the best
  std::vector<search::Row> refined;
};
/// Takes what the part has whose rows are those from `first` on.
void take(Found& found, const Pick& pick, const search::TargetResult& part, std::size_t first);

Decision decide(const Contested& target, const Pick& pick, const Found& found);

/// Is the one in the law's range worth a line beside the best, or is it as fast and as good?
inline bool is_another(const search::Row& a, const search::Row& b) {
  return a.objective != b.objective || a.loss != b.loss;
}

/// What is asked of a result.
struct DecisionQuestion {
  std::vector<model::Limit> budgets{};  // of searchable objectives, and of memory
  // Which targets; empty: all.
  std::vector<std::string> devices{}, precisions{}, workloads{};
};

/// Decisions in the order of the result's targets. @throws Error (exit 2), with the search that
/// would answer it, if a budget is no objective of any target and not what was searched under;
/// InputError if a name is none of the result; FileError if the result is not as it should be
std::vector<Decision> decisions(const format::Hdf5Reader& file, const DecisionQuestion& question);

/// A table of at most `width` columns where names allow it, and how far to trust it.
std::string decision_text(const std::vector<Decision>& all, std::size_t width);
/// How sure, in a sentence.
std::string decision_trust(const std::vector<Decision>& all);
/// "time", "memory", "both", or what else; "space" where nothing but the sizes searched do.
std::string binding_words(const Decision& d);
nlohmann::json decision_json(const std::vector<Decision>& all);
/// One table: a row a decision and kind ("best", "in_range", "refined"); columns as in /frontiers
/// behind those of the question.
std::string decision_csv(const std::vector<Decision>& all);

/// "24x1536 kv4 ffn4096 1/16": layers x width, KV heads (MLA: latent rank), FFN of an expert, of
/// how many experts how many; what is 0 or one is left out.
std::string architecture_text(const search::Row& row);

}  // namespace rooflaw::app
