#include <fmt/format.h>

#include "job_run.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

std::string output_path(const JobRequest& request, const io::Job& job) {
  return request.output.empty() ? job.output : request.output;
}

namespace {

double seconds_of(const po::variables_map& values, const std::string& option) {
  return positive_quantity(option, values[option].as<std::string>(), format::Dimension::seconds);
}

}  // namespace

JobRequest job_request_of(const po::variables_map& values, const Arguments& arguments,
                          const std::string& command, const std::string& usage) {
  JobRequest request{
      .job_path = required(values, "JOB.toml", usage),
      .overrides = {},
      .output = values["output"].as<std::string>(),
      .json_log = values["log-json"].as<std::string>(),
      .resume = values["resume"].as<bool>(),
      .force = values["force"].as<bool>(),
      .watch = {},
      .command_line = fmt::format("rooflaw {} {}", command, fmt::join(arguments, " "))};
  if (request.output.empty() && !values["output"].defaulted())
    throw bad_option("output", "", "must be the name of a file");
  request.watch.checkpoint_every_s = seconds_of(values, "checkpoint-every");
  request.watch.stall_after_s = seconds_of(values, "stall-after");
  if (values.count("max-wall") > 0) request.watch.max_wall_s = seconds_of(values, "max-wall");
  if (values.count("set") > 0) request.overrides = values["set"].as<std::vector<std::string>>();
  return request;
}

void add_job_options(po::options_description& options) {
  const auto text = [] { return po::value<std::string>()->default_value(""); };
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
      "log-json", text(), "append a line of JSON to this file for each event of the run")(
      "dry-run", po::bool_switch(), "check the job, say what it would do, and stop");
}

}  // namespace rooflaw::app
