// The refine stage over all ranks: a piece is a target.

#include "phase.hpp"

namespace rooflaw::cluster {

using search::Frontier;
using search::Refinement;

namespace {

class RefineWork : public TableWork<Refinement> {
 public:
  RefineWork(const search::Problem& problem, const std::vector<Frontier>& frontiers)
      : TableWork(frontiers.size()),
        problem_(problem),
        fine_(search::refined_problem(problem)),
        frontiers_(frontiers) {}

  std::string name(Index piece) const override {
    return "refine stage of " + problem_.targets[static_cast<std::size_t>(piece)].id;
  }
  bool long_pieces() const override { return true; }

 protected:
  Refinement make(std::size_t target, const Between& between) override {
    return search::refine(problem_, fine_, target, frontiers_[target], between);
  }
  void put(Packer& packer, const Refinement& found) const override {
    packer.put(found.counts);
    packer.put_all(std::span<const search::FrontierPoint>(found.improvements.points()));
  }
  Refinement get(Unpacker& unpacker) const override {
    Refinement found;
    found.counts = unpacker.get<search::PlasCounts>();
    for (const auto& point : unpacker.get_all<search::FrontierPoint>())
      found.improvements.insert(point);
    return found;
  }

 private:
  const search::Problem& problem_;
  search::Problem fine_;
  const std::vector<Frontier>& frontiers_;
};

}  // namespace

void check_refine(const search::Problem& problem, const Bytes& kept) {
  const std::vector<Frontier> none(problem.targets.size());
  RefineWork work(problem, none);
  take_kept(work, kept);
  std::vector<Frontier> found(problem.targets.size());
  for (std::size_t t = 0; t < found.size(); ++t)
    if (const auto& refinement = work.results()[t]) found[t] = refinement->improvements;
  require_frontiers(found, search::refined_problem(problem));
}

Refined refine_phase(const search::Problem& problem, const std::vector<Frontier>& frontiers,
                     Phase& phase) {
  RefineWork work(problem, frontiers);
  run_table(work, points_of(frontiers), phase);
  Refined all;
  if (!phase.ranks.is_root()) return all;
  for (const auto& found : work.results()) {
    all.improvements.push_back(found->improvements);
    all.counts += found->counts;
  }
  return all;
}

}  // namespace rooflaw::cluster
