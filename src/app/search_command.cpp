#include <chrono>
#include <cstdio>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/progress.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/cluster/run.hpp"
#include "rooflaw/cluster/theory.hpp"
#include "rooflaw/io/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string usage =
    "search JOB.toml [-o FILE.h5] [--set table.key=value]... [--certify] [--dry-run]";

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What rank 0 tells the others before the search: the input texts, or that it gave up.
struct Start {
  ExitCode code = ExitCode::done;
  std::string packed_files;
};

/// Rank 0's on all ranks.
void share(Start& start, cluster::Communicator& ranks) {
  cluster::Bytes bytes;
  if (ranks.is_root()) {
    const std::vector<std::uint8_t> files(start.packed_files.begin(), start.packed_files.end());
    const auto cbor = nlohmann::json::to_cbor(
        {{"code", static_cast<int>(start.code)}, {"files", nlohmann::json::binary(files)}});
    bytes = cluster::to_bytes(std::span<const std::uint8_t>(cbor));
  }
  ranks.broadcast(bytes);
  if (ranks.is_root()) return;
  const auto message = nlohmann::json::from_cbor(cluster::to_text(bytes));
  start.code = static_cast<ExitCode>(message.at("code").get<int>());
  const auto& files = message.at("files").get_binary();
  start.packed_files.assign(files.begin(), files.end());
}

struct Request {
  std::string job_path;
  std::vector<std::string> overrides;
  std::string output;  // -o; empty: the job's own
  bool certify = false;
  std::string command_line;
};

std::string output_path(const Request& request, const io::Job& job) {
  return request.output.empty() ? job.output : request.output;
}

io::Job read_job(const Request& request, io::SourceFiles& files) {
  const auto output = request.output.empty() ? io::OutputKey::required : io::OutputKey::optional;
  return io::read_job(files, request.job_path, request.overrides, output);
}

void print_plan(const io::Job& job) {
  const auto& space = job.problem.space;
  const std::string count = space.continuous
                                ? "a continuous space of"
                                : readable_count(static_cast<double>(search::valid_count(space)));
  fmt::print("job {}: {} architectures, strategy {}, {} targets\n", job.name, count,
             to_string(job.problem.strategy), job.problem.targets.size());
  for (const auto& target : job.problem.targets) fmt::print("  {}\n", target.id);
}

/// What all ranks found together.
struct Found {
  cluster::Outcome outcome;
  cluster::Refined refined;
  std::optional<std::vector<search::Frontier>> whole;  // --certify: the frontiers there are
  std::vector<std::vector<search::TheoryRow>> theory;  // by target
};

/// Search, refine stage and certification, on every rank; rank 0 notes how long each took.
Found find_frontiers(const search::Problem& problem, bool certify, cluster::Communicator& ranks,
                     io::RunRecord& run) {
  ProgressReport progress;
  const cluster::Reports reports{.pieces = [&](const auto& p) { progress(p); },
                                 .rounds = [&](const auto& p) { progress(p); }};
  Found found;
  const auto start = Clock::now();
  found.outcome = cluster::run_search(problem, ranks, reports);
  run.seconds["search"] = seconds_since(start);
  if (problem.refine.enabled) {
    const auto refining = Clock::now();
    found.refined = cluster::run_refine(problem, found.outcome.frontiers, ranks, reports);
    run.seconds["refine"] = seconds_since(refining);
  }
  if (certify) {
    const auto certifying = Clock::now();
    search::Problem exact = problem;
    exact.strategy = search::Strategy::exact;
    found.whole = cluster::run_search(exact, ranks, reports).frontiers;
    run.seconds["certify"] = seconds_since(certifying);
  }
  progress.finish();
  const auto theorising = Clock::now();
  found.theory = cluster::theory_rows(problem, found.outcome.frontiers, ranks);
  run.seconds["theory"] = seconds_since(theorising);
  return found;
}

