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
  std::int64_t bytes = 0;    // in them
  double cpu_s = 0;          // processor time, of `of_cpu_s` that it used while it searched
  double merging_cpu_s = 0;  // beside that: reports, and all once the pieces are done
  double of_cpu_s = 0;
  double all_cpu_s = 0;       // of all processes together
  std::int64_t requests = 0;  // of the messages
  std::int64_t news = 0;      // of the messages
  std::int64_t news_bytes = 0;
  double news_cpu_s = 0;   // of `cpu_s`: taking news in and telling them
  std::int64_t looks = 0;  // for messages
};
template <class Archive>
void fields(Archive& a, Serving& x) {
  a(counted(x.messages), counted(x.bytes), x.cpu_s, x.merging_cpu_s, x.of_cpu_s, x.all_cpu_s,
    counted(x.requests), counted(x.news), counted(x.news_bytes), x.news_cpu_s, counted(x.looks));
}

inline Serving& operator+=(Serving& a, const Serving& b) {
  a.messages += b.messages;
  a.bytes += b.bytes;
  a.cpu_s += b.cpu_s;
  a.merging_cpu_s += b.merging_cpu_s;
  a.of_cpu_s += b.of_cpu_s;
  a.all_cpu_s += b.all_cpu_s;
  a.requests += b.requests;
  a.news += b.news;
  a.news_bytes += b.news_bytes;
  a.news_cpu_s += b.news_cpu_s;
  a.looks += b.looks;
  return a;
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

/// What the resamples of its law say of a target's frontier, by point; NaN where the band is not
/// taken. Nothing where the law has none.
struct ResampleBand {
  std::uint64_t resamples = 0;
  std::vector<double> low, high;  // 5 % and 95 % quantiles of the best loss at its latency
  std::vector<double> stays;      // share of the resamples on whose frontier it is
};
template <class Archive>
void fields(Archive& a, ResampleBand& x) {
  a(x.resamples, x.low, x.high, x.stays);
}

using TheoryTable = std::vector<std::vector<TheoryRow>>;  // by target, a row a point

/// As far as the study is.
struct Findings {
  std::optional<Outcome> search;
  std::optional<Refined> refined;
  std::optional<std::vector<FrontierPoints>> whole;  // certified: the frontiers there are
  std::optional<TheoryTable> theory;
  std::map<std::uint64_t, std::vector<FrontierPoints>> in_range;  // by law, of its targets
  std::optional<std::vector<ResampleBand>> resamples;             // by target
  std::map<std::string, Outcome> parts;                           // of a phase that goes law by law
  std::map<std::string, double> seconds;                          // by phase, earlier runs included
};
template <class Archive>
void fields(Archive& a, Findings& x) {
  a(x.search, x.refined, x.whole, x.theory, x.in_range, x.resamples, x.parts, x.seconds);
}

}  // namespace rooflaw::search
