#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "apart.hpp"
#include "checkpoints.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/run_log.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/ranked_command.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/claim.hpp"
#include "rooflaw/io/replace.hpp"
#include "search_report.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string usage =
    "search JOB.toml [-o FILE.h5] [--resume] [--max-wall TIME] [--checkpoint-every TIME] "
    "[--stall-after TIME] [--set table.key=value]... [--certify] [--force] [--verbose] [--log-json "
    "FILE] "
    "[--dry-run]";

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What rank 0 tells the others before the search: the input texts, and what an earlier run kept.
struct Start {
  std::string packed_files;
  Bytes kept;
};
template <class Archive>
void fields(Archive& a, Start& x) {
  a(x.packed_files, x.kept);
}

struct Request {
  std::string job_path;
  std::vector<std::string> overrides;
  std::string output;  // -o; empty: the job's own
  std::string json_log;
  bool certify = false;
  bool resume = false;
  bool force = false;
  bool verbose = false;
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

void print_plan(const io::Job& job, const std::string& output) {
  const auto& space = job.question.space;
  std::string count = "a continuous space of";
  if (!space.continuous) count = readable_count(static_cast<double>(search::count_within(space)));
  fmt::print("job {}: {} architectures{}, strategy {}, {} targets\n", printable(job.name), count,
             space.within ? " in the law's range" : "", to_string(job.method),
             job.question.targets.size());
  for (const auto& target : job.question.targets) fmt::print("  {}\n", target.id);
  // slurm/study.sbatch reads this line.
  fmt::print("result: {}\n", output);
}

void require_time(const Request& request, Clock::time_point start) {
  if (seconds_since(start) > request.watch.max_wall_s)
    throw cluster::Interrupted(
        fmt::format("the wall time of {:g} s is over", request.watch.max_wall_s));
}

/// Is there anything that the result must not replace? `look` is called while that takes its time.
void require_place(const Request& request, const io::Job& job, const std::string& output,
                   const std::function<void()>& look) {
  io::require_result_or_nothing(output);
  if (!request.force)
    io::require_same_job(output, job.text,
                         [&](const std::string& path) { return job_of(path, look); });
}

/// Rank 0 before the search: reads everything, checks that the result can be written.
io::Job prepare(const Request& request, io::SourceFiles& files) {
  io::Job job = read_job(request, files);
  if (request.certify && search::proven_gap(job.method))
    throw InputError(
        std::vector{InputFault{.file = "--certify",
                               .key = "search.strategy",
                               .value = std::string(to_string(job.method)),
                               .rule = "proves its frontiers itself; --certify goes with "
                                       "\"plas\" and \"sample\""}});
  format::require_writable(output_path(request, job));
  return job;
}

void tell_start(const io::Job& job, const std::string& output, int ranks, RunLog& log) {
  log.tell({"start",
            "",
            {{"job", job.name},
             {"output", output},
             {"strategy", std::string(to_string(job.method))},
             {"targets", static_cast<std::int64_t>(job.question.targets.size())},
             {"ranks", std::int64_t{ranks}},
             {"host", host_name()},
             {"program", std::string(program_version())},
             {"commit", std::string(git_commit())}}});
}

/// A search on one rank of several; see RankedCommand for who does what.
class Search {
 public:
  Search(const Request& request, cluster::Communicator& ranks) : request_(request), ranks_(ranks) {
    run_.command_line = request.command_line;
    run_.ranks = ranks.size();
  }

