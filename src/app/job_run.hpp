#pragma once
// A command that runs a JOB on ranks and writes a result at its end: claim, checkpoints, signals,
// wall time, log. What it looks for, and what it writes, is the command's own.

#include <chrono>
#include <functional>
#include <optional>

#include "checkpoints.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/run_log.hpp"
#include "rooflaw/cluster/ranked_command.hpp"
#include "rooflaw/io/job_file.hpp"
#include "rooflaw/io/replace.hpp"
#include "rooflaw/io/run_record.hpp"

namespace rooflaw::app {

struct JobRequest {
  std::string job_path;
  std::vector<std::string> overrides;
  std::string output;  // -o; empty: the job's own
  std::string json_log;
  bool resume = false;
  bool force = false;
  cluster::WatchOptions watch;
  std::string command_line;
};

/// The options of all such commands, and what was asked by them.
void add_job_options(boost::program_options::options_description& options);
JobRequest job_request_of(const boost::program_options::variables_map& values,
                          const Arguments& arguments, const std::string& command,
                          const std::string& usage);

/// Where the result goes.
std::string output_path(const JobRequest& request, const io::Job& job);

/// The hooks of a command.
class JobCommand {
 public:
  JobCommand() = default;
  JobCommand(const JobCommand&) = delete;
  JobCommand& operator=(const JobCommand&) = delete;
  virtual ~JobCommand() = default;

  /// On any rank, the same everywhere.
  virtual io::Job read_job(io::SourceFiles& files, io::OutputKey output) const = 0;
  /// Rank 0: is it one for this command? @throws InputError
  virtual void require(const io::Job&) const {}
  /// The text of the job as results of this command are told by it.
  virtual std::string text_of(const io::Job& job) const { return job.text; }

  /// Is this what an earlier run of the job kept? @throws Error
  virtual void check_kept(const io::Job& job, const Bytes& kept) const = 0;
  /// All ranks: does what is left of it.
  virtual void run(const io::Job& job, cluster::Communicator& ranks, cluster::Watch& watch,
                   const Bytes& kept, const cluster::StudyHooks& hooks) = 0;
  /// Rank 0: what a checkpoint keeps of a run that is through.
  virtual Bytes kept() const = 0;
  /// Rank 0: writes the result. @returns what goes to stdout; `between` and `last_look` as
  /// write_report
  virtual std::string write(const io::Job& job, io::RunRecord run, const std::string& path,
                            const std::function<void()>& between,
                            const std::function<void()>& last_look) = 0;
};

/// Runs it; see RankedCommand for who does what.
ExitCode run_job(cluster::Communicator& ranks, const JobRequest& request, JobCommand& command);

/// Checks the job, and that its result could be written. @returns it
io::Job dry_run(const JobRequest& request, const JobCommand& command);

}  // namespace rooflaw::app
