#include "rooflaw/io/portfolio_file.hpp"

#include <fmt/format.h>

#include "portfolio_columns.hpp"

namespace rooflaw::io {

namespace {

const std::string top = "/portfolio";
const std::string laws = top + "/laws";

}  // namespace

void write_portfolio(const std::string& path, const Job& job, const search::PortfolioResult& result,
                     const RunRecord& run, const std::function<void()>& last_look) {
  format::Hdf5File made(path);
  format::Hdf5Writer& file = made.writer();
  write_study(file, study_of(job));
  write_inputs(file, job);
  file.group(top);
  file.attribute(top, "objective", std::string(to_string(result.objective)));
  for (const auto& law : result.by_law) {
    const std::string group = laws + "/" + law.law;
    write_table(file, group + "/targets", portfolio_target_columns(), law.targets);
    write_table(file, group + "/choices", portfolio_choice_columns(), law.choices);
    write_table(file, group + "/architectures", portfolio_architecture_columns(),
                law.architectures);
    write_table(file, group + "/runs", portfolio_run_columns(), law.runs);
  }
  if (result.by_law.size() > 1) {
    write_table(file, top + "/robust", robust_columns(), result.robust);
    file.attribute(top + "/robust", "certified", std::int64_t{0});
    write_table(file, top + "/law_regrets", law_regret_columns(), result.regrets);
  }
  write_targets(file, result.targets);
  write_run_record(file, run);
  made.keep(last_look);
}

bool has_portfolio(const format::Hdf5Reader& file) { return file.has(top); }

search::PortfolioResult read_portfolio(const format::Hdf5Reader& file) {
  search::PortfolioResult result;
  const auto objective = format::attribute_as<std::string>(file, top, "objective");
  const auto known = search::portfolio_objective_from(objective);
  if (!known)
    throw FileError(file.file(), fmt::format("{}@objective: \"{}\" is none", top, objective));
  result.objective = *known;
  result.targets = read_table(file, "/targets", target_columns());
  for (const auto& id : file.groups(laws)) {
    const std::string group = laws + "/" + id;
    auto& law = result.by_law.emplace_back();
    law.law = id;
    law.targets = read_table(file, group + "/targets", portfolio_target_columns());
    law.choices = read_table(file, group + "/choices", portfolio_choice_columns());
    law.architectures =
        read_table(file, group + "/architectures", portfolio_architecture_columns());
    law.runs = read_table(file, group + "/runs", portfolio_run_columns());
    if (law.targets.size() != result.targets.size())
      throw FileError(file.file(), fmt::format("{}/targets: has {} rows, /targets {}", group,
                                               law.targets.size(), result.targets.size()));
    for (const auto& run : law.runs)
      if (run.target < 0 || run.target >= static_cast<std::int64_t>(result.targets.size()))
        throw FileError(file.file(),
                        fmt::format("{}/runs/target: {} is no target", group, run.target));
  }
  if (result.by_law.empty()) throw FileError(file.file(), laws + ": has no law");
  if (!file.has(top + "/robust")) return result;
  result.robust = read_table(file, top + "/robust", robust_columns());
  result.regrets = read_table(file, top + "/law_regrets", law_regret_columns());
  return result;
}

std::string as_portfolio_job(const std::string& job_toml) {
  return job_toml + "\n[rooflaw]\ncommand = \"portfolio\"\n";
}

}  // namespace rooflaw::io
