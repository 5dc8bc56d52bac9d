#pragma once
// One function per command: its arguments without program and command name, the exit code back.
// Data goes to stdout, errors and progress to stderr. Errors are thrown; main turns them into text
// and exit code.

#include <string>
#include <vector>

#include "rooflaw/core/error.hpp"

namespace rooflaw::app {

using Arguments = std::vector<std::string>;

ExitCode evaluate_command(const Arguments& arguments);
ExitCode advise_command(const Arguments& arguments);
ExitCode search_command(const Arguments& arguments);
ExitCode best_command(const Arguments& arguments);
ExitCode compare_command(const Arguments& arguments);
ExitCode portfolio_command(const Arguments& arguments);
ExitCode inspect_command(const Arguments& arguments);
ExitCode export_command(const Arguments& arguments);
ExitCode report_command(const Arguments& arguments);
ExitCode merge_command(const Arguments& arguments);
ExitCode list_command(const Arguments& arguments);
ExitCode fit_command(const Arguments& arguments);
ExitCode calibrate_command(const Arguments& arguments);

}  // namespace rooflaw::app