  Bytes prepare(cluster::WatchOptions& watch) {
    cluster::catch_signals();
    files_.while_waiting([this] { require_time(); });
    job_ = app::prepare(request_, files_);
    output_ = output_path(request_, job_);
    claim_.emplace(output_, format::claim_path(output_), request_.command_line);
    place_.emplace(output_);
    require_place();
    io::remove_leftovers_of(output_);
    log_.open_json(request_.json_log, output_);
    tell_start(job_, output_, ranks_.size(), log_);
    if (!claim_->taken_over().empty()) log_.tell({"claim_taken_over", claim_->taken_over()});
    watch.stop_file = io::stop_path(output_);
    Start start{.packed_files = files_.pack(), .kept = {}};
    start.kept =
        request_.resume ? earlier_run(job_, study(), output_, log_) : begin_anew(output_, log_);
    keeper_.emplace(output_, io::identity_of(job_), *claim_, log_);
    run_.seconds["read"] = seconds_since(start_);
    return packed(start);
  }

  void work(const Bytes& prepared, cluster::Watch& watch) {
    const auto start = unpacked<Start>(prepared);
    cluster::StudyHooks hooks;
    if (ranks_.is_root()) {
      hooks.progress = [this](std::string_view phase, const search::Progress& p) {
        log_.progress(phase, p);
      };
      hooks.keep = [this](const Bytes& state) { keeper_->write(state); };
    } else {
      cluster::catch_signals();
      files_ = io::SourceFiles::unpack(start.packed_files);
      job_ = read_job(request_, files_);
    }
    findings_ = cluster::run_study(study(), ranks_, watch, start.kept, hooks);
  }

  void finish(cluster::Watch& watch) {
    log_.end_bar();
    claim_->confirm();
    io::require_result_or_nothing(output_);
    std::string report;
    try {
      report = write_report(
          job_, findings_, std::move(run_), output_, request_.verbose, [&] { watch.look(); },
          [&] { look_last(); });
    } catch (const cluster::Interrupted&) {
      keeper_->write(cluster::as_kept(findings_));
      throw;
    }
    keeper_->remove_all();
    claim_->release();
    print(report, watch);
  }

  /// The result is there: a reader who is slow is waited for until the run should end.
  static void print(const std::string& report, cluster::Watch& watch) {
    const auto patient = [&] {
      try {
        watch.look();
        return true;
      } catch (const cluster::RunEnds&) {
        return false;
      }
    };
    if (write_patiently(STDOUT_FILENO, report, patient) == Written::failed)
      throw FileError("stdout", fmt::format("cannot be written: {}", std::strerror(errno)));
  }

  /// Whoever had no claim, or took it away, may have written there meanwhile.
  void look_last() {
    try {
      claim_->confirm();
      if (!place_->is_as_it_was()) require_place();
    } catch (const Error&) {
      keeper_->write(cluster::as_kept(findings_));
      throw;
    }
  }

  ExitCode stopped(const std::string& reason) {
    log_.end_bar();
    if (!keeper_) {
      log_.tell({"stop", fmt::format("stopped ({}) before it began", reason)});
      return ExitCode::stopped_early;
    }
    return keeper_->report_stop(reason);
  }

  ExitCode failed(const std::exception& error) {
    log_.end_bar();
    return report_error(error);
  }

  void end(ExitCode code, const std::string& message) {
    log_.tell({"end",
               "",
               {{"exit_code", static_cast<std::int64_t>(code)},
                {"message", message},
                {"seconds", seconds_since(start_)}}});
    // Not left to the destructor: what follows may be MPI_Abort.
    if (claim_) claim_->release();
  }

  RunLog& log() { return log_; }

 private:
  /// Before there is a watch.
  void require_time() const {
    if (const int signal = cluster::caught_signal(); signal != 0)
      throw cluster::Interrupted(cluster::signal_name(signal));
    app::require_time(request_, start_);
  }

  void require_place() const {
    app::require_place(request_, job_, output_, [this] { require_time(); });
  }

  cluster::Study study() const {
    return {job_.question, job_.method, job_.refine, request_.certify, job_.resamples};
  }

