#include "rooflaw/io/result_file.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "result_columns.hpp"
#include "rooflaw/core/version.hpp"
#include "rooflaw/format/sha256.hpp"

namespace rooflaw::io {

namespace {

constexpr auto filetype = "rooflaw-result";

std::string group_of(const char* kind, const search::TargetInfo& target) {
  return fmt::format("/{}/{}/{}", kind, target.law, target.id);
}

}  // namespace

StudyRecord study_of(const Job& job) {
  const search::Question& question = job.question;
  return {.program_version = std::string(program_version()),
          .git_commit = std::string(git_commit()),
          .job_toml = job.text,
          .strategy = std::string(to_string(job.method)),
          .seed = static_cast<std::int64_t>(question.seed),
          .points_in_space = question.space.continuous ? 0 : search::valid_count(question.space)};
}

namespace {

void write_opinions(format::Hdf5Writer& file, const search::TargetResult& result,
                    const format::Run& run) {
  for (const auto& opinion : result.opinions->by_law) {
    search::TargetInfo target = result.target;
    target.law = opinion.law;
    write_rows(file, group_of("opinions", target), opinion_columns(), opinion.rows, run);
    if (run.first > 0) continue;
    write_attributes(file, group_of("opinions", target), opinion_attributes(), opinion);
    file.attribute(group_of("opinions", target), "law", result.target.law);
    write_table(file, group_of("decisions", target), choice_columns(), opinion.choices);
  }
  if (run.first == 0 && !result.opinions->least_regret.empty())
    write_table(file, group_of("least_regret", result.target), choice_columns(),
                result.opinions->least_regret);
}

/// The law whose frontier the opinions are on comes first, as it was written.
std::optional<search::Opinions> read_opinions(const format::Hdf5Reader& file,
                                              const search::TargetInfo& target) {
  std::optional<search::Opinions> opinions;
  if (!file.has("/opinions")) return opinions;
  for (const auto& law : file.groups("/opinions")) {
    search::TargetInfo other = target;
    other.law = law;
    const auto path = group_of("opinions", other);
    if (!file.has(path) || format::attribute_as<std::string>(file, path, "law") != target.law)
      continue;
    if (!opinions) opinions.emplace();
    auto& opinion = *opinions->by_law.insert(
        law == target.law ? opinions->by_law.begin() : opinions->by_law.end(), {.law = law});
    opinion.rows = read_table(file, path, opinion_columns());
    read_attributes(file, path, opinion_attributes(), opinion);
    opinion.choices = read_table(file, group_of("decisions", other), choice_columns());
  }
  if (const auto path = group_of("least_regret", target); opinions && file.has(path))
    opinions->least_regret = read_table(file, path, choice_columns());
  return opinions;
}

}  // namespace

void write_part(format::Hdf5Writer& file, const search::TargetResult& part, const Part& place) {
  const auto group = [&](const char* kind) { return group_of(kind, part.target); };
  const bool is_first = place.first == 0;
  const format::Run run{place.first, place.rows};
  write_rows(file, group("frontiers"), row_columns(), part.rows, run);
  if (is_first) write_attributes(file, group("frontiers"), frontier_attributes(), part);
  if (part.in_range) {
    write_rows(file, group("frontiers_in_range"), row_columns(), part.in_range->rows,
               {place.first, place.rows_in_range});
    if (is_first)
      write_attributes(file, group("frontiers_in_range"), in_range_attributes(), *part.in_range);
  }
  if (is_first && part.refined) {
    write_table(file, group("refined"), row_columns(), part.refined->rows);
    write_attributes(file, group("refined"), refined_attributes(), *part.refined);
  }
  write_rows(file, group("sensitivity"), sensitivity_columns(), part.sensitivity, run);
  write_rows(file, group("theory"), theory_columns(), part.theory, run);
  if (part.resamples) {
    write_rows(file, group("resamples"), resample_columns(), part.resamples->rows, run);
    if (is_first)
      write_attributes(file, group("resamples"), resample_attributes(), *part.resamples);
  }
  if (part.opinions) write_opinions(file, part, run);
  if (part.intensity) {
    const std::string path = intensity_group(part.target);
    write_rows(file, path, intensity_columns(), *part.intensity, run);
    if (is_first) file.attribute(path, "law", part.target.law);
  }
}

search::TargetInfo write_target(format::Hdf5Writer& file, const search::TargetResult& result) {
  write_part(file, result,
             {.first = 0,
              .rows = result.rows.size(),
              .rows_in_range = result.in_range ? result.in_range->rows.size() : 0});
  return result.target;
}

void write_input(format::Hdf5Writer& file, const std::string& path, const std::string& text,
                 const std::string& from) {
  file.text(path, text);
  file.attribute(path, "sha256", format::sha256_hex(text));
  file.attribute(path, "file", from);
}

void write_inputs(format::Hdf5Writer& file, const Job& job) {
  for (const auto& input : job.inputs)
    write_input(file, fmt::format("/inputs/{}/{}", input.kind, input.id), input.text, input.file);
}

void write_result(const std::string& path, const Job& job,
                  const TargetWriter& target,
                  const RunRecord& run, const std::function<void()>& last_look) {
  format::Hdf5File result(path);
  format::Hdf5Writer& file = result.writer();
  write_study(file, study_of(job));
  write_inputs(file, job);
  std::vector<search::TargetInfo> targets;
  for (std::size_t i = 0; i < job.question.targets.size(); ++i) {
    auto info = target(file, i);
    // Laws are groups, no column: a target stands once.
    if (job.question.targets[i].law == 0) targets.push_back(std::move(info));
  }
  write_targets(file, targets);
  write_run_record(file, run);  // last, since `target` takes time too
  result.keep(last_look);
}

void write_study(format::Hdf5Writer& file, const StudyRecord& study) {
  file.attribute("/", "filetype", std::string(filetype));
  file.attribute("/", "format_version",
                 std::vector<std::int64_t>{result_format_major, result_format_minor});
  write_attributes(file, "/", study_attributes(), study);
}

void write_targets(format::Hdf5Writer& file, const std::vector<search::TargetInfo>& targets) {
  write_table(file, "/targets", target_columns(), targets);
}

format::Hdf5Reader open_result(const std::string& path, format::Seal seal) {
  format::Hdf5Reader file(path, seal);
  if (const auto names = file.attributes("/");
      std::find(names.begin(), names.end(), "filetype") == names.end() ||
      file.attribute("/", "filetype") != format::Attribute(std::string(filetype)))
    throw FileError(path, "is no result of rooflaw");
  const auto version = format::attribute_as<std::vector<std::int64_t>>(file, "/", "format_version");
  if (version.size() != 2) throw FileError(path, "has no format version");
  if (version[0] != result_format_major || version[1] < result_format_minor)
    throw FileError(
        path, fmt::format("has format version {}.{}; this program reads version {}, from {}.{} on",
                          version[0], version[1], result_format_major, result_format_major,
                          result_format_minor));
  return file;
}

StudyRecord read_study(const format::Hdf5Reader& file) {
  StudyRecord study;
  read_attributes(file, "/", study_attributes(), study);
  return study;
}

std::vector<search::TargetInfo> read_targets(const format::Hdf5Reader& file) {
  const auto targets = read_table(file, "/targets", target_columns());
  std::vector<search::TargetInfo> all;
  if (!file.has("/frontiers") && file.has("/portfolio"))
    throw FileError(file.file(),
                    "is the result of rooflaw portfolio, which has no frontiers; rooflaw inspect "
                    "shows it, and rooflaw search finds the frontiers of its job");
  for (const auto& law : file.groups("/frontiers"))
    for (const auto& target : targets) all.emplace_back(target).law = law;
  return all;
}

namespace {

/// Are the sizes such as a reader of architectures lets in?
bool has_sound_sizes(const search::Row& row) {
  bool sound = true;
  search::for_each_column([&](const char*, const char*, auto field, auto) {
    if constexpr (std::is_same_v<decltype(field), std::int64_t search::Row::*>)
      if (field != &search::Row::index)
        sound = sound && row.*field >= 0 && row.*field <= format::largest_size;
  });
  return sound;
}

void require_beside(const format::Hdf5Reader& file, const std::string& path, std::size_t rows,
                    const search::TargetResult& result) {
  if (rows != result.rows.size())
    throw FileError(file.file(), fmt::format("{}: has {} rows, the frontier {}", path, rows,
                                             result.rows.size()));
}

}  // namespace

void require_frontier(const format::Hdf5Reader& file, const std::string& group,
                      const std::vector<search::Row>& rows) {
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const bool sound =
        rows[r].objective > 0.0 && std::isfinite(rows[r].objective) && std::isfinite(rows[r].loss);
    const bool in_order =
        r == 0 || (rows[r].objective > rows[r - 1].objective && rows[r].loss < rows[r - 1].loss);
    if (!has_sound_sizes(rows[r]))
      throw FileError(file.file(), fmt::format("{}: row {} is no architecture", group, r));
    if (!sound || !in_order)
      throw FileError(file.file(), fmt::format("{}: is no frontier: the objective must rise from "
                                               "row to row and the loss fall, but not in row {}",
                                               group, r));
  }
}

