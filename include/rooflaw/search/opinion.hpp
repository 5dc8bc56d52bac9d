#pragma once
// What other laws say of a frontier, and which architecture is best to take if one does not know
// which law is right.
//
// Candidates are the points of the frontiers of all laws of the question, for one deployment and
// objective. The regret of a candidate under a law is what it loses, in nats, to the best that the
// law knows within the candidate's objective: of the whole space where the law was searched with,
// else of the candidates. Levels of laws fitted on other data do not compare; regrets and ranks do.

#include <string>
#include <vector>

#include "rooflaw/search/findings.hpp"
#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

/// Of a row of the frontier.
struct OpinionRow {
  double loss = 0;    // NaN where the law gives none
  double regret = 0;  // the same
};

/// The architecture that a law would take within a budget of the target's objective.
struct Choice {
  double within = 0;  // the budget
  double objective = 0, loss = 0;
  double worst_regret = 0;  // over the laws that were searched with, at this budget
  std::int64_t index = 0, layers = 0, width = 0, experts = 0, top_k = 0;
  double ffn_ratio = 0, activation_rate = 0, kv_dim = 0;
};

struct Opinion {
  std::string law;
  std::string opinion_on{};        // what of a shape it speaks of, in words: "layers, width"
  bool searched = false;           // it has a frontier of its own here
  std::vector<OpinionRow> rows{};  // of the first law's frontier
  double rank_correlation = 0;  // Spearman's, with the first law over all candidates; NaN of none
  double mean_regret = 0, largest_regret = 0;  // of the rows
  std::vector<Choice> choices{};               // at a ladder of budgets; empty if it gives no loss
};

struct Opinions {
  std::vector<Opinion> by_law;       // the question's first
  std::vector<Choice> least_regret;  // at a finer ladder; empty unless several laws were searched
};

inline constexpr std::size_t opinion_budgets = 4, least_regret_budgets = 32;

/// @param target  of the question's first law, the number of a target whose frontier is not empty
/// @param others  laws that only score
/// Cost: a microsecond a candidate and law.
Opinions opinions_on(const Question& question, const std::vector<FrontierPoints>& frontiers,
                     std::size_t target, const std::vector<model::Law>& others);

}  // namespace rooflaw::search
