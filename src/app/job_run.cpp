#include "job_run.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "apart.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/claim.hpp"

namespace rooflaw::app {

namespace {

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

io::Job read_job(const JobRequest& request, const JobCommand& command, io::SourceFiles& files) {
  return command.read_job(
      files, request.output.empty() ? io::OutputKey::required : io::OutputKey::optional);
}

void require_time(const JobRequest& request, Clock::time_point start) {
  if (seconds_since(start) > request.watch.max_wall_s)
    throw cluster::Interrupted(
        fmt::format("the wall time of {:g} s is over", request.watch.max_wall_s));
}

/// Is there anything that the result must not replace? `look` is called while that takes its time.
void require_place(const JobRequest& request, const std::string& job_text,
                   const std::string& output, const std::function<void()>& look) {
  io::require_result_or_nothing(output);
  if (!request.force)
    io::require_same_job(output, job_text,
                         [&](const std::string& path) { return job_of(path, look); });
}

/// Rank 0 before the search: reads everything, checks that the result can be written.
io::Job prepare(const JobRequest& request, const JobCommand& command, io::SourceFiles& files) {
  io::Job job = read_job(request, command, files);
  command.require(job);
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

/// A run on one rank of several.
class JobRun {
 public:
  JobRun(const JobRequest& request, cluster::Communicator& ranks, JobCommand& asked)
      : request_(request), ranks_(ranks), asked_(asked) {
    run_.command_line = request.command_line;
    run_.ranks = ranks.size();
  }

  Bytes prepare(cluster::WatchOptions& watch) {
    cluster::catch_signals();
    files_.while_waiting([this] { require_time(); });
    job_ = app::prepare(request_, asked_, files_);
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
    io::Job told = job_;
    told.text = asked_.text_of(job_);
    const auto identity = io::identity_of(told);
    const auto check = [this](const Bytes& state) { asked_.check_kept(job_, state); };
    start.kept =
        request_.resume ? earlier_run(identity, check, output_, log_) : begin_anew(output_, log_);
    keeper_.emplace(output_, identity, *claim_, log_);
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
      job_ = read_job(request_, asked_, files_);
    }
    asked_.run(job_, ranks_, watch, start.kept, hooks);
  }

  void finish(cluster::Watch& watch) {
    log_.end_bar();
    claim_->confirm();
    io::require_result_or_nothing(output_);
    std::string report;
    try {
      report = asked_.write(
          job_, std::move(run_), output_, [&] { watch.look(); }, [&] { look_last(); });
    } catch (const cluster::Interrupted&) {
      keeper_->write(asked_.kept());
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
      keeper_->write(asked_.kept());
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
    app::require_place(request_, asked_.text_of(job_), output_, [this] { require_time(); });
  }

  const JobRequest& request_;
  cluster::Communicator& ranks_;
  JobCommand& asked_;
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
};

}  // namespace

ExitCode run_job(cluster::Communicator& ranks, const JobRequest& request, JobCommand& asked) {
  JobRun run(request, ranks, asked);
  const cluster::RankedCommand command{
      .watch = request.watch,
      .sink = [&](const cluster::Event& event) { run.log().tell(event); },
      .prepare = [&](cluster::WatchOptions& watch) { return run.prepare(watch); },
      .work = [&](const Bytes& prepared, cluster::Watch& w) { run.work(prepared, w); },
      .finish = [&](cluster::Watch& watch) { run.finish(watch); },
      .stopped = [&](const std::string& reason) { return run.stopped(reason); },
      .failed = [&](const std::exception& error) { return run.failed(error); },
      .ends = [&](ExitCode code, const std::string& message) { run.end(code, message); }};
  return cluster::run_on_ranks(ranks, command);
}

io::Job dry_run(const JobRequest& request, const JobCommand& command) {
  const auto in_time = [&, start = Clock::now()] { require_time(request, start); };
  io::SourceFiles files;
  files.while_waiting(in_time);
  io::Job job = prepare(request, command, files);
  const std::string output = output_path(request, job);
  format::require_unclaimed(output, format::claim_path(output));
  require_place(request, command.text_of(job), output, in_time);
  return job;
}

}  // namespace rooflaw::app
