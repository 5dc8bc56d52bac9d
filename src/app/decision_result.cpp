// Decisions from a result file.

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/app/decision.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/words.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/io/result_setting.hpp"
#include "rooflaw/search/comparison.hpp"

namespace rooflaw::app {

namespace {

using model::Objective;

/// Names of the command line that the result has not.
void require_known(const format::Hdf5Reader& file, const char* option,
                   const std::vector<std::string>& asked,
                   const std::vector<search::TargetInfo>& targets,
                   std::string search::TargetInfo::*part) {
  std::vector<std::string> known;
  for (const auto& target : targets)
    if (std::find(known.begin(), known.end(), target.*part) == known.end())
      known.push_back(target.*part);
  std::vector<InputFault> faults;
  for (const auto& name : asked)
    if (std::find(known.begin(), known.end(), name) == known.end())
      faults.push_back(
          {.file = "command line",
           .key = option,
           .value = name,
           .rule = fmt::format("is none of {}, which has {}", file.file(), fmt::join(known, ", ")),
           .hint = format::did_you_mean(name, known)});
  if (!faults.empty()) throw InputError(std::move(faults));
}

bool is_asked(const std::vector<std::string>& asked, const std::string& name) {
  return asked.empty() || std::find(asked.begin(), asked.end(), name) != asked.end();
}

/// The search that the result is of, for a command to be typed: its job and settings, as far as
/// the record of the words tells where each ends.
std::string search_of(const format::Hdf5Reader& file) {
  std::istringstream line(format::attribute_as<std::string>(file, "/", "command_line"));
  std::string job = "JOB.toml", settings, setting, word;
  bool is_setting = false;
  const auto end_setting = [&] {
    if (!setting.empty()) settings += fmt::format(" --set '{}'", setting);
    setting.clear();
    is_setting = false;
  };
  while (line >> word) {
    if (word.starts_with("-")) {
      end_setting();
      is_setting = word == "--set" || word.starts_with("--set=");
      if (word.starts_with("--set=")) setting = word.substr(6);
    } else if (is_setting && (setting.empty() || !word.ends_with(".toml"))) {
      setting += (setting.empty() ? "" : " ") + word;
    } else if (word.ends_with(".toml")) {
      end_setting();
      job = word;
    }
  }
  end_setting();
  return job + settings;
}

/// Some quantities no search of these devices and workloads has.
void require_applies(const format::Hdf5Reader& file, const io::StudySetting& setting,
                     const std::vector<Contested>& targets, Objective objective) {
  const bool applies = std::any_of(targets.begin(), targets.end(), [&](const Contested& c) {
    return model::applies(objective, io::read_deployment(file, setting, c.info).scenario);
  });
  if (applies) return;
  throw Error(fmt::format("{}: {}", file.file(),
                          objective == Objective::energy
                              ? "no energy is known: the devices state no prefill_power and "
                                "decode_power"
                              : fmt::format("its workloads have no {}", to_string(objective))),
              ExitCode::bad_input);
}

std::string value_text(const model::Limit& limit) {
  return limit.objective == Objective::memory   ? readable_bytes(limit.bound)
         : limit.objective == Objective::energy ? readable_count(limit.bound, "J")
                                                : readable_seconds(limit.bound);
}

/// What to add to the job for a result that answers.
std::string setting_for(const model::Limit& limit) {
  if (limit.objective == Objective::memory)
    return fmt::format("targets.memory_budget={:.17g}", limit.bound);
  return fmt::format("targets.latency=[\"{}\"]", to_string(limit.objective));
}

[[noreturn]] void refuse(const format::Hdf5Reader& file, const model::Limit& limit) {
  throw Error(
      fmt::format("{} was not searched under {} {}, and what its frontiers leave out may be better "
                  "there. This search answers:\n  rooflaw search {} --set '{}' -o OTHER.h5",
                  file.file(), to_string(limit.objective), value_text(limit),
                  printable(search_of(file)), setting_for(limit)),
      ExitCode::bad_input);
}

bool is_searched_under(const search::TargetInfo& target, const model::Limits& limits,
                       const model::Limit& asked) {
  constexpr double same = 1e-9;  // of what was rounded to be typed
  const double bound = limits.of(asked.objective);
  if (target.objective == asked.objective) return true;
  return std::abs(bound - asked.bound) <= same * asked.bound;
}

}  // namespace

std::vector<Decision> decisions(const format::Hdf5Reader& file, const DecisionQuestion& question) {
  const auto setting = io::read_setting(file);
  const auto targets = io::read_targets(file);
  require_known(file, "--device", question.devices, targets, &search::TargetInfo::device);
  require_known(file, "--precision", question.precisions, targets, &search::TargetInfo::precision);
  require_known(file, "--workload", question.workloads, targets, &search::TargetInfo::workload);

  // The rows of one target at a time: a large result has hundreds of thousands.
  std::vector<Contested> contested;
  std::deque<search::FrontierPoints> frontiers;
  for (const auto& target : targets) {
    if (!is_asked(question.devices, target.device) ||
        !is_asked(question.precisions, target.precision) ||
        !is_asked(question.workloads, target.workload))
      continue;
    const auto found = io::read_frontiers(file, target);
    io::require_frontiers(file, found);  // budgets are looked up in their order
    auto& c = contested.emplace_back(
        Contested{.info = target,
                  .memory = io::budget_name(setting, target),
                  .limits = io::read_deployment(file, setting, target).limits,
                  .loss_uncertainty = io::read_loss_uncertainty(file, target.precision),
                  .frontier = frontiers.emplace_back(search::points_of(found.rows)),
                  .in_range = {}});
    if (found.in_range)
      c.in_range = frontiers.emplace_back(search::points_of(found.in_range->rows));
  }

  // What is no objective narrows the targets to those that were searched under it.
  std::vector<model::Limit> asked;
  for (const auto& limit : question.budgets) {
    const bool is_objective = std::any_of(contested.begin(), contested.end(), [&](const auto& c) {
      return c.info.objective == limit.objective;
    });
    if (is_objective) {
      asked.push_back(limit);
      continue;
    }
    if (!contested.empty()) require_applies(file, setting, contested, limit.objective);
    std::erase_if(contested,
                  [&](const Contested& c) { return !is_searched_under(c.info, c.limits, limit); });
    if (contested.empty()) refuse(file, limit);
  }

  std::vector<Decision> all;
  std::optional<search::TargetResult> read;
  for (const auto& pick : picks(contested, asked)) {
    const auto& target = contested[pick.target];
    if (!read || !(read->target == target.info)) read = io::read_frontiers(file, target.info);
    Found found;
    take(found, pick, *read, 0);
    all.push_back(decide(target, pick, found));
  }
  return all;
}

}  // namespace rooflaw::app
