#include "rooflaw/cluster/share.hpp"

#include <algorithm>

namespace rooflaw::cluster {

namespace {

/// To the ranks below this one in the tree of the queues, so that it comes behind all that these
/// send. It has left when this returns: nobody sends the rest of it for who asks for nothing more.
void pass_on(std::span<const std::byte> part, Communicator& ranks, Watch& watch) {
  for (const int rank : ranks.tree().below) ranks.send(rank, Tag::shared, part);
  const auto since = std::chrono::steady_clock::now();
  for (BackOff back_off; !ranks.all_sent(); back_off.pause()) {
    watch.look();
    watch.sending(since);
  }
}

Bytes next_part(Communicator& ranks, Watch& watch) {
  for (BackOff back_off;; back_off.pause()) {
    if (auto message = ranks.poll(Tag::shared)) return std::move(message->bytes);
    watch.look();
  }
}

}  // namespace

void share_bytes(Bytes& bytes, Communicator& ranks, Watch& watch) {
  if (ranks.is_root()) {
    pass_on(packed(std::uint64_t{bytes.size()}), ranks, watch);
    for (std::size_t first = 0; first < bytes.size(); first += largest_part)
      pass_on(std::span(bytes).subspan(first, std::min(largest_part, bytes.size() - first)), ranks,
              watch);
    return;
  }
  const Bytes head = next_part(ranks, watch);
  pass_on(head, ranks, watch);
  const auto size = unpacked<std::uint64_t>(head);
  bytes.clear();
  bytes.reserve(size);
  while (bytes.size() < size) {
    const Bytes part = next_part(ranks, watch);
    pass_on(part, ranks, watch);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
}

}  // namespace rooflaw::cluster
