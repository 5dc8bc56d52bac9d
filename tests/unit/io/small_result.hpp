#pragma once
// A small sound result made by hand, and its parts one by one, to be changed and written again.

#include <functional>
#include <map>
#include <string>

#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"
#include "unit/io/job_text.hpp"

namespace rooflaw::testing {

/// Three rows, of which the middle one extrapolates, and one refined.
inline search::TargetResult small_result_of(const search::Question& question,
                                            const search::Target& target) {
  search::TargetResult result{.target = search::info_of(question, target)};
  for (const double step : {0.0, 1.0, 2.0}) {
    search::Row row;
    row.latency_s = 0.1 + step;
    row.loss = 4 - step;
    row.extrapolated = step == 1;
    result.rows.push_back(row);
    result.sensitivity.emplace_back();
    result.theory.emplace_back().binding = *search::binding_from("memory");
  }
  result.refined = {{result.rows[1]}, 0.01};
  return result;
}

/// The objects of a result.
struct ResultParts {
  std::map<std::string, std::string> texts;       // of the inputs, by path
  std::map<std::string, format::Column> columns;  // by path
  std::map<std::pair<std::string, std::string>, format::Attribute> attributes;  // by group, name
};

/// Of job_text with these lines changed; it has one target.
inline ResultParts small_result(const TemporaryFolder& folder,
                                const std::map<std::string, std::string>& changes = {}) {
  const io::Job job = read_job_text(job_text(changes));
  const auto& question = job.question;
  const std::string path = folder.path("small.h5");
  io::write_result(
      path, job,
      [&](format::Hdf5Writer& to, std::size_t t) {
        return io::write_target(to, small_result_of(question, question.targets[t]));
      },
      {});
  const format::Hdf5Reader file = io::open_result(path);
  ResultParts parts;
  std::vector<std::string> groups{"/targets"};
  for (const std::string kind : io::result_kinds)
    for (const auto& table : io::result_tables(file, kind)) groups.push_back(table.group);
  for (const auto& group : groups)
    for (const auto& name : file.datasets(group))
      parts.columns[group + "/" + name] = file.column(group + "/" + name);
  groups.insert(groups.end(), {"/", "/runtime"});
  for (const auto& kind : file.groups("/inputs"))
    for (const auto& id : file.datasets("/inputs/" + kind)) {
      groups.push_back("/inputs/" + kind + "/" + id);
      parts.texts[groups.back()] = file.text(groups.back());
    }
  for (const auto& group : groups)
    for (const auto& name : file.attributes(group))
      parts.attributes[{group, name}] = file.attribute(group, name);
  return parts;
}

inline std::string write_parts(const TemporaryFolder& folder, const ResultParts& parts) {
  format::Hdf5Writer file;
  file.group("/runtime");
  for (const auto& [path, text] : parts.texts) file.text(path, text);
  for (const auto& [path, column] : parts.columns) file.column(path, column, "");
  for (const auto& [place, value] : parts.attributes)
    file.attribute(place.first, place.second, value);
  const std::string path = folder.path("result.h5");
  format::write_atomically(path, std::move(file).image());
  return path;
}

}  // namespace rooflaw::testing
