#pragma once
// Who holds a claim, and whether that run is still there.

#include <cstdint>
#include <optional>
#include <string>

namespace rooflaw::format {

struct Holder {
  std::string host;
  std::string machine;        // /etc/machine-id
  std::string boot;           // the kernel's boot_id: one for all containers of a machine
  std::string pid_namespace;  // a number of a process counts within it only
  std::int64_t process = 0;
  std::uint64_t started = 0;  // clock ticks since boot; 0 where /proc does not say
  bool locked = false;        // the claim is locked as long as the process lives
  std::string slurm_job;
  std::string slurm_cluster;
  std::int64_t slurm_restarts = 0;
  std::string since;  // UTC
  std::string command;
};

Holder this_process(const std::string& command);

std::string to_text(const Holder& holder);
/// nullopt for what no claim says.
std::optional<Holder> holder_from(const std::string& text);

/// "process 12 on n1 (Slurm job 5), since 2026-11-26T01:02:03Z: rooflaw search job.toml"
std::string description(const Holder& holder);

struct Verdict {
  bool gone = false;  // provably
  std::string why;
};
/// @param lock_is_free  nobody has the claim locked
Verdict judge(const Holder& holder, const Holder& me, bool lock_is_free);

}  // namespace rooflaw::format
