// The refine stage over all ranks: a piece is a target.

#include "phase.hpp"

namespace rooflaw::cluster {

using search::Frontier;
using search::Refinement;

namespace {

class RefineWork : public TableWork<Refinement> {
 public:
  RefineWork(const search::Question& question, const std::vector<Frontier>& frontiers)
      : TableWork(frontiers.size()),
        question_(question),
        fine_(search::refined_question(question)),
        frontiers_(frontiers) {}

  std::string name(Index piece) const override {
    return "refine stage of " + question_.targets[static_cast<std::size_t>(piece)].id;
  }
  bool long_pieces() const override { return true; }

 protected:
  Refinement make(std::size_t target, const Between& between) override {
    return search::refine(question_, fine_, target, frontiers_[target], between);
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
  const search::Question& question_;
  search::Question fine_;
  const std::vector<Frontier>& frontiers_;
};

}  // namespace

void check_refine(const search::Question& question, const Bytes& kept) {
  const std::vector<Frontier> none(question.targets.size());
  RefineWork work(question, none);
  take_kept(work, kept);
  std::vector<Frontier> found(question.targets.size());
  for (std::size_t t = 0; t < found.size(); ++t)
    if (const auto& refinement = work.results()[t]) found[t] = refinement->improvements;
  require_frontiers(found, search::refined_question(question));
}

Refined refine_phase(const search::Question& question, const std::vector<Frontier>& frontiers,
                     Phase& phase) {
  RefineWork work(question, frontiers);
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