void require_frontiers(const format::Hdf5Reader& file, const search::TargetResult& result) {
  require_frontier(file, group_of("frontiers", result.target), result.rows);
  if (result.in_range)
    require_frontier(file, group_of("frontiers_in_range", result.target), result.in_range->rows);
}

search::TargetResult read_frontiers(const format::Hdf5Reader& file,
                                    const search::TargetInfo& target) {
  const auto group = [&](const char* kind) { return group_of(kind, target); };
  search::TargetResult result{.target = target};
  result.rows = read_table(file, group("frontiers"), row_columns());
  read_attributes(file, group("frontiers"), frontier_attributes(), result);
  if (file.has("/frontiers_in_range/" + target.law)) {
    auto& in_range = result.in_range.emplace();
    in_range.rows = read_table(file, group("frontiers_in_range"), row_columns());
    read_attributes(file, group("frontiers_in_range"), in_range_attributes(), in_range);
  }
  if (file.has("/refined")) {
    auto& refined = result.refined.emplace();
    refined.rows = read_table(file, group("refined"), row_columns());
    read_attributes(file, group("refined"), refined_attributes(), refined);
  }
  result.sensitivity = read_table(file, group("sensitivity"), sensitivity_columns());
  require_beside(file, group("sensitivity"), result.sensitivity.size(), result);
  return result;
}

