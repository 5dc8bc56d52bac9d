#include "apart.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "rooflaw/io/portfolio_file.hpp"

namespace rooflaw::app {

namespace {

constexpr rlim_t bytes_at_least = rlim_t{128} << 20;
constexpr rlim_t bytes_per_byte = 8;
constexpr rlim_t seconds_at_least = 10;
constexpr rlim_t seconds_per_mib = 5;

rlim_t size_of(const std::vector<std::string>& files) {
  rlim_t size = 0;
  for (const auto& file : files) {
    std::error_code absent;
    const auto bytes = std::filesystem::file_size(file, absent);
    if (!absent) size += bytes;
  }
  return size;
}

/// Of this process so far: program and libraries.
std::optional<rlim_t> mapped_bytes() {
  rlim_t pages = 0;
  if (!(std::ifstream("/proc/self/statm") >> pages)) return std::nullopt;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

/// A limit that was lower stays.
void limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit current{};
  if (::getrlimit(resource, &current) != 0) return;
  current.rlim_cur = std::min(current.rlim_cur, most);
  ::setrlimit(resource, &current);
}

void bound_this_process(rlim_t size) {
  limit(RLIMIT_CORE, 0);  // a crash is expected
  limit(RLIMIT_CPU, seconds_at_least + (size >> 20) * seconds_per_mib);
#ifndef __SANITIZE_ADDRESS__  // which maps terabytes as it goes
  if (const auto mapped = mapped_bytes())
    limit(RLIMIT_AS, *mapped + bytes_at_least + size * bytes_per_byte);
#endif
}

std::string named(const std::vector<std::string>& files) {
  constexpr std::size_t most = 3;
  if (files.size() == 1) return files.front();
  const auto first = std::span(files).first(std::min(most, files.size()));
  const std::string more =
      files.size() > most ? fmt::format(" and {} more", files.size() - most) : "";
  return fmt::format("one of {}{}", fmt::join(first, ", "), more);
}

/// In the child; what belongs to the parent, files and locks, is left to it.
[[noreturn]] void run_as_child(const std::vector<std::string>& files,
                               const std::function<ExitCode()>& work) {
  bound_this_process(size_of(files));
  const ExitCode code = run_to_end([&] {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      throw FileError(named(files),
                      "takes more memory than a result of its size: it is damaged, or the memory "
                      "is limited (ulimit -v)");
    }
  });
  std::_Exit(static_cast<int>(code));
}

bool is_crash(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE ||
         signal == SIGILL;
}

ExitCode outcome(int status, const std::vector<std::string>& files) {
  if (WIFEXITED(status)) return static_cast<ExitCode>(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  if (is_crash(signal))
    throw FileError(named(files), "is damaged: libhdf5 could not read it and crashed");
  if (signal == SIGXCPU)
    throw FileError(named(files),
                    "takes more time than a result of its size: it is damaged, or the time is "
                    "limited (ulimit -t)");
  throw EndedBySignal(signal);
}

/// Signals while there is a child: waited for here, passed on.
class Signals {
 public:
  Signals() {
    std::signal(SIGCHLD, SIG_DFL);
    sigemptyset(&waited_for_);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM})
      sigaddset(&waited_for_, signal);
    ::sigprocmask(SIG_BLOCK, &waited_for_, &before_);
  }
  ~Signals() { unblock(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void unblock() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  int next() const {
    int signal = 0;
    return sigwait(&waited_for_, &signal) == 0 ? signal : 0;
  }

 private:
  sigset_t waited_for_;
  sigset_t before_;
};

}  // namespace

ExitCode read_apart(const std::vector<std::string>& files, const std::function<ExitCode()>& work) {
  std::fflush(nullptr);  // or both would print what is there
  int status = 0;
  {
    const Signals signals;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) throw Error(fmt::format("no process can be made: {}", std::strerror(errno)));
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) std::_Exit(static_cast<int>(ExitCode::internal_error));
      signals.unblock();
      run_as_child(files, work);
    }
    while (::waitpid(child, &status, WNOHANG) != child)
      if (const int signal = signals.next(); signal != 0 && signal != SIGCHLD)
        ::kill(child, signal);
  }
  return outcome(status, files);
}

namespace {

/// A second run of this program, whose output is read.
class SecondRun {
 public:
  explicit SecondRun(std::vector<std::string> words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail();
    output_ = ends[0];
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int error =
        ::posix_spawn(&process_, "/proc/self/exe", &files, nullptr, argv.data(), ::environ);
    posix_spawn_file_actions_destroy(&files);
    ::close(ends[1]);
    if (error != 0) {
      ::close(output_);
      errno = error;
      fail();
    }
  }
  ~SecondRun() {
    ::close(output_);
    if (process_ < 0) return;
    ::kill(process_, SIGTERM);
    wait();
  }
  SecondRun(const SecondRun&) = delete;
  SecondRun& operator=(const SecondRun&) = delete;

  std::string output(const std::function<void()>& look) const {
    constexpr int pause_ms = 100;
    std::string text;
    std::array<char, 1 << 16> block{};
    for (;;) {
      look();
      pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, pause_ms) <= 0) continue;
      const ssize_t size = ::read(output_, block.data(), block.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return text;
      text.append(block.data(), static_cast<std::size_t>(size));
    }
  }
  bool went_well() {
    const int status = wait();
    process_ = -1;
    return status == 0;
  }

 private:
  [[noreturn]] static void fail() {
    throw Error(fmt::format("the program cannot be started again: {}", std::strerror(errno)));
  }
  int wait() const {
    int status = -1;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  int output_ = -1;
  pid_t process_ = -1;
};

constexpr std::string_view own_prefix = "rooflaw: ";

}  // namespace

std::string job_of(const std::string& result, const std::function<void()>& look) {
  SecondRun reader({"rooflaw", "--job-of", result});
  std::string text = reader.output(look);
  if (reader.went_well()) return text;
  while (text.ends_with('\n')) text.pop_back();
  const std::string start = fmt::format("{}{}: ", own_prefix, result);
  throw FileError(result, text.starts_with(start) ? text.substr(start.size()) : text);
}

ExitCode print_job_of(const std::string& result) {
  return read_apart({result}, [&] {
    const auto file = io::open_result(result);
    const std::string job = io::read_study(file).job_toml;
    fmt::print("{}", io::has_portfolio(file) ? io::as_portfolio_job(job) : job);
    return ExitCode::done;
  });
}

}  // namespace rooflaw::app