/// Does the strategy cover every point?
bool covers_all(const search::Problem& problem, const Found& found) {
  return (problem.strategy == search::Strategy::exact ||
          problem.strategy == search::Strategy::grid) &&
         found.outcome.complete;
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
io::TargetFrontier describe_target(const search::Problem& problem, const search::Problem& fine,
                                   const Found& found, std::size_t i, io::RunRecord& run) {
  const auto timed = [&](const char* phase, auto step) {
    const auto start = Clock::now();
    auto result = step();
    run.seconds[phase] += seconds_since(start);
    return result;
  };
  const auto& target = problem.targets[i];
  io::TargetFrontier f;
  f.loss_gap_bound = std::numeric_limits<double>::quiet_NaN();
  if (covers_all(problem, found)) {
    f.loss_gap_bound = problem.tolerance;
  } else if (found.whole) {
    const auto truth = (*found.whole)[i].points();
    const auto points = found.outcome.frontiers[i].points();
    f.loss_gap_bound = search::largest_loss_gap(points, truth);
    f.hypervolume_share = search::hypervolume_share(points, truth);
  }
  f.certified = f.loss_gap_bound == 0.0;
  f.rows = timed("describe", [&] { return describe(problem, target, found.outcome.frontiers[i]); });
  if (problem.refine.enabled)
    f.refined =
        timed("describe", [&] { return describe(fine, target, found.refined.improvements[i]); });
  f.sensitivity = timed("sensitivity", [&] { return sensitivities(problem, target, f.rows); });
  f.theory = found.theory[i];
  return f;
}

/// Rank 0 before the search: reads everything, checks that the result can be written.
io::Job prepare(const Request& request, io::SourceFiles& files) {
  io::Job job = read_job(request, files);
  const auto strategy = job.problem.strategy;
  if (request.certify && strategy != search::Strategy::plas && strategy != search::Strategy::sample)
    throw InputError(
        std::vector{InputFault{.file = "--certify",
                               .key = "search.strategy",
                               .value = std::string(to_string(strategy)),
                               .rule = "proves its frontiers itself; --certify goes with "
                                       "\"plas\" and \"sample\""}});
  io::require_writable(output_path(request, job));
  return job;
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
void print_work(const search::Problem& problem, const io::RunRecord& run) {
  const double seconds = run.seconds.at("search");
  const auto pairs = static_cast<double>(run.points_scored);
  if (problem.strategy == search::Strategy::exact) {
    const auto all = static_cast<double>(search::valid_count(problem.space)) *
                     static_cast<double>(problem.targets.size());
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

void report_as_root(const Request& request, const io::Job& job, const Found& found,
                    cluster::Communicator& ranks, io::RunRecord run) {
  run.command_line = request.command_line;
  run.ranks = ranks.size();
  run.points_scored = found.outcome.pairs_scored;
  run.complete = found.outcome.complete;
  run.counts["messages_served"] = found.outcome.serving.messages;
  run.seconds["serving_cpu"] = found.outcome.serving.cpu_s;
  run.seconds["search_cpu_of_rank_0"] = found.outcome.serving.of_cpu_s;
  if (found.outcome.plas) note_counts(*found.outcome.plas, "", run);
  if (job.problem.refine.enabled) note_counts(found.refined.counts, "refine_", run);
  if (!run.complete) run.messages = "ended by search.max_seconds";
  const std::string path = output_path(request, job);
  const search::Problem fine = search::refined_problem(job.problem);
  std::string summary;
  const auto describe_next = [&](std::size_t target) {
    auto frontier = describe_target(job.problem, fine, found, target, run);
    summary += target_summary(job, target, frontier);
    return frontier;
  };
  io::write_atomically(path, io::result_image(job, describe_next, run));

  fmt::print("{}\n{}", summary, trust_notes(job));
  print_work(job.problem, run);
  fmt::print("result: {}\n", path);
}

ExitCode search_on(cluster::Communicator& ranks, const Request& request) {
  Start start;
  io::SourceFiles files;
  io::Job job;
  io::RunRecord run;
  const auto reading = Clock::now();
  if (ranks.is_root()) {
    try {
      job = prepare(request, files);
    } catch (const std::exception& e) {
      start.code = report_error(e);
      share(start, ranks);
      return start.code;
    }
    start.packed_files = files.pack();
    run.seconds["read"] = seconds_since(reading);
  }
  share(start, ranks);
  // Rank 0 has told the user and ends with the code. A code of another rank could reach mpirun
  // first, which then ends rank 0 at once and drops its message.
  if (start.code != ExitCode::done) return ExitCode::done;
  if (!ranks.is_root()) {
    files = io::SourceFiles::unpack(start.packed_files);
    job = read_job(request, files);
  }
  const Found found = find_frontiers(job.problem, request.certify, ranks, run);
  if (ranks.is_root()) report_as_root(request, job, found, ranks, std::move(run));
  return ExitCode::done;
}

}  // namespace

ExitCode search_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>()->default_value(""),
                        "result file; default: job.output of the job")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "table.key=value: override a value of the job; may be repeated")(
      "certify", po::bool_switch(),
      "after strategy plas or sample find the true frontiers too, and say how far off it was")(
      "dry-run", po::bool_switch(), "check the job, say what it would do, and stop");
  const auto values = parse_arguments(
      arguments, usage,
      "The frontier of loss against latency of a space of architectures, for every target of a "
      "job.\nAlone or under mpirun or srun --mpi=pmix, with the same result.",
      options, {"JOB.toml"});
  if (!values) return ExitCode::done;
  Request request{.job_path = required(*values, "JOB.toml", usage),
                  .overrides = {},
                  .output = (*values)["output"].as<std::string>(),
                  .command_line = fmt::format("rooflaw search {}", fmt::join(arguments, " "))};
  request.certify = (*values)["certify"].as<bool>();
  if (values->count("set") > 0) request.overrides = (*values)["set"].as<std::vector<std::string>>();

  cluster::Communicator ranks;
  if ((*values)["dry-run"].as<bool>()) {
    io::SourceFiles files;
    if (ranks.is_root()) print_plan(prepare(request, files));
    return ExitCode::done;
  }
  try {
    return search_on(ranks, request);
  } catch (const std::exception& e) {
    // Rank 0 writes when the others are through; any other failure leaves some rank waiting.
    const bool writing = ranks.is_root() && dynamic_cast<const FileError*>(&e) != nullptr;
    if (writing || ranks.size() == 1) throw;
    std::fputs(fmt::format("rank {} ends all ranks:\n", ranks.rank()).c_str(), stderr);
    ranks.abort(static_cast<int>(report_error(e)));
  }
}

}  // namespace rooflaw::app
