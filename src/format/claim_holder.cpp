#include "claim_holder.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::format {

namespace fs = std::filesystem;

namespace {

/// One list of the fields, for writing and for reading.
template <class Json, class Holder, class Visit>
void fields(Json& json, Holder& x, Visit visit) {
  visit(json, "host", x.host);
  visit(json, "machine", x.machine);
  visit(json, "boot", x.boot);
  visit(json, "pid_namespace", x.pid_namespace);
  visit(json, "process", x.process);
  visit(json, "started", x.started);
  visit(json, "locked", x.locked);
  visit(json, "slurm_job", x.slurm_job);
  visit(json, "slurm_cluster", x.slurm_cluster);
  visit(json, "slurm_restarts", x.slurm_restarts);
  visit(json, "since", x.since);
  visit(json, "command", x.command);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string link_text(const char* path) {
  std::error_code unreadable;
  return fs::read_symlink(path, unreadable).string();
}

/// Is /proc that of our own process numbers? In a new namespace it may be that of the one outside.
bool proc_is_ours() { return link_text("/proc/self") == std::to_string(::getpid()); }

struct Process {
  char state = '?';
  std::uint64_t started = 0;
};
std::optional<Process> process_at(const std::string& folder) {
  const std::string stat = first_line(folder + "/stat");
  const auto name_end = stat.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(stat.substr(name_end + 1));
  Process process;
  rest >> process.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) rest >> skipped;
  if (!(rest >> process.started)) return std::nullopt;
  return process;
}

/// Not where it cannot be seen: another user's /proc may be hidden.
bool has_ended(const Holder& holder) {
  if (::kill(static_cast<pid_t>(holder.process), 0) != 0 && errno == ESRCH) return true;
  const auto there = process_at(fmt::format("/proc/{}", holder.process));
  if (!there || holder.started == 0) return false;
  return there->started != holder.started || there->state == 'Z' || there->state == 'X';
}

/// What a command prints, errors included; nullopt if it cannot be run. `command` is of our making.
std::optional<std::string> output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      ::popen((command + " 2>&1").c_str(), "re"), ::pclose);
  if (!pipe) return std::nullopt;
  std::string text;
  std::array<char, 4096> block{};
  while (const std::size_t size = std::fread(block.data(), 1, block.size(), pipe.get()))
    if (text.size() < 1 << 16) text.append(block.data(), size);
  return text;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 20 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

std::string cluster_here() {
  if (const std::string name = environment("SLURM_CLUSTER_NAME"); !name.empty()) return name;
  std::istringstream lines(output_of("timeout 10 scontrol show config").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, equals, value;
    if (words >> key >> equals >> value && key == "ClusterName") return value;
  }
  return "";
}

/// One that Slurm has forgotten has ended long ago; but only Slurm itself can say so.
bool slurm_job_has_ended(const Holder& holder) {
  if (!is_number(holder.slurm_job) || holder.slurm_cluster.empty() ||
      cluster_here() != holder.slurm_cluster)
    return false;
  const auto said = output_of(
      fmt::format("timeout 10 squeue --noheader --states=all --format=%T -j {}", holder.slurm_job));
  if (!said) return false;
  if (said->find("Invalid job id specified") != std::string::npos) return true;
  constexpr std::array ended{"COMPLETED", "FAILED",        "CANCELLED", "TIMEOUT",  "NODE_FAIL",
                             "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "REVOKED"};
  std::istringstream lines(*said);
  std::string state, more;
  return lines >> state && !(lines >> more) &&
         std::find(ended.begin(), ended.end(), state) != ended.end();
}

/// As little as names a run, in a form that `holder_from` takes.
std::string shortened(const std::string& command) {
  constexpr std::size_t most = 300;
  std::string text = command.substr(0, most) + (command.size() > most ? "..." : "");
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, ' ');
  return text;
}

}  // namespace

Holder this_process(const std::string& command) {
  Holder me{.host = host_name(),
            .machine = first_line("/etc/machine-id"),
            .boot = first_line("/proc/sys/kernel/random/boot_id"),
            .pid_namespace = link_text("/proc/self/ns/pid"),
            .process = ::getpid(),
            .slurm_job = environment("SLURM_JOB_ID"),
            .slurm_cluster = environment("SLURM_CLUSTER_NAME"),
            .since = utc_now(Resolution::seconds),
            .command = shortened(command)};
  if (const auto process = process_at("/proc/self")) me.started = process->started;
  if (const auto restarts = environment("SLURM_RESTART_COUNT"); is_number(restarts))
    me.slurm_restarts = std::atoll(restarts.c_str());
  return me;
}

std::string to_text(const Holder& holder) {
  nlohmann::ordered_json json;
  fields(json, holder, [](auto& to, const char* name, const auto& x) { to[name] = x; });
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<Holder> holder_from(const std::string& text) {
  Holder holder;
  try {
    const auto json = nlohmann::json::parse(text);
    fields(json, holder,
           [](const auto& from, const char* name, auto& x) { from.at(name).get_to(x); });
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  const bool plain = is_plain_text(holder.host) && is_plain_text(holder.since) &&
                     is_plain_text(holder.command) &&
                     (holder.slurm_job.empty() || is_plain_text(holder.slurm_job));
  if (!plain || holder.process < 1 || holder.process > (std::int64_t{1} << 30)) return std::nullopt;
  return holder;
}

std::string description(const Holder& x) {
  const std::string job = x.slurm_job.empty() ? "" : fmt::format(" (Slurm job {})", x.slurm_job);
  return fmt::format("process {} on {}{}, since {}: {}", x.process, x.host, job, x.since,
                     x.command);
}

Verdict judge(const Holder& x, const Holder& me, bool lock_is_free) {
  if (!x.boot.empty() && x.boot == me.boot) {
    if (x.pid_namespace == me.pid_namespace && proc_is_ours())
      return has_ended(x) ? Verdict{true, "the process has ended"}
                          : Verdict{false, "it is running"};
    if (x.locked)
      return lock_is_free ? Verdict{true, "nobody has it locked any more"}
                          : Verdict{false, "it is running"};
  } else if (!x.machine.empty() && x.machine == me.machine && x.host == me.host) {
    return {true, "the machine has been started anew since"};
  }
  if (x.slurm_job.empty()) return {false, "whether it still runs cannot be told from here"};
  if (x.slurm_job == me.slurm_job && x.slurm_cluster == me.slurm_cluster &&
      x.slurm_restarts < me.slurm_restarts)
    return {true, "Slurm has started the job anew since"};
  if (slurm_job_has_ended(x)) return {true, "the Slurm job has ended"};
  return {false, "the Slurm job has not ended, as far as can be told from here"};
}

}  // namespace rooflaw::format
