#pragma once
// Rank 0's value on all ranks. It goes down a tree of ranks in parts of a megabyte, and whoever
// waits looks at the watch: one that cannot go on is heard of, and the run can end.

#include "rooflaw/cluster/communicator.hpp"
#include "rooflaw/cluster/watch.hpp"

namespace rooflaw::cluster {

/// @throws Interrupted, RankFailed as Watch::look
void share_bytes(Bytes& bytes, Communicator& ranks, Watch& watch);

template <class T>
void share(T& value, Communicator& ranks, Watch& watch) {
  if (ranks.size() == 1) return;
  Bytes bytes;
  if (ranks.is_root()) bytes = packed(value);
  share_bytes(bytes, ranks, watch);
  if (!ranks.is_root()) value = unpacked<T>(bytes);
}

}  // namespace rooflaw::cluster
