#include "report/figures.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/source_files.hpp"

namespace rooflaw::app::report {

namespace {

/// The status of a command that writes where this process does.
int status_of(std::vector<std::string> words) {
  std::fflush(nullptr);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = -1;
  if (const int error = ::posix_spawn(&process, argv[0], nullptr, nullptr, argv.data(), ::environ);
      error != 0)
    throw Error(fmt::format("{} cannot be started: {}", words[0], std::strerror(error)));
  int status = -1;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

void draw_figures(const FigureRequest& request) {
  const auto& [result, folder, kind, budgets, force, unsealed] = request;
  // What may look like an option stands behind "--".
  std::vector<std::string> words{"/usr/bin/env", "python3",
                                 "-B",           io::shipped_file("results/plot_figures.py"),
                                 "--format",     kind};
  for (const auto& budget : budgets) {
    if (budget.objective == model::Objective::memory) continue;
    words.emplace_back("--budget");
    words.push_back(fmt::format("{}={}{}", to_string(budget.objective), budget.bound,
                                budget.objective == model::Objective::energy ? "J" : "s"));
  }
  if (force) words.emplace_back("--force");
  if (unsealed) words.emplace_back("--unsealed");
  words.insert(words.end(), {"--", result, folder});
  constexpr int not_found = 127;  // as env says it
  const int status = status_of(words);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(
      WIFEXITED(status) && WEXITSTATUS(status) == not_found
          ? "figures need python3 with h5py and matplotlib (Debian: python3-h5py "
            "python3-matplotlib); there is no python3"
          : fmt::format("the {} figures of {} were not made: python3 says why above", kind, result),
      ExitCode::file_error);
}

}  // namespace rooflaw::app::report
