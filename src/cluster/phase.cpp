#include "phase.hpp"

namespace rooflaw::cluster {

using search::Frontier;
using search::FrontierPoint;
using search::TheoryRow;

void require(bool fits) {
  if (!fits)
    throw Error("the state it holds is not of this question", ExitCode::checkpoint_mismatch);
}

void require_frontiers(const std::vector<Frontier>& frontiers, const search::Question& question) {
  require(frontiers.size() == question.targets.size());
  const Index end = *search::index_count(question.space);
  for (const auto& frontier : frontiers)
    for (const auto& point : frontier.points()) require(point.index >= 0 && point.index < end);
}

void require_queue(const QueueState& state, Index pieces) {
  require(state.next >= 0 && state.next <= pieces);
  for (const Index piece : state.open) require(piece >= 0 && piece < state.next);
}

void put_frontiers(Packer& packer, const std::vector<Frontier>& frontiers) {
  packer.put(std::uint64_t{frontiers.size()});
  for (const auto& frontier : frontiers)
    packer.put_all(std::span<const FrontierPoint>(frontier.points()));
}

std::vector<Frontier> get_frontiers(Unpacker& unpacker) {
  std::vector<Frontier> frontiers;
  for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left) {
    Frontier& frontier = frontiers.emplace_back();
    for (const auto& point : unpacker.get_all<FrontierPoint>()) frontier.insert(point);
  }
  return frontiers;
}

void put_queue(Packer& packer, const QueueState& state) {
  packer.put(state.next);
  packer.put_all(std::span<const Index>(state.open));
}

QueueState get_queue(Unpacker& unpacker) {
  const auto next = unpacker.get<Index>();
  return {next, unpacker.get_all<Index>()};
}

void put_theory(Packer& packer, const std::vector<TheoryRow>& rows) {
  packer.put(std::uint64_t{rows.size()});
  for (const auto& row : rows) {
    packer.put(row.shape);
    packer.put(row.loss);
    packer.put(row.search_minus_theory_loss);
    packer.put_text(row.binding);
  }
}

std::vector<TheoryRow> get_theory(Unpacker& unpacker) {
  std::vector<TheoryRow> rows;
  for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left) {
    TheoryRow& row = rows.emplace_back();
    row.shape = unpacker.get<theory::Shape>();
    row.loss = unpacker.get<double>();
    row.search_minus_theory_loss = unpacker.get<double>();
    row.binding = unpacker.get_text();
  }
  return rows;
}

void share_frontiers(std::vector<Frontier>& frontiers, Communicator& ranks) {
  if (ranks.size() == 1) return;
  Packer packer;
  if (ranks.is_root()) put_frontiers(packer, frontiers);
  Bytes bytes = packer.take();
  ranks.broadcast(bytes);
  if (ranks.is_root()) return;
  Unpacker unpacker(bytes);
  frontiers = get_frontiers(unpacker);
}

std::size_t points_of(const std::vector<Frontier>& frontiers) {
  std::size_t points = 0;
  for (const auto& frontier : frontiers) points += frontier.size();
  return points;
}

}  // namespace rooflaw::cluster
