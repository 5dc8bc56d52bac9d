#pragma once
// RESULT.h5: what a search found, with all it was made from. The format is documented in
// results/README.md; h5py and pandas read it as it is.

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/io/job_file.hpp"
#include "rooflaw/io/run_record.hpp"
#include "rooflaw/search/analysis.hpp"

namespace rooflaw::io {

/// Format version of the files written; readers accept the same major number.
inline constexpr std::int64_t result_format_major = 1;
inline constexpr std::int64_t result_format_minor = 0;

/// The frontier of one target. Order of targets is that of the question.
struct TargetFrontier {
  std::vector<search::Row> rows{};
  std::vector<theory::Sensitivity> sensitivity{};  // an entry a row
  std::vector<search::TheoryRow> theory{};         // an entry a row
  std::vector<search::Row> refined{};              // off the lattice, better than `rows`
  bool certified = false;                          // proven to be the whole frontier of the space
  double loss_gap_bound = 0;                       // nats; NaN where nothing is proven
  std::optional<double> hypervolume_share = std::nullopt;  // of the true frontier's, where known
};

/// The result as the bytes of an HDF5 file. `frontier` is asked for each target once, in order: the
/// rows of one target at a time need be in memory. `run` is read after that.
format::Hdf5Image result_image(const Job& job,
                               const std::function<TargetFrontier(std::size_t)>& frontier,
                               const RunRecord& run);

/// Opens a result. @throws FileError if it is no result of a format this program reads
format::Hdf5Reader open_result(const std::string& path);

/// The tables of one kind, one per law and target: "frontiers", "refined", "sensitivity",
/// "theory".
struct ResultTable {
  std::string group;  // /frontiers/<law>/<target>
  std::string law;
  std::string target;
};
inline constexpr std::array result_kinds = {"frontiers", "refined", "sensitivity", "theory"};
std::vector<ResultTable> result_tables(const format::Hdf5Reader& file, const std::string& kind);

}  // namespace rooflaw::io
