#pragma once
// Which targets a merged result has, and in what order: part of merge.cpp.

#include <array>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"
#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::io {

/// The lists of [targets] whose product the targets of a job are, outermost first, and the column
/// of /targets (for all but the last the kind of input too) that an entry of each becomes.
inline constexpr std::array target_lists = {"devices", "precisions", "workloads", "latency"};
inline constexpr std::array target_columns = {"device", "precision", "workload", "latency"};
using TargetParts = std::array<std::string, target_columns.size()>;

/// One of the results to be merged.
struct MergeInput {
  format::Hdf5Reader file;
  toml::table job;
  std::vector<TargetParts> targets;  // rows of /targets
};

/// @throws FileError, as open_result
MergeInput open_merge_input(const std::string& path);

/// "A.h5, B.h5": where a fault between results stands.
std::string names(const MergeInput& one, const MergeInput& other);

std::string target_id(const TargetParts& parts);

/// Notes entries of the lists that mean different things in two results.
void compare_lists(const std::vector<MergeInput>& inputs, std::vector<InputFault>& faults);

/// The first result's job with the lists of all.
toml::table joined_job(const std::vector<MergeInput>& inputs, const std::string& output);

/// Row `row` of /targets of result `input`.
struct TargetPlace {
  std::size_t input;
  std::size_t row;
};

/// The targets in the order of the joined job. Notes those that are in two results, else those that
/// are in none.
std::vector<TargetPlace> joined_targets(const std::vector<MergeInput>& inputs,
                                        std::vector<InputFault>& faults);

}  // namespace rooflaw::io
