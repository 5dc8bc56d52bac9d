#include "rooflaw/cluster/each_piece.hpp"

#include "by_piece.hpp"
#include "rooflaw/cluster/share.hpp"

namespace rooflaw::cluster {

namespace {

class EachPiece : public ByPieceWork<Bytes> {
 public:
  EachPiece(std::size_t pieces, const std::function<std::string(std::size_t)>& name,
            const std::function<Bytes(std::size_t)>& make)
      : ByPieceWork(pieces), name_(name), make_(make) {}
  std::string name(std::int64_t piece) const override {
    return name_(static_cast<std::size_t>(piece));
  }

 protected:
  Bytes make(std::size_t piece, const Between& between) override {
    between();
    return make_(piece);
  }

 private:
  const std::function<std::string(std::size_t)>& name_;
  const std::function<Bytes(std::size_t)>& make_;
};

}  // namespace

std::vector<Bytes> each_piece(std::size_t pieces,
                              const std::function<std::string(std::size_t)>& name,
                              const std::function<Bytes(std::size_t)>& make, Communicator& ranks,
                              Watch& watch) {
  EachPiece work(pieces, name, make);
  QueueState state;
  search::Serving serving;
  run_queue(work, state, ranks, watch, {}, serving);
  std::vector<Bytes> results(pieces);
  if (ranks.is_root())
    for (auto& [piece, result] : work.results()) results.at(piece) = std::move(result);
  share(results, ranks, watch);
  return results;
}

}  // namespace rooflaw::cluster
