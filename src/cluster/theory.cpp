#include "rooflaw/cluster/theory.hpp"

#include "rooflaw/cluster/messages.hpp"
#include "rooflaw/cluster/plas.hpp"

namespace rooflaw::cluster {

using search::TheoryRow;

namespace {

Bytes pack(const std::vector<TheoryRow>& rows) {
  Packer packer;
  packer.put(std::uint64_t{rows.size()});
  for (const auto& row : rows) {
    packer.put(row.shape);
    packer.put(row.loss);
    packer.put(row.search_minus_theory_loss);
    packer.put_all(std::span<const char>(row.binding));
  }
  return packer.take();
}

std::vector<TheoryRow> unpack(const Bytes& bytes) {
  Unpacker unpacker(bytes);
  std::vector<TheoryRow> rows(unpacker.get<std::uint64_t>());
  for (auto& row : rows) {
    row.shape = unpacker.get<theory::Shape>();
    row.loss = unpacker.get<double>();
    row.search_minus_theory_loss = unpacker.get<double>();
    const auto text = unpacker.get_all<char>();
    row.binding.assign(text.begin(), text.end());
  }
  return rows;
}

/// Every size-th point, from `rank`.
search::Frontier share_of(const search::Frontier& frontier, int rank, int size) {
  const auto points = frontier.points();
  search::Frontier share;
  for (auto i = static_cast<std::size_t>(rank); i < points.size();
       i += static_cast<std::size_t>(size))
    share.insert(points[i]);
  return share;
}

}  // namespace

std::vector<std::vector<TheoryRow>> theory_rows(const search::Problem& problem,
                                                std::vector<search::Frontier> frontiers,
                                                Communicator& ranks) {
  share_frontiers(frontiers, ranks);
  std::vector<TheoryRow> mine;
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const auto& target = problem.targets[t];
    const auto share = share_of(frontiers[t], ranks.rank(), ranks.size());
    auto rows = search::theory_rows(problem, target, describe(problem, target, share));
    mine.insert(mine.end(), std::make_move_iterator(rows.begin()),
                std::make_move_iterator(rows.end()));
  }
  if (!ranks.is_root()) {
    ranks.send(0, Tag::result, pack(mine));
    return {};
  }
  std::vector<std::vector<TheoryRow>> by_rank{std::move(mine)};
  for (int rank = 1; rank < ranks.size(); ++rank)
    by_rank.push_back(unpack(ranks.receive_from(rank).bytes));
  std::vector<std::vector<TheoryRow>> all(frontiers.size());
  std::vector<std::size_t> next(by_rank.size(), 0);
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (std::size_t i = 0; i < frontiers[t].size(); ++i) {
      const std::size_t rank = i % by_rank.size();
      all[t].push_back(std::move(by_rank[rank].at(next[rank]++)));
    }
  return all;
}

}  // namespace rooflaw::cluster
