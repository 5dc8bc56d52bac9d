// Parses the command and dispatches.

#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "apart.hpp"
#include "help_pages.hpp"
#include "rooflaw/app/command_line.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/words.hpp"

namespace {

using namespace rooflaw;

struct Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view purpose;
  ExitCode (*run)(const app::Arguments&);
};

constexpr Command commands[] = {
    {"search", "JOB.toml [-o FILE.h5]", "the frontier of loss against latency for every target",
     app::search_command},
    {"best", "RESULT.h5 [--budget total=100ms]", "what to build: the decision, from one result",
     app::best_command},
    {"evaluate", "CASE.toml [--json]", "one architecture on one device, operator by operator",
     app::evaluate_command},
    {"advise", "--device ID ...", "the best architecture to build for a chip and its budgets",
     app::advise_command},
    {"compare", "RESULT.h5 --baseline ID", "devices side by side, from one result",
     app::compare_command},
    {"portfolio", "JOB.toml [-o FILE.h5]", "few architectures for many targets, each in its budget",
     app::portfolio_command},
    {"inspect", "RESULT.h5", "where a result comes from and what is in it", app::inspect_command},
    {"export", "RESULT.h5 -o DIR", "the frontiers of a result as CSV", app::export_command},
    {"report", "RESULT.h5 -o FILE.html", "a page to look at: frontiers, chips, trust",
     app::report_command},
    {"merge", "A.h5 B.h5 ... -o C.h5", "joins the results of array tasks", app::merge_command},
    {"fit", "RUNS.csv -o LAW.toml", "fits the loss law to training runs", app::fit_command},
    {"calibrate", "MEASURED... -o DEVICES.toml", "fits a chip's efficiencies to measured speeds",
     app::calibrate_command},
    {"list", "devices|models|... [WORD]", "what the tables that come with the program hold",
     app::list_command},
};

void print_help() {
  fmt::print(
      "rooflaw {}: which language model has the lowest loss within a latency and memory budget "
      "on a chip?\n\nusage: rooflaw COMMAND ... (rooflaw COMMAND --help tells more)\n\n",
      program_version());
  for (const auto& c : commands)
    fmt::print("  {:<34} {}\n", fmt::format("{} {}", c.name, c.arguments), c.purpose);
  fmt::print("\n  --help, --version\n");
}

/// For whoever starts it to see what it is.
void print_tour() {
  fmt::print(
      "rooflaw {}: which language model has the lowest loss within a latency and memory budget "
      "on a chip?\n\n"
      "  rooflaw list devices orin          which chips, models, precisions, laws it knows\n"
      "  rooflaw evaluate --model qwen3-0.6b --device jetson-agx-orin-64gb --precision int8 \\\n"
      "    --workload vla                   what one model takes there\n"
      "  rooflaw search JOB.toml            every frontier of a space, and what to build\n"
      "  rooflaw best RESULT.h5 --budget total=100ms\n"
      "                                     what to build within other budgets\n"
      "  rooflaw compare RESULT.h5 --baseline DEVICE\n"
      "                                     what another chip would buy\n"
      "  rooflaw report RESULT.h5 -o FILE.html\n"
      "                                     all of it as a page to explore\n\n"
      "rooflaw --help lists all commands, rooflaw COMMAND --help their options.\n",
      program_version());
}

/// The help of all commands for src/app/help_files.cmake: their names, rooflaw.1, or the completion
/// for a shell.
ExitCode print_help_as(const std::string& form) {
  std::vector<app::CommandLine> lines;
  for (const auto& c : commands)
    lines.push_back({std::string(c.name), std::string(c.arguments), std::string(c.purpose)});
  if (form == "man") {
    fmt::print("{}", app::manual_page(lines));
  } else if (form == "commands") {
    for (const auto& line : lines) fmt::print("{}\n", line.name);
  } else if (form == "bash" || form == "zsh") {
    const app::Frame frame = form == "bash" ? app::bash_frame(lines) : app::zsh_frame(lines);
    fmt::print("{}", frame.before);
    for (const auto& c : commands) c.run({"--help-as", form, std::string(c.purpose)});
    fmt::print("{}", frame.behind);
  } else {
    throw Error("--help-as man, bash, zsh or commands", ExitCode::bad_input);
  }
  return ExitCode::done;
}

ExitCode dispatch(const app::Arguments& words) {
  if (words.empty()) {
    print_tour();
    return ExitCode::done;
  }
  if (words[0] == "--help" || words[0] == "-h") {
    print_help();
    return ExitCode::done;
  }
  if (words.size() == 2 && words[0] == "--help-as") return print_help_as(words[1]);
  if (words.size() == 2 && words[0] == "--job-of") return app::print_job_of(words[1]);
  if (std::find(words.begin(), words.end(), "--version") != words.end()) {
    fmt::print("rooflaw {} ({})\n", program_version(), git_commit());
    return ExitCode::done;
  }
  for (const auto& c : commands) {
    if (words[0] != c.name) continue;
    app::Arguments arguments(words.begin() + 1, words.end());
    if (arguments.size() == 2 && arguments[0] == "--help-as") arguments.emplace_back(c.purpose);
    return c.run(arguments);
  }
  std::vector<std::string> names;
  for (const auto& c : commands) names.emplace_back(c.name);
  const std::string hint = format::did_you_mean(words[0], names);
  throw Error(fmt::format("there is no command \"{}\"; {}see rooflaw --help", words[0],
                          hint.empty() ? hint : hint + " "),
              ExitCode::bad_input);
}

}  // namespace

int main(int argc, char** argv) {
  // A search makes and drops megabytes again and again: pages that were returned come back slowly.
  // Whoever sets one of the two gets the other one's default for good, which is 128 KiB.
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  // A write beyond the file size limit shall fail as on a full disk, not kill the process.
  std::signal(SIGXFSZ, SIG_IGN);
  const app::Arguments words(argv + 1, argv + argc);
  return static_cast<int>(app::run_to_end([&] { return dispatch(words); }));
}
