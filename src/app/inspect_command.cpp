#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "apart.hpp"
#include "attribute_text.hpp"
#include "portfolio.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/law_summary.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/io/portfolio_file.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string inspect_usage = "inspect RESULT.h5 [--verbose] [--unsealed]";
constexpr std::size_t longest_name = 40;  // of an attribute, that others are lined up with

/// A file from elsewhere must not reach the terminal's controls.
std::string shown(const format::Attribute& attribute) {
  return printable(attribute_text(attribute));
}

void print_attributes(const format::Hdf5Reader& file, const std::string& path) {
  const auto names = file.attributes(path);
  std::size_t longest = 18;
  for (const auto& name : names) longest = std::max(longest, std::min(name.size(), longest_name));
  for (const auto& name : names)
    if (name != "job_toml")  // printed last, as it has many lines
      fmt::print("  {:<{}} {}\n", printable(name), longest, shown(file.attribute(path, name)));
}

std::string frontier_line(const search::TargetResult& result) {
  const FrontierSummary s = summarize(result.rows);
  const auto range = [&](const char* format, double low, double high) {
    return s.size == 0 ? "" : fmt::format(fmt::runtime(format), low, high);
  };
  return fmt::format("  {:<50} {:>7} {:>23} {:>17} {:>9} {:>11.1f}%\n", printable(result.target.id),
                     s.size, range("{:.4g} .. {:.4g}", s.least_objective, s.largest_objective),
                     range("{:.4f} .. {:.4f}", s.least_loss, s.largest_loss),
                     static_cast<int>(result.certified), 100.0 * s.extrapolated);
}

/// How far the search is above the closed-form optimum under each point's latency and memory.
std::string theory_line(const search::TargetResult& result) {
  std::vector<double> gaps;
  std::map<search::Binding, int> count;
  for (const auto& row : result.theory) {
    ++count[row.binding];
    if (!std::isnan(row.search_minus_theory_loss)) gaps.push_back(row.search_minus_theory_loss);
  }
  if (gaps.empty()) return "";
  std::sort(gaps.begin(), gaps.end());
  const auto most = std::max_element(count.begin(), count.end(),
                                     [](auto& x, auto& y) { return x.second < y.second; });
  return fmt::format("  {:<50} {:>9.4f} {:>9.4f} {:>9.4f}  {}\n", printable(result.target.id),
                     gaps.front(), gaps[gaps.size() / 2], gaps.back(), to_string(most->first));
}

/// One line a target in each table.
void print_targets(const format::Hdf5Reader& file) {
  const auto targets = io::read_targets(file);
  const bool several_laws = file.groups("/frontiers").size() > 1;
  std::string frontiers, refined, theory;
  for (const auto& target : targets) {
    const auto result = io::read_target(file, target);
    const std::string law =
        several_laws ? fmt::format("  by law {}:\n", printable(target.law)) : "";
    frontiers += law + frontier_line(result);
    if (const auto line = theory_line(result); !line.empty()) theory += law + line;
    if (result.refined)
      refined += fmt::format("{}  {:<50} {:>7} {:>+17.3f}\n", law, printable(target.id),
                             result.refined->rows.size(), 100 * result.refined->hypervolume_gain);
  }
  fmt::print("\ntargets: {}\n", targets.size());
  fmt::print("\nfrontiers\n  {:<50} {:>7} {:>23} {:>17} {:>9} {:>12}\n{}", "target", "points",
             "objective [s, J]", "loss", "certified", "extrapolated", frontiers);
  if (!refined.empty())
    fmt::print("\nrefined: points between those of the space\n  {:<50} {:>7} {:>17}\n{}", "target",
               "points", "hypervolume [%]", refined);
  fmt::print(
      "\nloss of the search above the closed forms [nats]\n  {:<50} {:>9} {:>9} {:>9}  {}\n{}",
      "target", "least", "median", "largest", "binds at most points", theory);
}

/// Each frontier in words.
void print_frontiers(const format::Hdf5Reader& file) {
  const auto study = io::read_study(file);
  const bool several_laws = file.groups("/frontiers").size() > 1;
  for (const auto& target : io::read_targets(file)) {
    const auto result = io::read_target(file, target);
    if (several_laws) fmt::print("\nby law {}:", printable(target.law));
    fmt::print("{}{}", printable(target_summary(result, study.strategy, {}), "\n"),
               printable(law_summary(result), "\n"));
  }
}

void print_result(const format::Hdf5Reader& file, bool verbose) {
  fmt::print("{}\n", file.file());
  print_attributes(file, "/");
  fmt::print("\nrun: seconds_* [s], with _cpu those of processors; *bytes* [B]\n");
  print_attributes(file, "/runtime");
  fmt::print("\ninputs\n");
  for (const auto& kind : file.groups("/inputs"))
    for (const auto& id : file.datasets("/inputs/" + kind)) {
      const std::string path = "/inputs/" + kind + "/" + id;
      fmt::print("  {:<10} {:<28} sha256 {:.16} {}\n", printable(kind), printable(id),
                 shown(file.attribute(path, "sha256")), shown(file.attribute(path, "file")));
    }
  if (io::has_portfolio(file))
    fmt::print("\nportfolio\n{}", printable(portfolio_text(io::read_portfolio(file)), "\n"));
  else
    print_targets(file);
  if (verbose && !io::has_portfolio(file)) print_frontiers(file);
  fmt::print("\njob\n{}\n", printable(attribute_text(file.attribute("/", "job_toml")), "\n\t"));
}

}  // namespace

ExitCode inspect_command(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("verbose,v", po::bool_switch(),
                        "describe each frontier, and what other laws and resamples say of it");
  add_seal_option(options);
  const auto values = parse_arguments(arguments, inspect_usage,
                                      "Where a result comes from: program, job, inputs; and what "
                                      "is in it.\nExample: rooflaw inspect results/quick.h5",
                                      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  const std::string path = required(*values, "RESULT.h5", inspect_usage);
  return read_apart({path}, [&] {
    print_result(io::open_result(path, seal_option(*values)), (*values)["verbose"].as<bool>());
    return ExitCode::done;
  });
}

}  // namespace rooflaw::app
