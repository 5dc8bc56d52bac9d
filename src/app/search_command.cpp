#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "checkpoints.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/run_log.hpp"
#include "rooflaw/cluster/messages.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "search_report.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string usage =
    "search JOB.toml [-o FILE.h5] [--resume] [--max-wall SECONDS] [--set table.key=value]... "
    "[--certify] [--log-json FILE] [--dry-run]";

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What rank 0 tells the others before the search: the input texts, what an earlier run kept, or
/// that it gave up.
struct Start {
  ExitCode code = ExitCode::done;
  std::string packed_files;
  cluster::Bytes kept;
};

/// Rank 0's on all ranks.
void share(Start& start, cluster::Communicator& ranks) {
  if (ranks.size() == 1) return;
  cluster::Packer packer;
  packer.put(start.code);
  packer.put_text(start.packed_files);
  packer.put_all(std::span<const std::byte>(start.kept));
  cluster::Bytes bytes = packer.take();
  ranks.broadcast(bytes);
  cluster::Unpacker unpacker(bytes);
  start.code = unpacker.get<ExitCode>();
  start.packed_files = unpacker.get_text();
  start.kept = unpacker.get_all<std::byte>();
}

struct Request {
  std::string job_path;
  std::vector<std::string> overrides;
  std::string output;  // -o; empty: the job's own
  std::string json_log;
  bool certify = false;
  bool resume = false;
  cluster::WatchOptions watch;
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
  const auto& space = job.question.space;
  const std::string count = space.continuous
                                ? "a continuous space of"
                                : readable_count(static_cast<double>(search::valid_count(space)));
  fmt::print("job {}: {} architectures, strategy {}, {} targets\n", job.name, count,
             to_string(job.question.strategy), job.question.targets.size());
  for (const auto& target : job.question.targets) fmt::print("  {}\n", target.id);
}

/// Rank 0 before the search: reads everything, checks that the result can be written.
io::Job prepare(const Request& request, io::SourceFiles& files) {
  io::Job job = read_job(request, files);
  const auto strategy = job.question.strategy;
  if (request.certify && strategy != search::Strategy::plas && strategy != search::Strategy::sample)
    throw InputError(
        std::vector{InputFault{.file = "--certify",
                               .key = "search.strategy",
                               .value = std::string(to_string(strategy)),
                               .rule = "proves its frontiers itself; --certify goes with "
                                       "\"plas\" and \"sample\""}});
  format::require_writable(output_path(request, job));
  return job;
}

void tell_start(const io::Job& job, const std::string& output, cluster::Communicator& ranks,
                RunLog& log) {
  log.tell({"start",
            "",
            {{"job", job.name},
             {"output", output},
             {"strategy", std::string(to_string(job.question.strategy))},
             {"targets", static_cast<std::int64_t>(job.question.targets.size())},
             {"ranks", std::int64_t{ranks.size()}},
             {"host", host_name()},
             {"program", std::string(program_version())},
             {"commit", std::string(git_commit())}}});
}

/// How a run ended, and with what words if not well.
struct Ending {
  ExitCode code = ExitCode::done;
  std::string message{};
};

void tell_end(const Ending& ending, Clock::time_point start, RunLog& log) {
  log.tell({"end",
            "",
            {{"exit_code", static_cast<std::int64_t>(ending.code)},
             {"message", ending.message},
             {"seconds", seconds_since(start)}}});
}

/// Rank 0's part, from the search to the result.
Ending lead(const Request& request, const io::Job& job, const cluster::Bytes& kept,
            cluster::Communicator& ranks, io::RunRecord run, RunLog& log) {
  const std::string output = output_path(request, job);
  cluster::WatchOptions settings = request.watch;
  settings.stop_file = (std::filesystem::path(output).parent_path() / "stop").string();
  cluster::Watch watch(ranks, settings, [&](const cluster::Event& event) { log.tell(event); });
  Keeper keeper(output, io::identity_of(job), log);
  const cluster::StudyHooks hooks{
      .progress = [&](const cluster::Progress& p) { log.progress(p); },
      .keep = [&](const cluster::Bytes& state) { keeper.write(state); }};
  try {
    const auto found = cluster::run_study(job.question, request.certify, ranks, watch, kept, hooks);
    log.end_bar();
    try {
      write_report(job, found, std::move(run), output, [&] { watch.look(); });
    } catch (const cluster::Interrupted&) {
      keeper.write(cluster::packed(found));
      throw;
    }
  } catch (const cluster::Interrupted& e) {
    return {keeper.report_stop(e.what()), e.what()};
  }
  keeper.remove_all();
  return {};
}

/// The part of any other rank.
void follow(const Request& request, const io::Job& job, const cluster::Bytes& kept,
            cluster::Communicator& ranks, RunLog& log) {
  cluster::Watch watch(ranks, request.watch, [&](const cluster::Event& event) { log.tell(event); });
  try {
    cluster::run_study(job.question, request.certify, ranks, watch, kept, {});
  } catch (const cluster::Interrupted&) {
    // Rank 0 says so and ends with the code.
  }
}

