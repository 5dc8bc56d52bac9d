#pragma once
// Which targets a merged result has, and in what order: part of merge.cpp.

#include <array>
#include <string>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/result_file.hpp"

namespace rooflaw::io {

/// The lists of [targets] whose product the targets of a job are, outermost first, and the kinds of
/// input that the entries of all but the last are.
inline constexpr std::array target_lists = {"devices", "precisions", "workloads", "latency"};
inline constexpr std::array input_kinds = {"device", "precision", "workload"};

/// One of the results to be merged.
struct MergeInput {
  format::Hdf5Reader file;
  StudyRecord study;
  toml::table job;
  std::vector<search::TargetInfo> targets;  // rows of /targets
};

/// @throws FileError, as open_result
MergeInput open_merge_input(const std::string& path, format::Seal seal);

/// "A.h5, B.h5": where a fault between results stands.
std::string names(const MergeInput& one, const MergeInput& other);

/// Notes entries of the lists that mean different things in two results.
void compare_lists(const std::vector<MergeInput>& inputs, std::vector<InputFault>& faults);

/// The first result's job with the lists of all.
toml::table joined_job(const std::vector<MergeInput>& inputs, const std::string& output);

/// Row `row` of /targets of result `input`.
struct TargetPlace {
  std::size_t input;
  std::size_t row;
};

/// The targets in the order of the joined job, each budget of a list a target. Notes those that are
/// in two results, else those that are in none.
std::vector<TargetPlace> joined_targets(const std::vector<MergeInput>& inputs,
                                        std::vector<InputFault>& faults);

}  // namespace rooflaw::io
