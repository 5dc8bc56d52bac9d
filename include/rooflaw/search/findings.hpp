#pragma once
// What a study found, as points of the space: little enough to send and to keep, and nothing but
// plain values, so that it can be checked before it is used.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/search/analysis.hpp"
#include "rooflaw/search/frontier.hpp"
#include "rooflaw/search/plas/plas.hpp"

namespace rooflaw::search {

/// What answering other processes took of the one that leads.
struct Serving {
  std::int64_t messages = 0;
  double cpu_s = 0;  // processor time, of `of_cpu_s` that it used while it searched
  double of_cpu_s = 0;
};
template <class Archive>
void fields(Archive& a, Serving& x) {
  a(counted(x.messages), x.cpu_s, x.of_cpu_s);
}

/// What a method found.
struct Outcome {
  std::vector<FrontierPoints> frontiers;  // by target
  std::int64_t pairs_scored = 0;          // architecture x target
  bool complete = false;                  // not ended by max_seconds
  std::optional<PlasCounts> plas;         // of method plas
  Serving serving;
};
template <class Archive>
void fields(Archive& a, Outcome& x) {
  a(x.frontiers, counted(x.pairs_scored), x.complete, x.plas, x.serving);
}

/// What the refine stage found, as points of refined_question.
struct Refined {
  std::vector<FrontierPoints> improvements;  // by target
  PlasCounts counts;                         // of all targets together
};
template <class Archive>
void fields(Archive& a, Refined& x) {
  a(x.improvements, x.counts);
}

using TheoryTable = std::vector<std::vector<TheoryRow>>;  // by target, a row a point

/// As far as the study is.
struct Findings {
  std::optional<Outcome> search;
  std::optional<Refined> refined;
  std::optional<std::vector<FrontierPoints>> whole;  // certified: the frontiers there are
  std::optional<TheoryTable> theory;
  std::map<std::uint64_t, std::vector<FrontierPoints>> in_range;  // by law, of its targets
  std::map<std::string, double> seconds;                          // by phase, earlier runs included
};
template <class Archive>
void fields(Archive& a, Findings& x) {
  a(x.search, x.refined, x.whole, x.theory, x.in_range, x.seconds);
}

}  // namespace rooflaw::search
