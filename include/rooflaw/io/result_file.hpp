#pragma once
// RESULT.h5: what a search found, with all it was made from. The format is documented in
// results/README.md; h5py and pandas read it as it is.

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/io/job_file.hpp"
#include "rooflaw/io/run_record.hpp"
#include "rooflaw/search/result.hpp"

namespace rooflaw::io {

/// Format version of the files written; readers accept the same major number.
inline constexpr std::int64_t result_format_major = 2;
inline constexpr std::int64_t result_format_minor = 2;

/// What the root of a result says of the study; the rest is in its run record.
struct StudyRecord {
  std::string program_version;
  std::string git_commit;
  std::string job_toml;  // the whole job, overrides applied
  std::string strategy;
  std::int64_t seed = 0;
  std::int64_t points_in_space = 0;  // 0 with a continuous axis
};

/// Writes a target, the number of which is given, to a file. @returns what it is
using TargetWriter = std::function<search::TargetInfo(format::Hdf5Writer&, std::size_t)>;

/// Writes a result target by target, so that the rows of one at a time need be in memory: `target`
/// is called for each once, in order. `run` is read after that, and `last_look` called before the
/// file gets its name. @throws FileError; what was at the path is then as it was
void write_result(const std::string& path, const Job& job, const TargetWriter& target,
                  const RunRecord& run, const std::function<void()>& last_look = {});

/// Parts of a result, for one that is made of others, or of other things.
StudyRecord study_of(const Job& job);
void write_inputs(format::Hdf5Writer& file, const Job& job);
void write_study(format::Hdf5Writer& file, const StudyRecord& study);
void write_input(format::Hdf5Writer& file, const std::string& path, const std::string& text,
                 const std::string& from);
search::TargetInfo write_target(format::Hdf5Writer& file, const search::TargetResult& result);
/// Which rows of a target a part has: those from `first` on, of so many.
struct Part {
  std::size_t first = 0;
  std::size_t rows = 0, rows_in_range = 0;
};
/// A target in parts: each of its tables has as many rows in a part, but for the last. The first
/// part makes the tables.
void write_part(format::Hdf5Writer& file, const search::TargetResult& part, const Part& place);
void write_targets(format::Hdf5Writer& file, const std::vector<search::TargetInfo>& targets);

/// Opens a result. @throws FileError if it is no result of a format this program reads
format::Hdf5Reader open_result(const std::string& path, format::Seal seal = format::Seal::required);

/// The parts of a result, as they were written. @throws FileError, naming the object, if something
/// is missing or not as it should be
StudyRecord read_study(const format::Hdf5Reader& file);
/// Each target once for each law.
std::vector<search::TargetInfo> read_targets(const format::Hdf5Reader& file);
/// Its frontiers, what refines them, and sensitivities; the rest is left empty.
search::TargetResult read_frontiers(const format::Hdf5Reader& file,
                                    const search::TargetInfo& target);
/// @throws FileError if the objective does not rise and the loss not fall from row to row, as
///         whatever looks something up there counts on, or a row is no architecture
void require_frontier(const format::Hdf5Reader& file, const std::string& group,
                      const std::vector<search::Row>& rows);
/// The same of both frontiers of a target that was read.
void require_frontiers(const format::Hdf5Reader& file, const search::TargetResult& result);
/// All of a target. Its sensitivities are without the derivatives of the latency, which are not
/// stored.
search::TargetResult read_target(const format::Hdf5Reader& file, const search::TargetInfo& target);

/// The tables of one kind, one per law and target: "frontiers", "refined", "sensitivity",
/// "theory".
struct ResultTable {
  std::string group;  // /frontiers/<law>/<target>
  std::string law;
  std::string target;
};
inline constexpr std::array result_kinds = {
    "frontiers", "frontiers_in_range", "refined",   "sensitivity", "theory",
    "resamples", "opinions",           "decisions", "least_regret"};
/// Do tables of this kind stand under the law that speaks, not under that of the frontier?
inline bool is_of_opinions(std::string_view kind) {
  return kind == "opinions" || kind == "decisions";
}
std::vector<ResultTable> result_tables(const format::Hdf5Reader& file, const std::string& kind);
/// Where the intensities of a target stand: not by law, only the first of a job has them.
std::string intensity_group(const search::TargetInfo& target);

}  // namespace rooflaw::io
