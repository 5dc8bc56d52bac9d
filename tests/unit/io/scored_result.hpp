#pragma once
// The result of a small job, scored as a whole: in memory and as a file.

#include <gtest/gtest.h>

#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/grid/grid.hpp"
#include "unit/io/job_text.hpp"

namespace rooflaw::testing {

using io::Job;
using io::RunRecord;
using search::TargetResult;

inline Job small_job() {
  return read_job_text(job_text({{"targets.latency", "[\"tpot\", \"total\"]"},
                                 {"targets.memory_budget", "1e9"},
                                 {"job.seed", "7"}}));
}

/// What was found, and laws that only score.
struct Scored {
  search::Findings found;
  std::vector<model::Law> others;
};

/// Every point of the space scored; the refine stage "finds" the points of the space once more.
inline Scored scored(const Job& job) {
  const auto& question = job.question;
  const auto tables = search::fill_tables(question);
  search::Scanner scanner(question, tables);
  const search::GridPlan plan(question);
  for (search::Index piece = 0; piece < plan.pieces(); ++piece) plan.score(piece, scanner);
  search::Findings found;
  found.search.emplace().complete = true;
  found.refined.emplace();
  found.theory.emplace();
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    const auto points = scanner.frontiers()[t].points();
    found.search->frontiers.push_back(points);
    found.refined->improvements.push_back(points);
    // Those that are in the range of the law lie on the frontier of all that are.
    auto& in_range = found.in_range[question.targets[t].law].emplace_back();
    for (const auto& point : points)
      if (!model::extrapolates(law_of(question, question.targets[t]).range,
                               *search::architecture_at(
                                   question.space, search::digits_of(question.space, point.index))))
        in_range.push_back(point);
    found.theory->push_back(search::theory_rows(question, question.targets[t], points));
  }
  // The laws of a job's opinions score; resamples say the same of every point.
  std::vector<model::Law> others{question.laws.front()};
  others.front().id = "other";
  others.front().kappa_m *= 2;
  found.resamples.emplace();
  for (const auto& points : found.search->frontiers) {
    auto& band = found.resamples->emplace_back();
    band.resamples = 20;
    for (const auto& point : points) {
      band.low.push_back(point.loss - 0.25);
      band.high.push_back(point.loss + 0.125);
      band.stays.push_back(0.75);
    }
  }
  return {std::move(found), std::move(others)};
}

inline search::Description description_of(const Job& job, const Scored& scored, std::size_t target) {
  return {scored.found, job.question, job.question, job.method, target, scored.others};
}

inline std::vector<TargetResult> results_of(const Job& job, const Scored& scored) {
  std::vector<TargetResult> list;
  for (std::size_t t = 0; t < job.question.targets.size(); ++t) {
    const auto description = description_of(job, scored, t);
    list.push_back(description.part(0, description.size()));
  }
  return list;
}

inline RunRecord record() {
  RunRecord run;
  run.command_line = "rooflaw search job.toml";
  run.points_scored = 123;
  run.complete = true;
  run.seconds = {{"score", 0.5}};
  return run;
}

class ResultFile : public ::testing::Test {
 protected:
  ResultFile()
      : job_(small_job()), scored_(scored(job_)), frontiers_(results_of(job_, scored_)) {
    path_ = folder_.path("result.h5");
    io::write_result(
        path_, job_,
        [&](format::Hdf5Writer& file, std::size_t i) {
          return io::write_target(file, frontiers_.at(i));
        },
        record());
  }
  TemporaryFolder folder_;
  Job job_;
  Scored scored_;
  std::vector<TargetResult> frontiers_;
  std::string path_;
};

}  // namespace rooflaw::testing