  const Request& request_;
  cluster::Communicator& ranks_;
  Clock::time_point start_ = Clock::now();
  RunLog log_;
  io::SourceFiles files_;
  io::Job job_;
  // Rank 0:
  std::string output_;
  io::RunRecord run_;
  std::optional<format::Claim> claim_;
  std::optional<io::Place> place_;
  std::optional<Keeper> keeper_;
  search::Findings findings_;
};

ExitCode search_on(cluster::Communicator& ranks, const Request& request) {
  Search search(request, ranks);
  const cluster::RankedCommand command{
      .watch = request.watch,
      .sink = [&](const cluster::Event& event) { search.log().tell(event); },
      .prepare = [&](cluster::WatchOptions& watch) { return search.prepare(watch); },
      .work = [&](const Bytes& prepared, cluster::Watch& w) { search.work(prepared, w); },
      .finish = [&](cluster::Watch& watch) { search.finish(watch); },
      .stopped = [&](const std::string& reason) { return search.stopped(reason); },
      .failed = [&](const std::exception& error) { return search.failed(error); },
      .ends = [&](ExitCode code, const std::string& message) { search.end(code, message); }};
  return cluster::run_on_ranks(ranks, command);
}

double seconds_of(const po::variables_map& values, const std::string& option) {
  return positive_quantity(option, values[option].as<std::string>(), format::Dimension::seconds);
}

Request request_of(const po::variables_map& values, const Arguments& arguments) {
  Request request{.job_path = required(values, "JOB.toml", usage),
                  .overrides = {},
                  .output = values["output"].as<std::string>(),
                  .json_log = values["log-json"].as<std::string>(),
                  .certify = values["certify"].as<bool>(),
                  .resume = values["resume"].as<bool>(),
                  .force = values["force"].as<bool>(),
                  .verbose = values["verbose"].as<bool>(),
                  .watch = {},
                  .command_line = fmt::format("rooflaw search {}", fmt::join(arguments, " "))};
  if (request.output.empty() && !values["output"].defaulted())
    throw bad_option("output", "", "must be the name of a file");
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
      "max-wall", po::value<std::string>(),
      "seconds, or 90min, after which to stop; like SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, "
      "SIGXCPU and a file \"stop\" beside the result: a checkpoint is written, exit code 10")(
      "checkpoint-every", po::value<std::string>()->default_value("60"),
      "seconds from one checkpoint to the next")(
      "stall-after", po::value<std::string>()->default_value("60"),
      "seconds without a sign of life after which a rank is named")(
      "force", po::bool_switch(),
      "replace the finished result of another job; never a file that is no result, nor one that "
      "another run has claimed")("set", po::value<std::vector<std::string>>()->composing(),
                                 "table.key=value: override a value of the job; may be repeated")(
      "certify", po::bool_switch(),
      "after strategy plas or sample find the true frontiers too, and say how far off it was")(
      "verbose,v", po::bool_switch(),
      "print statistics of each frontier, public models, precisions and other laws, too")(
      "log-json", text(), "append a line of JSON to this file for each event of the run")(
      "dry-run", po::bool_switch(), "check the job, say what it would do, and stop");
  const auto values = parse_arguments(
      arguments, usage,
      "The frontier of loss against latency of a space of architectures, for every target of a "
      "job.\nAlone or under mpirun or srun --mpi=pmix, with the same result.\nExample: mpirun -n 4 "
      "rooflaw search jobs/quick.toml -o results/quick.h5",
      options, {"JOB.toml"});
  if (!values) return ExitCode::done;
  const Request request = request_of(*values, arguments);

  cluster::catch_batch_signals();
  cluster::MpiCommunicator ranks(request.watch);
  if (!(*values)["dry-run"].as<bool>()) return search_on(ranks, request);
  if (!ranks.is_root()) return ExitCode::done;
  const auto in_time = [&, start = Clock::now()] { require_time(request, start); };
  io::SourceFiles files;
  files.while_waiting(in_time);
  const io::Job job = prepare(request, files);
  const std::string output = output_path(request, job);
  format::require_unclaimed(output, format::claim_path(output));
  require_place(request, job, output, in_time);
  print_plan(job, output);
  return ExitCode::done;
}

}  // namespace rooflaw::app
