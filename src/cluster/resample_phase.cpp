// The resamples of the laws through the space, over all ranks: a piece is one of them, for all
// targets of its law.

#include <fmt/format.h>

#include "by_piece.hpp"
#include "rooflaw/search/resample/resample.hpp"

namespace rooflaw::cluster {

using search::FrontierPoints;
using search::Resampled;

namespace {

struct Piece {
  std::size_t law = 0;
  std::size_t resample = 0;
};

std::size_t count_of(const model::Law& law, std::size_t resamples) {
  return std::min(law.resamples.size(), resamples);
}

std::vector<Piece> pieces_of(const search::Question& question, std::size_t resamples) {
  std::vector<Piece> pieces;
  for (std::size_t law = 0; law < question.laws.size(); ++law)
    for (std::size_t r = 0; r < count_of(question.laws[law], resamples); ++r)
      pieces.push_back({law, r});
  return pieces;
}

std::vector<FrontierPoints> frontiers_of_law(const search::Question& question, std::size_t law,
                                             const std::vector<FrontierPoints>& frontiers) {
  std::vector<FrontierPoints> of_law;
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    if (question.targets[t].law == law) of_law.push_back(frontiers[t]);
  return of_law;
}

class ResampleWork : public ByPieceWork<std::vector<Resampled>> {
 public:
  ResampleWork(const search::Question& question, const std::vector<FrontierPoints>& frontiers,
               const std::vector<Piece>& pieces)
      : ByPieceWork(pieces.size()),
        question_(question),
        pieces_(pieces),
        points_(count_points(frontiers)) {
    for (std::size_t law = 0; law < question.laws.size(); ++law)
      frontiers_.push_back(frontiers_of_law(question, law, frontiers));
  }
  std::string name(std::int64_t piece) const override {
    const Piece& p = pieces_[static_cast<std::size_t>(piece)];
    return fmt::format("resample {} of law {}", p.resample, question_.laws[p.law].id);
  }

 protected:
  std::vector<Resampled> make(std::size_t piece, const Between& between) override {
    const Piece& p = pieces_[piece];
    const auto& law = question_.laws[p.law];
    return search::resample(search::with_law(question_, p.law, law.resamples[p.resample]),
                            frontiers_[p.law], points_, pieces_.size(), between);
  }

 private:
  const search::Question& question_;
  const std::vector<Piece>& pieces_;
  std::size_t points_;
  std::vector<std::vector<FrontierPoints>> frontiers_;  // by law
};

}  // namespace

void check_resamples(const search::Question& question, std::size_t resamples,
                     const std::vector<FrontierPoints>& frontiers, const Bytes& kept) {
  const auto pieces = pieces_of(question, resamples);
  search::require_fit(frontiers.size() == question.targets.size());
  const std::size_t points = count_points(frontiers);
  for (const auto& [piece, found] : checked<std::vector<Resampled>>(kept, pieces.size()).results) {
    const auto of_law = frontiers_of_law(question, pieces[piece].law, frontiers);
    search::require_fit(found.size() == of_law.size());
    for (std::size_t t = 0; t < found.size(); ++t)
      search::require_resampled(
          found[t], of_law[t].size(),
          search::band_points(of_law[t].size(), points, pieces.size()).size());
  }
}

std::vector<search::ResampleBand> resample_phase(const search::Question& question,
                                                 std::size_t resamples,
                                                 const std::vector<FrontierPoints>& frontiers,
                                                 Phase& phase) {
  const auto pieces = pieces_of(question, resamples);
  ResampleWork work(question, frontiers, pieces);
  const std::size_t points = count_points(frontiers);
  run_by_piece(work, points, phase);
  std::vector<search::ResampleBand> bands(frontiers.size());
  if (!phase.ranks.is_root()) return bands;
  std::vector<std::size_t> next(question.laws.size(), 0);  // target of a law
  for (std::size_t t = 0; t < frontiers.size(); ++t) {
    const std::size_t law = question.targets[t].law, of_law = next[law]++;
    std::vector<Resampled> of_target;
    for (auto& [piece, found] : work.results())
      if (pieces[piece].law == law) of_target.push_back(std::move(found[of_law]));
    if (!of_target.empty())
      bands[t] = search::band_of(of_target, frontiers[t].size(),
                                 search::band_points(frontiers[t].size(), points, pieces.size()));
  }
  return bands;
}

}  // namespace rooflaw::cluster
