#include <fmt/format.h>

#include "job_run.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/cluster/study.hpp"
#include "rooflaw/core/printable.hpp"
#include "search_report.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string search_usage =
    "search JOB.toml [-o FILE.h5] [--resume] [--max-wall TIME] [--checkpoint-every TIME] "
    "[--stall-after TIME] [--set table.key=value]... [--certify] [--force] "
    "[--verbose] [--log-json FILE] [--dry-run]";

void print_plan(const io::Job& job, const std::string& output) {
  const auto& space = job.question.space;
  std::string count = "a continuous space";
  if (!space.continuous)
    count = fmt::format("{:.4g} points", static_cast<double>(search::count_within(space)));
  fmt::print("job {}: {}{}, strategy {}, {} targets\n", printable(job.name), count,
             space.within ? " in the law's range" : "", to_string(job.method),
             job.question.targets.size());
  for (const auto& target : job.question.targets) fmt::print("  {}\n", target.id);
  // slurm/study.sbatch reads this line.
  fmt::print("result: {}\n", output);
}

class Search : public JobCommand {
 public:
  Search(const JobRequest& request, bool certify, bool verbose)
      : request_(request), certify_(certify), verbose_(verbose) {}

  io::Job read_job(io::SourceFiles& files, io::OutputKey output) const override {
    return io::read_job(files, request_.job_path, request_.overrides, output);
  }
  void require(const io::Job& job) const override {
    if (certify_ && search::proven_gap(job.method))
      throw InputError(
          std::vector{InputFault{.file = "--certify",
                                 .key = "search.strategy",
                                 .value = std::string(to_string(job.method)),
                                 .rule = "proves its frontiers itself; --certify goes with "
                                         "\"plas\" and \"sample\""}});
  }
  void check_kept(const io::Job& job, const Bytes& kept) const override {
    cluster::check_kept(study(job), kept);
  }
  void run(const io::Job& job, cluster::Communicator& ranks, cluster::Watch& watch,
           const Bytes& kept, const cluster::StudyHooks& hooks) override {
    findings_ = cluster::run_study(study(job), ranks, watch, kept, hooks);
  }
  Bytes kept() const override { return cluster::as_kept(findings_); }
  std::string write(const io::Job& job, io::RunRecord run, const std::string& path,
                    const std::function<void()>& between,
                    const std::function<void()>& last_look) override {
    return write_report(job, findings_, std::move(run), path, verbose_, between, last_look);
  }

 private:
  cluster::Study study(const io::Job& job) const {
    return {job.question, job.method, job.refine, certify_, job.resamples};
  }

  const JobRequest& request_;
  bool certify_;
  bool verbose_;
  search::Findings findings_;
};

}  // namespace

ExitCode search_command(const Arguments& arguments) {
  po::options_description options("options");
  add_job_options(options);
  options.add_options()(
      "certify", po::bool_switch(),
      "after strategy plas or sample find the true frontiers too, and say how far off it was")(
      "verbose,v", po::bool_switch(),
      "print statistics of each frontier, public models, precisions and other laws, too");
  const auto values = parse_arguments(
      arguments, search_usage,
      "The frontier of loss against latency of a space of architectures, for every target of a "
      "job.\nAlone or under mpirun or srun --mpi=pmix, with the same result.\nExample: mpirun -n 4 "
      "rooflaw search jobs/quick.toml -o results/quick.h5",
      options, {"JOB.toml"});
  if (!values) return ExitCode::done;
  const JobRequest request = job_request_of(*values, arguments, "search", search_usage);
  Search search(request, (*values)["certify"].as<bool>(), (*values)["verbose"].as<bool>());

  cluster::catch_batch_signals();
  cluster::MpiCommunicator ranks(request.watch);
  if (!(*values)["dry-run"].as<bool>()) return run_job(ranks, request, search);
  if (!ranks.is_root()) return ExitCode::done;
  const io::Job job = dry_run(request, search);
  print_plan(job, output_path(request, job));
  return ExitCode::done;
}

}  // namespace rooflaw::app
