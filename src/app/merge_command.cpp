#include <fmt/format.h>

#include "apart.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/cluster/launcher.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/format/claim.hpp"
#include "rooflaw/io/merge.hpp"
#include "rooflaw/io/replace.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string merge_usage = "merge A.h5 B.h5 ... -o C.h5 [--force] [--unsealed]";
constexpr auto results = "RESULT.h5...";

}  // namespace

ExitCode merge_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(),
                        "file for the joined result; may be one of those joined")(
      "force", po::bool_switch(),
      "replace the finished result of another job; never a file that is no result, nor one that "
      "another run has claimed");
  add_seal_option(options);
  const auto values = parse_arguments(
      arguments, merge_usage,
      "Joins the results of tasks that share a job but for its devices, precisions, workloads or\n"
      "latencies: the result is that of the one job that has them all, in the order of the "
      "tasks.\nExample: rooflaw merge results/orin.h5 results/nano.h5 -o results/both.h5",
      options, {results});
  if (!values) return ExitCode::done;
  cluster::require_alone("merge");
  const auto paths = values->count(results) == 0
                         ? std::vector<std::string>{}
                         : (*values)[results].as<std::vector<std::string>>();
  if (paths.empty())
    throw Error(fmt::format("no result to merge\nusage: rooflaw {}", merge_usage),
                ExitCode::bad_input);
  const std::string output = required(*values, "output", merge_usage);
  format::require_writable(output);
  const std::string command_line = fmt::format("rooflaw merge {}", fmt::join(arguments, " "));
  format::Claim claim(output, format::claim_path(output), command_line);
  io::require_result_or_nothing(output);
  format::remove_leftovers(output);
  const auto replaced = (*values)["force"].as<bool>() ? io::Replaced::any : io::Replaced::own;
  claim.confirm();
  auto read = paths;
  read.push_back(output);
  try {
    const ExitCode code = read_apart(read, [&] {
      io::write_merged(paths, output, command_line,
                       {replaced, seal_option(*values), [&] { claim.confirm(); }});
      return ExitCode::done;
    });
    if (code != ExitCode::done) return code;
  } catch (const Error&) {
    format::remove_leftovers(output);  // of a child that could not
    throw;
  }
  claim.release();  // before what is printed: a closed pipe ends this process
  fmt::print("result: {}\n", output);
  return ExitCode::done;
}

}  // namespace rooflaw::app
