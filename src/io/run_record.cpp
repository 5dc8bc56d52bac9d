#include "rooflaw/io/run_record.hpp"

#include <set>

#include "rooflaw/core/here_and_now.hpp"

namespace rooflaw::io {

namespace {

const std::string runtime = "/runtime";
const std::string phase_prefix = "seconds_";

void note_counts(const search::PlasCounts& counts, const std::string& prefix, RunRecord& run) {
  const auto& relaxations = counts.relaxations;
  const std::initializer_list<std::pair<const char*, std::int64_t>> all{
      {"rounds", counts.rounds},
      {"architectures_requested", counts.requested},
      {"architectures_scored", counts.scored},
      {"architectures_repeated", counts.repeated},
      {"relaxed_evaluations", relaxations.calls},
      {"relaxations", relaxations.solves},
      {"relaxations_out_of_evaluations", relaxations.out_of_evaluations},
      {"relaxations_failed", relaxations.failed},
      {"relaxations_infeasible", relaxations.infeasible}};
  for (const auto& [name, count] : all) run.counts[prefix + name] = count;
}

}  // namespace

void note_findings(const search::Findings& findings, RunRecord& run) {
  const auto& search = *findings.search;
  run.points_scored = search.pairs_scored;
  run.complete = search.complete;
  if (!run.complete) run.messages = "ended by search.max_seconds";
  for (const auto& [phase, seconds] : findings.seconds) run.seconds[phase] = seconds;
  note_serving(search.serving, run);
  if (search.plas) note_counts(*search.plas, "", run);
  if (findings.refined) note_counts(findings.refined->counts, "refine_", run);
}

void note_serving(const search::Serving& serving, RunRecord& run) {
  run.counts["messages_served"] += serving.messages;
  run.counts["bytes_served"] += serving.bytes;
  run.counts["requests_served"] += serving.requests;
  run.counts["news_served"] += serving.news;
  run.counts["news_bytes_served"] += serving.news_bytes;
  run.counts["looks_for_messages"] += serving.looks;
  run.seconds["news_cpu"] += serving.news_cpu_s;
  run.seconds["serving_cpu"] += serving.cpu_s;
  run.seconds["merging_cpu"] += serving.merging_cpu_s;
  run.seconds["search_cpu_of_rank_0"] += serving.of_cpu_s;
  run.seconds["search_cpu_of_all_ranks"] += serving.all_cpu_s;
}

void write_run_record(format::Hdf5Writer& file, const RunRecord& run) {
  file.attribute("/", "command_line", run.command_line);
  file.attribute("/", "complete", std::int64_t{run.complete});
  file.group(runtime);
  file.attribute(runtime, "ranks", run.ranks);
  for (const auto& [phase, seconds] : run.seconds)
    file.attribute(runtime, phase_prefix + phase, seconds);
  file.attribute(runtime, "host", host_name());
  file.attribute(runtime, "created_utc", utc_now(Resolution::seconds));
  file.attribute(runtime, "points_scored", run.points_scored);
  for (const auto& [name, count] : run.counts) file.attribute(runtime, name, count);
  file.attribute(runtime, "messages", run.messages);
}

RunRecord read_run_record(const format::Hdf5Reader& file) {
  RunRecord run;
  run.command_line = format::attribute_as<std::string>(file, "/", "command_line");
  run.complete = format::attribute_as<std::int64_t>(file, "/", "complete") != 0;
  run.ranks = format::attribute_as<std::int64_t>(file, runtime, "ranks");
  run.points_scored = format::attribute_as<std::int64_t>(file, runtime, "points_scored");
  run.messages = format::attribute_as<std::string>(file, runtime, "messages");
  const std::set<std::string> read{"ranks", "points_scored", "messages", "host", "created_utc"};
  for (const auto& name : file.attributes(runtime)) {
    if (read.contains(name)) continue;
    if (name.starts_with(phase_prefix))
      run.seconds[name.substr(phase_prefix.size())] =
          format::attribute_as<double>(file, runtime, name);
    else
      run.counts[name] = format::attribute_as<std::int64_t>(file, runtime, name);
  }
  return run;
}

}  // namespace rooflaw::io
