#include "rooflaw/cluster/plas.hpp"

#include <chrono>

#include "rooflaw/cluster/messages.hpp"

namespace rooflaw::cluster {

using search::Index;
using search::Plas;
using search::Proposal;

namespace {

/// Proposals by number of their stretch.
struct Numbered {
  std::uint64_t stretch = 0;
  Proposal proposal;
};

Bytes pack(const std::vector<Numbered>& proposals) {
  Packer packer;
  packer.put(std::uint64_t{proposals.size()});
  for (const auto& [stretch, proposal] : proposals) {
    packer.put(stretch);
    packer.put(proposal.relaxations);
    packer.put_all(std::span<const Index>(proposal.points));
  }
  return packer.take();
}

void unpack(const Bytes& bytes, std::vector<Numbered>& into) {
  Unpacker unpacker(bytes);
  for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left) {
    Numbered n;
    n.stretch = unpacker.get<std::uint64_t>();
    n.proposal.relaxations = unpacker.get<search::RelaxationCounts>();
    n.proposal.points = unpacker.get_all<Index>();
    into.push_back(std::move(n));
  }
}

/// Joins the proposals of all ranks at rank 0 up a binary tree, then tells all.
std::vector<Proposal> join(std::vector<Numbered> mine, std::size_t stretches, Communicator& ranks) {
  for (int distance = 1; distance < ranks.size(); distance *= 2) {
    if (ranks.rank() % (2 * distance) != 0) {
      ranks.send(ranks.rank() - distance, Tag::result, pack(mine));
      break;
    }
    if (ranks.rank() + distance < ranks.size())
      unpack(ranks.receive_from(ranks.rank() + distance).bytes, mine);
  }
  Bytes bytes;
  if (ranks.is_root()) bytes = pack(mine);
  ranks.broadcast(bytes);
  std::vector<Numbered> all;
  unpack(bytes, all);
  std::vector<Proposal> by_stretch(stretches);
  for (auto& n : all) by_stretch.at(n.stretch) = std::move(n.proposal);
  return by_stretch;
}

/// Rank 0's scores of what is wanted, on all ranks.
std::vector<search::Score> shared_scores(const Plas& plas, Communicator& ranks) {
  std::vector<search::Score> scores;
  if (ranks.is_root()) scores = plas.score();
  Bytes bytes = to_bytes(std::span<const search::Score>(scores));
  ranks.broadcast(bytes);
  return values_from<search::Score>(bytes);
}

/// Does rank 0's clock say stop?
bool out_of_time(std::chrono::steady_clock::time_point start, double max_seconds,
                 Communicator& ranks) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const std::uint8_t stop = elapsed.count() > max_seconds ? 1 : 0;
  Bytes bytes = to_bytes(std::span<const std::uint8_t>(&stop, 1));
  ranks.broadcast(bytes);
  return values_from<std::uint8_t>(bytes).at(0) != 0;
}

}  // namespace

bool run_plas(Plas& plas, const search::PlasSettings& settings, double max_seconds,
              Communicator& ranks, const std::function<void(const PlasProgress&)>& report) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    plas.absorb(shared_scores(plas, ranks));
    if (ranks.is_root()) {
      std::size_t points = 0;
      for (const auto& frontier : plas.frontiers()) points += frontier.size();
      report({plas.counts(), plas.hypervolume(), plas.largest_gap(), settings.max_evaluations,
              points});
    }
    if (plas.finished()) return true;
    if (out_of_time(start, max_seconds, ranks)) return false;
    // Dealt out in turn: stretches come with the most work first.
    std::vector<Numbered> mine;
    for (auto s = static_cast<std::size_t>(ranks.rank()); s < plas.stretches();
         s += static_cast<std::size_t>(ranks.size()))
      mine.push_back({s, plas.propose(s)});
    plas.accept(join(std::move(mine), plas.stretches(), ranks));
  }
}

void share_frontiers(std::vector<search::Frontier>& frontiers, Communicator& ranks) {
  Packer packer;
  if (ranks.is_root())
    for (const auto& frontier : frontiers)
      packer.put_all(std::span<const search::FrontierPoint>(frontier.points()));
  Bytes bytes = packer.take();
  ranks.broadcast(bytes);
  if (ranks.is_root()) return;
  Unpacker unpacker(bytes);
  for (auto& frontier : frontiers) {
    frontier = {};
    for (const auto& point : unpacker.get_all<search::FrontierPoint>()) frontier.insert(point);
  }
}

}  // namespace rooflaw::cluster
