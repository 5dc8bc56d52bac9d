// Few architectures for many devices, proven.

#include <fmt/format.h>

#include "job_run.hpp"
#include "portfolio.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/cluster/mpi_communicator.hpp"
#include "rooflaw/cluster/portfolio_study.hpp"
#include "rooflaw/cluster/signals.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/io/portfolio_file.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string portfolio_usage =
    "portfolio JOB.toml [-o FILE.h5] [--json] [--resume] [--max-wall TIME] [--checkpoint-every "
    "TIME] [--stall-after TIME] [--set table.key=value]... [--force] [--log-json FILE] [--dry-run]";

/// "1.3e10 architectures, 12 targets, k = 1 .. 4, objective mean"
std::string question_text(const io::Job& job) {
  const auto& space = job.question.space;
  const auto& portfolio = *job.portfolio;
  const std::string count = space.continuous
                                ? "a continuous space of"
                                : readable_count(static_cast<double>(search::count_within(space)));
  const std::string k = portfolio.from == portfolio.to
                            ? fmt::format("{}", portfolio.to)
                            : fmt::format("{} .. {}", portfolio.from, portfolio.to);
  return fmt::format("{} architectures{}, {} targets, k = {}, objective {}", count,
                     space.within ? " in the law's range" : "", portfolio.budgets.size(), k,
                     to_string(portfolio.objective));
}

std::string work_text(const io::RunRecord& run) {
  double seconds = 0;
  for (const auto& [phase, took] : run.seconds)
    if (phase.starts_with("portfolio_")) seconds += took;
  return fmt::format("{} pairs of architecture and target scored, in {} on {} rank{}\n",
                     readable_count(static_cast<double>(run.points_scored)),
                     readable_seconds(seconds), run.ranks, run.ranks == 1 ? "" : "s");
}

std::string notes_of(const io::Job& job, const std::vector<search::TargetInfo>& targets) {
  std::vector<model::Precision> precisions;
  for (const auto& d : job.question.deployments) precisions.push_back(d.scenario.precision);
  std::string notes, lines;
  for (const auto& note : job.notes) notes += "note: " + note + "\n";
  notes += trust_notes(targets, precisions);
  for (std::size_t at = 0; at < notes.size();) {
    const std::size_t end = notes.find('\n', at);
    lines += wrapped(notes.substr(at, end - at), page_columns);
    at = end + 1;
  }
  return lines;
}

class PortfolioSearch : public JobCommand {
 public:
  PortfolioSearch(const JobRequest& request, bool as_json) : request_(request), json_(as_json) {}

  io::Job read_job(io::SourceFiles& files, io::OutputKey output) const override {
    return io::read_job(files, request_.job_path, request_.overrides, output,
                        io::PortfolioTable::required);
  }
  std::string text_of(const io::Job& job) const override { return io::as_portfolio_job(job.text); }
  void check_kept(const io::Job& job, const Bytes& kept) const override {
    cluster::check_kept({job.question, *job.portfolio}, kept);
  }
  void run(const io::Job& job, cluster::Communicator& ranks, cluster::Watch& watch,
           const Bytes& kept, const cluster::StudyHooks& hooks) override {
    findings_ = cluster::run_portfolio({job.question, *job.portfolio}, ranks, watch, kept, hooks);
  }
  Bytes kept() const override { return cluster::as_kept(findings_); }

  std::string write(const io::Job& job, io::RunRecord run, const std::string& path,
                    const std::function<void()>& between,
                    const std::function<void()>& last_look) override {
    std::vector<search::SetOutcome> outcomes;
    for (const auto& found : findings_.by_law) {
      outcomes.push_back(found.value());
      run.points_scored += found->pairs_scored;
      io::note_serving(found->serving, run);
    }
    for (const auto& [phase, seconds] : findings_.seconds) run.seconds[phase] = seconds;
    run.complete = true;
    const auto result = search::describe(job.question, *job.portfolio, outcomes, between);
    between();
    io::write_portfolio(path, job, result, run, last_look);
    if (json_) {
      auto all = portfolio_json(result);
      all["result"] = path;
      return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    }
    return wrapped(fmt::format("{}: {}", printable(job.name), question_text(job)), page_columns) +
           "\n" + portfolio_text(result) + notes_of(job, result.targets) + work_text(run) +
           fmt::format("result: {}\n", path);
  }

 private:
  const JobRequest& request_;
  bool json_;
  cluster::PortfolioFindings findings_;
};

}  // namespace

ExitCode portfolio_command(const Arguments& arguments) {
  po::options_description options("options");
  add_job_options(options);
  options.add_options()("json", po::bool_switch(), "print one JSON object, numbers in full");
  const auto values = parse_arguments(
      arguments, portfolio_usage,
      "Few architectures for many targets: for each number k of architectures the best, which "
      "target\nruns which within its budget, and what it costs not to have one a target. The job "
      "has a table\n[portfolio]. Alone or under mpirun or srun --mpi=pmix, with the same "
      "result.\nExample: "
      "rooflaw portfolio jobs/portfolio_edge.toml",
      options, {"JOB.toml"});
  if (!values) return ExitCode::done;
  const JobRequest request = job_request_of(*values, arguments, "portfolio", portfolio_usage);
  PortfolioSearch search(request, (*values)["json"].as<bool>());

  cluster::catch_batch_signals();
  cluster::MpiCommunicator ranks(request.watch);
  if (!(*values)["dry-run"].as<bool>()) return run_job(ranks, request, search);
  if (!ranks.is_root()) return ExitCode::done;
  const io::Job job = dry_run(request, search);
  fmt::print("job {}: {}\n", printable(job.name), question_text(job));
  // slurm/study.sbatch reads this line.
  fmt::print("result: {}\n", output_path(request, job));
  return ExitCode::done;
}

}  // namespace rooflaw::app