Ending search_on(cluster::Communicator& ranks, const Request& request, RunLog& log) {
  Start start;
  io::SourceFiles files;
  io::Job job;
  io::RunRecord run;
  run.command_line = request.command_line;
  run.ranks = ranks.size();
  const auto reading = Clock::now();
  if (ranks.is_root()) {
    try {
      job = prepare(request, files);
      cluster::catch_signals();
      io::remove_leftovers_of(output_path(request, job));
      log.open_json(request.json_log);
      tell_start(job, output_path(request, job), ranks, log);
      start.kept = request.resume ? earlier_run(job, output_path(request, job), log)
                                  : begin_anew(output_path(request, job), log);
    } catch (const std::exception& e) {
      start.code = report_error(e);
      share(start, ranks);
      return {start.code, e.what()};
    }
    start.packed_files = files.pack();
    run.seconds["read"] = seconds_since(reading);
  }
  share(start, ranks);
  // Rank 0 has told the user and ends with the code. A code of another rank could reach mpirun
  // first, which then ends rank 0 at once and drops its message.
  if (start.code != ExitCode::done) return {};
  if (ranks.is_root()) return lead(request, job, start.kept, ranks, std::move(run), log);
  cluster::catch_signals();
  files = io::SourceFiles::unpack(start.packed_files);
  follow(request, read_job(request, files), start.kept, ranks, log);
  return {};
}

/// @throws InputError unless it is a positive number of seconds
double seconds_of(const po::variables_map& values, const std::string& option) {
  const auto seconds = values[option].as<double>();
  if (seconds > 0) return seconds;
  throw InputError(std::vector{InputFault{.file = "rooflaw search",
                                          .key = "--" + option,
                                          .value = fmt::format("{}", seconds),
                                          .rule = "must be a positive number of seconds"}});
}

Request request_of(const po::variables_map& values, const Arguments& arguments) {
  Request request{.job_path = required(values, "JOB.toml", usage),
                  .overrides = {},
                  .output = values["output"].as<std::string>(),
                  .json_log = values["log-json"].as<std::string>(),
                  .certify = values["certify"].as<bool>(),
                  .resume = values["resume"].as<bool>(),
                  .watch = {},
                  .command_line = fmt::format("rooflaw search {}", fmt::join(arguments, " "))};
  request.watch.checkpoint_every_s = seconds_of(values, "checkpoint-every");
  request.watch.stall_after_s = seconds_of(values, "stall-after");
  if (values.count("max-wall") > 0) request.watch.max_wall_s = seconds_of(values, "max-wall");
  if (values.count("set") > 0) request.overrides = values["set"].as<std::vector<std::string>>();
  return request;
}

}  // namespace

ExitCode search_command(const Arguments& arguments) {
  const auto text = [] { return po::value<std::string>()->default_value(""); };
  po::options_description options("options");
  options.add_options()("output,o", text(), "result file; default: job.output of the job")(
      "resume", po::bool_switch(),
      "go on from FILE.h5.checkpoint, on any number of ranks; without one begin anew")(
      "max-wall", po::value<double>(),
      "seconds after which to stop; like SIGTERM, SIGINT, SIGUSR1 and a file \"stop\" beside the "
      "result: a checkpoint is written, exit code 10")("checkpoint-every",
                                                       po::value<double>()->default_value(60),
                                                       "seconds from one checkpoint to the next")(
      "stall-after", po::value<double>()->default_value(60),
      "seconds without a sign of life after which a rank is named")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "table.key=value: override a value of the job; may be repeated")(
      "certify", po::bool_switch(),
      "after strategy plas or sample find the true frontiers too, and say how far off it was")(
      "log-json", text(), "append a line of JSON to this file for each event of the run")(
      "dry-run", po::bool_switch(), "check the job, say what it would do, and stop");
  const auto values = parse_arguments(
      arguments, usage,
      "The frontier of loss against latency of a space of architectures, for every target of a "
      "job.\nAlone or under mpirun or srun --mpi=pmix, with the same result.",
      options, {"JOB.toml"});
  if (!values) return ExitCode::done;
  const Request request = request_of(*values, arguments);
  const auto start = Clock::now();

  cluster::catch_sigusr1();
  cluster::Communicator ranks;
  if ((*values)["dry-run"].as<bool>()) {
    io::SourceFiles files;
    if (ranks.is_root()) print_plan(prepare(request, files));
    return ExitCode::done;
  }
  RunLog log;
  try {
    const Ending ending = search_on(ranks, request, log);
    tell_end(ending, start, log);
    // A rank that does not answer would never come to MPI's own end.
    if (!ranks.all_answer()) ranks.abort(static_cast<int>(ending.code));
    return ending.code;
  } catch (const std::exception& e) {
    log.end_bar();
    const auto* known = dynamic_cast<const Error*>(&e);
    tell_end({known == nullptr ? ExitCode::internal_error : known->exit_code(), e.what()}, start,
             log);
    // Rank 0 writes when the others are through; any other failure leaves some rank waiting.
    const bool writing = ranks.is_root() && dynamic_cast<const FileError*>(&e) != nullptr;
    if (writing || ranks.size() == 1) throw;
    std::fputs(fmt::format("rank {} ends all ranks:\n", ranks.rank()).c_str(), stderr);
    ranks.abort(static_cast<int>(report_error(e)));
  }
}

}  // namespace rooflaw::app
