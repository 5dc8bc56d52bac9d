// What a search found, as a result file and as text.

#include "search_report.hpp"

#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/refine/refine.hpp"

namespace rooflaw::app {

using cluster::Found;

namespace {

/// Does the strategy cover every point?
bool covers_all(const search::Question& question, const Found& found) {
  return (question.strategy == search::Strategy::exact ||
          question.strategy == search::Strategy::grid) &&
         found.search->complete;
}

void note_counts(const search::PlasCounts& counts, const std::string& prefix, io::RunRecord& run) {
  run.counts[prefix + "rounds"] = counts.rounds;
  run.counts[prefix + "architectures_requested"] = counts.requested;
  run.counts[prefix + "architectures_scored"] = counts.scored;
  run.counts[prefix + "architectures_repeated"] = counts.repeated;
  const auto& relaxations = counts.relaxations;
  run.counts[prefix + "relaxed_evaluations"] = relaxations.calls;
  run.counts[prefix + "relaxations"] = relaxations.solves;
  run.counts[prefix + "relaxations_out_of_evaluations"] = relaxations.out_of_evaluations;
  run.counts[prefix + "relaxations_failed"] = relaxations.failed;
  run.counts[prefix + "relaxations_infeasible"] = relaxations.infeasible;
}

/// A target's frontier as rows, and what stands beside them; notes how long each step took.
io::TargetFrontier describe_target(const search::Question& question, const search::Question& fine,
                                   const Found& found, std::size_t i, io::RunRecord& run) {
  const auto timed = [&](const char* phase, auto step) {
    const auto start = std::chrono::steady_clock::now();
    auto result = step();
    run.seconds[phase] +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  };
  const auto& target = question.targets[i];
  io::TargetFrontier f;
  f.loss_gap_bound = std::numeric_limits<double>::quiet_NaN();
  if (covers_all(question, found)) {
    f.loss_gap_bound = question.tolerance;
  } else if (found.whole) {
    const auto truth = (*found.whole)[i].points();
    const auto points = found.search->frontiers[i].points();
    f.loss_gap_bound = search::largest_loss_gap(points, truth);
    f.hypervolume_share = search::hypervolume_share(points, truth);
  }
  f.certified = f.loss_gap_bound == 0.0;
  f.rows =
      timed("describe", [&] { return describe(question, target, found.search->frontiers[i]); });
  if (question.refine.enabled)
    f.refined =
        timed("describe", [&] { return describe(fine, target, found.refined->improvements[i]); });
  f.sensitivity = timed("sensitivity", [&] { return sensitivities(question, target, f.rows); });
  f.theory = (*found.theory)[i];
  return f;
}

/// NLopt's failures are no error, but no secret either.
void print_relaxations(const io::RunRecord& run, const std::string& prefix) {
  const auto found = run.counts.find(prefix + "relaxations");
  if (found == run.counts.end() || found->second == 0) return;
  fmt::print(
      "  {} gaps' relaxed optima sought by NLopt: {} stopped at their limit of evaluations, {} "
      "failed, {} ended infeasible\n",
      found->second, run.counts.at(prefix + "relaxations_out_of_evaluations"),
      run.counts.at(prefix + "relaxations_failed"),
      run.counts.at(prefix + "relaxations_infeasible"));
}

/// What a run says of itself at the end.
void print_work(const search::Question& question, const io::RunRecord& run) {
  const double seconds = run.seconds.at("search");
  const auto pairs = static_cast<double>(run.points_scored);
  if (question.strategy == search::Strategy::exact) {
    const auto all = static_cast<double>(search::valid_count(question.space)) *
                     static_cast<double>(question.targets.size());
    fmt::print(
        "{} pairs of architecture and target proven, {} of them scored, in {} on {} rank{} "
        "({}/s)\n",
        readable_count(all), readable_count(pairs), readable_seconds(seconds), run.ranks,
        run.ranks == 1 ? "" : "s", readable_count(all / seconds));
  } else
    fmt::print("{} pairs of architecture and target scored in {} on {} rank{} ({}/s)\n",
               readable_count(pairs), readable_seconds(seconds), run.ranks,
               run.ranks == 1 ? "" : "s", readable_count(pairs / seconds));
  print_relaxations(run, "");
  if (run.seconds.contains("refine")) {
    fmt::print("refine stage: {} architectures scored in {}\n",
               run.counts.at("refine_architectures_scored"),
               readable_seconds(run.seconds.at("refine")));
    print_relaxations(run, "refine_");
  }
  if (!run.complete) fmt::print("stopped by max_seconds\n");
}

}  // namespace

void write_report(const io::Job& job, const Found& found, io::RunRecord run,
                  const std::string& path, const std::function<void()>& between) {
  const auto& search = *found.search;
  run.points_scored = search.pairs_scored;
  run.complete = search.complete;
  for (const auto& [phase, seconds] : found.seconds) run.seconds[phase] = seconds;
  run.counts["messages_served"] = search.serving.messages;
  run.seconds["serving_cpu"] = search.serving.cpu_s;
  run.seconds["search_cpu_of_rank_0"] = search.serving.of_cpu_s;
  if (search.plas) note_counts(*search.plas, "", run);
  if (found.refined) note_counts(found.refined->counts, "refine_", run);
  if (!run.complete) run.messages = "ended by search.max_seconds";
  const search::Question fine = search::refined_question(job.question);
  std::string summary;
  const auto describe_next = [&](std::size_t target) {
    auto frontier = describe_target(job.question, fine, found, target, run);
    summary += target_summary(job, target, frontier);
    between();
    return frontier;
  };
  format::write_atomically(path, io::result_image(job, describe_next, run));

  fmt::print("{}\n{}", summary, trust_notes(job));
  print_work(job.question, run);
  fmt::print("result: {}\n", path);
}

}  // namespace rooflaw::app
