#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apart.hpp"
#include "budget_option.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/decision.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/io/result_file.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace po = boost::program_options;

namespace {

const std::string best_usage =
    "best RESULT.h5 [--budget KIND=VALUE]... [--in-range] [--device ID]... [--precision ID]... "
    "[--workload ID]... [--json | --csv] [--unsealed]";

/// Only the best in the law's range, as if there were no others.
std::vector<Decision> in_range_only(std::vector<Decision> all, const std::string& file) {
  for (auto& d : all) {
    if (!d.ranges) {
      const bool inside = d.best && !d.best->extrapolated;
      if (!inside && d.best)
        throw Error(fmt::format("{}: {} has no frontier of the law's range beside it (the law "
                                "states none, or the strategy finds none); search again with "
                                "--set law.range=enforce",
                                file, d.target.id),
                    ExitCode::bad_input);
      continue;
    }
    d.best = d.inside;
    d.least_objective = d.least_inside;
    if (d.finer && (d.finer->extrapolated || (d.best && d.finer->loss >= d.best->loss)))
      d.finer.reset();
    d.binds.clear();
    d.as_good.clear();
  }
  return all;
}

}  // namespace

ExitCode best_command(const Arguments& arguments) {
  po::options_description options("options");
  const auto list = [] { return po::value<std::vector<std::string>>()->composing(); };
  options.add_options()("budget", list(),
                        "total=100ms, prefill=, tpot=, energy=2J, memory=4GiB; each is a question "
                        "of its own; default: the limits of job and workload, else four round "
                        "values")("in-range", po::bool_switch(),
                                  "only architectures where the law does not extrapolate")(
      "device", list(), "of these devices only")("precision", list(), "of these precisions only")(
      "workload", list(), "of these workloads only")("json", po::bool_switch(),
                                                     "print a JSON list, numbers in full")(
      "csv", po::bool_switch(), "print one table, a row a target, budget and kind");
  add_seal_option(options);
  const auto values = parse_arguments(
      arguments, best_usage,
      "What to build: for each target and budget the architecture of lowest loss.\nExample: "
      "rooflaw best results/quick.h5 --budget total=100ms",
      options, {"RESULT.h5"});
  if (!values) return ExitCode::done;
  const bool as_json = (*values)["json"].as<bool>(), as_csv = (*values)["csv"].as<bool>();
  if (as_json && as_csv)
    throw Error(fmt::format("--json and --csv exclude each other\nusage: rooflaw {}", best_usage),
                ExitCode::bad_input);
  const std::string path = required(*values, "RESULT.h5", best_usage);
  DecisionQuestion question{.budgets = {},
                            .devices = texts(*values, "device"),
                            .precisions = texts(*values, "precision"),
                            .workloads = texts(*values, "workload")};
  for (const auto& text : texts(*values, "budget")) question.budgets.push_back(budget_from(text));
  const bool in_range = (*values)["in-range"].as<bool>();
  return read_apart({path}, [&] {
    auto all = decisions(io::open_result(path, seal_option(*values)), question);
    if (in_range) all = in_range_only(std::move(all), path);
    // Ids of a file from elsewhere must not reach the terminal's controls.
    if (as_json)
      fmt::print("{}\n",
                 decision_json(all).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    else if (as_csv)
      fmt::print("{}", decision_csv(all));
    else
      fmt::print("{}", printable(decision_text(all, terminal_width()), "\n"));
    const bool any = std::any_of(all.begin(), all.end(), [](const auto& d) { return d.best; });
    if (any) return ExitCode::done;
    fmt::print(stderr, "rooflaw: no architecture of {} meets any of these budgets\n",
               in_range ? "the law's range" : "the space");
    return ExitCode::bad_input;
  });
}

}  // namespace rooflaw::app
