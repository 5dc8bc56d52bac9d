#pragma once
// The frozen jobs of jobs/, and parts of them.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rooflaw/io/job_file.hpp"

namespace rooflaw::bench {

/// @param overrides  "table.key=value", as of --set
inline io::Job read_job(const std::string& name, const std::vector<std::string>& overrides = {}) {
  io::SourceFiles files;
  const std::string path = fmt::format("{}/{}.toml", ROOFLAW_BENCH_JOBS, name);
  return io::read_job(files, path, overrides, io::OutputKey::optional);
}

/// Only the targets whose id begins so, as if the job had named no other.
inline search::Question only_targets(const search::Question& all, std::string_view beginning) {
  search::Question some = all;
  some.deployments.clear();
  some.targets.clear();
  std::size_t taken = all.deployments.size();  // the deployment taken last
  for (search::Target target : all.targets) {
    if (!target.id.starts_with(beginning)) continue;
    if (target.deployment != taken) some.deployments.push_back(all.deployments[target.deployment]);
    taken = std::exchange(target.deployment, some.deployments.size() - 1);
    some.targets.push_back(std::move(target));
  }
  return some;
}

}  // namespace rooflaw::bench
