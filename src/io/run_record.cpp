#include "rooflaw/io/run_record.hpp"

#include <set>

#include "rooflaw/core/here_and_now.hpp"

namespace rooflaw::io {

namespace {

const std::string group = "/runtime";
const std::string phase_prefix = "seconds_";

}  // namespace

void write_runtime(format::Hdf5Writer& file, const RunRecord& run) {
  file.group(group);
  file.attribute(group, "ranks", run.ranks);
  for (const auto& [phase, seconds] : run.seconds)
    file.attribute(group, phase_prefix + phase, seconds);
  file.attribute(group, "host", host_name());
  file.attribute(group, "created_utc", utc_now(Resolution::seconds));
  file.attribute(group, "points_scored", run.points_scored);
  for (const auto& [name, count] : run.counts) file.attribute(group, name, count);
  file.attribute(group, "messages", run.messages);
}

RunRecord read_run_record(const format::Hdf5Reader& file) {
  RunRecord run;
  run.command_line = format::attribute_as<std::string>(file, "/", "command_line");
  run.complete = format::attribute_as<std::int64_t>(file, "/", "complete") != 0;
  run.ranks = format::attribute_as<std::int64_t>(file, group, "ranks");
  run.points_scored = format::attribute_as<std::int64_t>(file, group, "points_scored");
  run.messages = format::attribute_as<std::string>(file, group, "messages");
  const std::set<std::string> read{"ranks", "points_scored", "messages", "host", "created_utc"};
  for (const auto& name : file.attributes(group)) {
    if (read.contains(name)) continue;
    if (name.starts_with(phase_prefix))
      run.seconds[name.substr(phase_prefix.size())] =
          format::attribute_as<double>(file, group, name);
    else
      run.counts[name] = format::attribute_as<std::int64_t>(file, group, name);
  }
  return run;
}

}  // namespace rooflaw::io
