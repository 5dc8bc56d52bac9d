#include "rooflaw/io/merge.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "merge_targets.hpp"
#include "rooflaw/io/replace.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::io {

namespace {

/// All that must be the same in results that are merged, but for the texts of the inputs.
format::KeyValues settings_of(const MergeInput& input) {
  format::KeyValues settings = format::key_values_in(input.job);
  settings.erase("job.name");
  settings.erase("job.output");
  // A law alone is the list of it.
  if (const toml::array* laws = input.job["law"]["id"].as_array(); laws && laws->size() == 1)
    settings["law.id"] = format::to_line(laws->front());
  for (const char* list : target_lists) settings.erase(fmt::format("targets.{}", list));
  // As they were, also where a job leaves them to their defaults.
  const StudyRecord& study = input.study;
  settings["job.seed"] = fmt::format("{}", study.seed);
  settings["search.strategy"] = fmt::format("\"{}\"", study.strategy);
  settings["program_version"] = fmt::format("\"{}\"", study.program_version);
  settings["git_commit"] = fmt::format("\"{}\"", study.git_commit);
  return settings;
}

void compare_settings(const std::vector<MergeInput>& inputs, std::vector<InputFault>& faults) {
  const format::KeyValues first = settings_of(inputs.front());
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const format::KeyValues other = settings_of(inputs[i]);
    format::KeyValues all = first;
    all.insert(other.begin(), other.end());
    const auto in = [](const format::KeyValues& settings, const std::string& name) {
      const auto found = settings.find(name);
      return found == settings.end() ? std::string("not set") : found->second;
    };
    for (const auto& [name, value] : all)
      if (in(first, name) != in(other, name))
        faults.push_back({.file = names(inputs.front(), inputs[i]),
                          .key = name,
                          .value = in(first, name) + " and " + in(other, name),
                          .rule = "must be the same in results that are merged"});
  }
}

/// Of every table used, by path, the first result that has it.
using TablesUsed = std::map<std::string, const MergeInput*>;

TablesUsed compare_tables(const std::vector<MergeInput>& inputs, std::vector<InputFault>& faults) {
  TablesUsed tables;
  for (const auto& input : inputs)
    for (const auto& kind : input.file.groups("/inputs"))
      for (const auto& id : input.file.datasets("/inputs/" + kind)) {
        const std::string path = fmt::format("/inputs/{}/{}", kind, id);
        const auto [first, is_new] = tables.emplace(path, &input);
        if (!is_new && first->second->file.text(path) != input.file.text(path))
          faults.push_back({.file = names(*first->second, input),
                            .key = path,
                            .rule = "the texts differ; they must be the same"});
      }
  return tables;
}

RunRecord joined_run(const std::vector<MergeInput>& inputs, const std::string& command_line) {
  RunRecord joined;
  joined.command_line = command_line;
  joined.complete = true;
  std::string notes;
  for (const auto& input : inputs) {
    const RunRecord run = read_run_record(input.file);
    joined.ranks = std::max(joined.ranks, run.ranks);
    joined.points_scored += run.points_scored;
    for (const auto& [name, count] : run.counts) joined.counts[name] += count;
    for (const auto& [phase, seconds] : run.seconds) joined.seconds[phase] += seconds;
    joined.complete = joined.complete && run.complete;
    joined.messages += (joined.messages.empty() ? "merged from " : ", ") + input.file.file();
    if (!run.messages.empty()) notes += fmt::format("; {}: {}", input.file.file(), run.messages);
  }
  joined.messages += notes;
  return joined;
}

bool is_one_of(const std::vector<std::string>& paths, const std::string& output) {
  std::error_code absent;
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    return std::filesystem::equivalent(path, output, absent);
  });
}

}  // namespace

void write_merged(const std::vector<std::string>& paths, const std::string& output,
                  const std::string& command_line, const MergeOptions& options) {
  std::vector<MergeInput> inputs;
  for (const auto& path : paths) inputs.push_back(open_merge_input(path, options.seal));
  std::vector<InputFault> faults;
  compare_settings(inputs, faults);
  const TablesUsed tables = compare_tables(inputs, faults);
  compare_lists(inputs, faults);
  const auto targets = joined_targets(inputs, faults);
  if (!faults.empty()) throw InputError(std::move(faults));

  StudyRecord study = inputs.front().study;
  study.job_toml = format::to_text(joined_job(inputs, output));
  const Place before(output);
  const auto may_replace = [&] {
    require_result_or_nothing(output);
    if (options.replaced == Replaced::own)
      require_same_job(output, study.job_toml, [](const std::string& path) {
        return read_study(open_result(path)).job_toml;
      });
  };
  if (!is_one_of(paths, output)) may_replace();
  format::Hdf5File result(output);
  format::Hdf5Writer& file = result.writer();
  write_study(file, study);
  for (const auto& [path, input] : tables)
    write_input(file, path, input->file.text(path),
                format::attribute_as<std::string>(input->file, path, "file"));
  std::vector<search::TargetInfo> infos;
  for (const auto& place : targets) {
    const MergeInput& input = inputs[place.input];
    infos.push_back(input.targets[place.row]);
    for (const auto& law : input.file.groups("/frontiers")) {
      search::TargetInfo target = infos.back();
      target.law = law;
      write_target(file, read_target(input.file, target));
    }
  }
  write_targets(file, infos);
  write_run_record(file, joined_run(inputs, command_line));
  result.keep([&] {
    if (options.last_look) options.last_look();
    if (!before.is_as_it_was()) may_replace();
  });
}

}  // namespace rooflaw::io
