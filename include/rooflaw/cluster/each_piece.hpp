#pragma once
// Independent pieces whose results all ranks need.

#include <functional>
#include <string>
#include <vector>

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"
#include "rooflaw/core/archive.hpp"

namespace rooflaw::cluster {

/// What `make` gives for each piece, in their order, on all ranks; each is made once, on any rank.
/// `name` is for messages.
/// @throws Interrupted, RankFailed (see Watch::look), what `make` throws
std::vector<Bytes> each_piece(std::size_t pieces,
                              const std::function<std::string(std::size_t)>& name,
                              const std::function<Bytes(std::size_t)>& make, Communicator& ranks,
                              Watch& watch);

}  // namespace rooflaw::cluster
