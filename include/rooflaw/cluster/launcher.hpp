#pragma once
// What the launcher of this process says of how many it started. A launcher of another MPI starts
// N processes that each think they are alone, and would do the whole job N times over one output.

#include <optional>
#include <string>

namespace rooflaw::cluster {

/// Did a launcher of ranks start this process: mpirun, or srun with a PMI?
bool launched_as_rank();

/// "PMI_SIZE = 3" if a launcher says that this process is one of several. A Slurm allocation is no
/// launcher, only a step is, and not the interactive one.
std::optional<std::string> said_to_be_several();

/// For a command that writes and knows no ranks.
/// @throws MpiError if several processes were started
void require_alone(const std::string& command);

}  // namespace rooflaw::cluster
