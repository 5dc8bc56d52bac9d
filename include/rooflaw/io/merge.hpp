#pragma once
// Joins the results of the tasks of an array job, which differ in their devices, precisions,
// workloads or latencies only, to the result of the one job that has them all.

#include <functional>
#include <string>
#include <vector>

#include "rooflaw/format/hdf5.hpp"

namespace rooflaw::io {

/// What the joined result may replace: the result of the joined job or one of those joined, or any.
enum class Replaced { own, any };
struct MergeOptions {
  Replaced replaced = Replaced::own;
  format::Seal seal = format::Seal::required;  // of the inputs
  std::function<void()> last_look{};           // before the result gets its name
};

/// The results at `paths`, joined. Every dataset outside /runtime is, byte for byte, that of a job
/// whose lists are those of the tasks' jobs, one after the other, each entry once; that job, with
/// `output` as its output, is the job_toml. (Strategy plas spreads its effort over the targets of a
/// job, so there the joined tasks are what the tasks found.)
/// It is written target by target; in memory are the inputs.
/// @throws InputError with every setting, input or program version that differs, every target that
/// two results have, or every one of the product that none has; FileError for a file that cannot be
/// read, is damaged or is no result, and if the result at `output` must not be replaced
void write_merged(const std::vector<std::string>& paths, const std::string& output,
                  const std::string& command_line, const MergeOptions& options = {});

}  // namespace rooflaw::io