search::TargetResult read_target(const format::Hdf5Reader& file, const search::TargetInfo& target) {
  const auto group = [&](const char* kind) { return group_of(kind, target); };
  search::TargetResult result = read_frontiers(file, target);
  result.theory = read_table(file, group("theory"), theory_columns());
  if (const auto path = group("resamples"); file.has(path)) {
    auto& resamples = result.resamples.emplace();
    resamples.rows = read_table(file, path, resample_columns());
    read_attributes(file, path, resample_attributes(), resamples);
  }
  result.opinions = read_opinions(file, target);
  if (const auto path = intensity_group(target);
      file.has(path) && format::attribute_as<std::string>(file, path, "law") == target.law)
    result.intensity = read_table(file, path, intensity_columns());
  const auto beside = [&](const std::string& path, std::size_t rows) {
    require_beside(file, path, rows, result);
  };
  beside(group("theory"), result.theory.size());
  if (result.resamples) beside(group("resamples"), result.resamples->rows.size());
  if (result.opinions)
    for (const auto& opinion : result.opinions->by_law)
      beside("/opinions/" + opinion.law + "/" + target.id, opinion.rows.size());
  if (result.intensity) beside(intensity_group(target), result.intensity->size());
  return result;
}

std::string intensity_group(const search::TargetInfo& target) { return "/intensity/" + target.id; }

std::vector<ResultTable> result_tables(const format::Hdf5Reader& file, const std::string& kind) {
  std::vector<ResultTable> tables;
  const std::string top = "/" + kind;
  if (!file.has(top)) return tables;
  for (const auto& law : file.groups(top))
    for (const auto& target : file.groups(top + "/" + law))
      tables.push_back({top + "/" + law + "/" + target, law, target});
  return tables;
}

}  // namespace rooflaw::io
