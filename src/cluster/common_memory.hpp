#pragma once
// Memory that the ranks of a node have in common. MPI's windows give the same, but are made by
// calls that wait inside the library, where no rank looks at the watch, and by Open MPI in
// /dev/shm, which containers keep small. So one rank opens a file without a name (memfd_create),
// and the others open it by its number in /proc: it is gone with the last process that has it,
// however that ends.

#include <functional>
#include <memory>
#include <span>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::cluster {

/// For all ranks of this node, or none of them: null where a rank is alone on its node or one
/// cannot see the memory of another (processes of several containers), which is told. All ranks
/// call it. Pages take up memory as they are used.
/// @param make_ready  called by one rank, before others have it
/// @throws as Watch::look
std::shared_ptr<std::byte[]> common_memory(
    std::size_t bytes, const std::function<void(std::span<std::byte>)>& make_ready,
    Communicator& ranks, Watch& watch);

}  // namespace rooflaw::cluster
