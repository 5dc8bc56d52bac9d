#pragma once
// Results are read in a process of its own. libhdf5 trusts the bytes that it is given: a changed
// one that was sealed anew can crash it, or make it ask for any memory or time. What is apart can
// be bounded by the size of its files, and its crash becomes a message.

#include <functional>
#include <string>
#include <vector>

#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

/// Runs `work`, which reads these files, in a child of this process; what it changes in memory is
/// lost. The child may take 128 MiB and 8 bytes for each of theirs, and 10 s of a processor and 5 s
/// for each MiB: a result of 100 MB takes 2 bytes and 0.2 s. It gets the signals that this process
/// gets, and ends with it. Only before there are threads, or MPI.
/// @throws FileError if the child crashes or goes beyond these bounds; EndedBySignal
ExitCode read_apart(const std::vector<std::string>& files, const std::function<ExitCode()>& work);

/// The job of a result, asked of a second run of this program: for where there are threads or MPI.
/// `look` is called now and then; what it throws ends the other one, too.
/// @throws FileError if it cannot be read
std::string job_of(const std::string& result, const std::function<void()>& look);

/// The other side of it: prints the job, or why there is none.
ExitCode print_job_of(const std::string& result);

}  // namespace rooflaw::app
