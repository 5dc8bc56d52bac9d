// The refine stage over all ranks: a piece is a target.

#include "by_piece.hpp"
#include "rooflaw/search/refine/refine.hpp"

namespace rooflaw::cluster {

using search::FrontierPoints;

namespace {

/// What was found for a target.
struct RefinedTarget {
  FrontierPoints improvements;
  search::PlasCounts counts;
};
template <class Archive>
void fields(Archive& a, RefinedTarget& x) {
  a(x.improvements, x.counts);
}

class RefineWork : public ByPointsWork<RefinedTarget> {
 public:
  RefineWork(const search::Question& question, const search::RefineOptions& options,
             const std::vector<FrontierPoints>& frontiers)
      : ByPointsWork(question.targets.size()),
        question_(question),
        fine_(search::refined_question(question)),
        options_(options),
        frontiers_(frontiers) {}

  bool long_pieces() const override { return true; }

 protected:
  std::string name_of(const TargetPoints& of) const override {
    return "refine stage of " + question_.targets[of.target].id;
  }
  RefinedTarget make(const TargetPoints& of, const Between& between) override {
    const auto found = search::refine(question_, fine_, of.target, of.points, options_, between);
    return {found.improvements.points(), found.counts};
  }
  TargetPoints here(std::size_t target) const override { return {target, frontiers_[target]}; }

 private:
  const search::Question& question_;
  search::Question fine_;
  search::RefineOptions options_;
  const std::vector<FrontierPoints>& frontiers_;
};

}  // namespace

void check_refine(const search::Question& question, const Bytes& kept) {
  auto state = checked<RefinedTarget>(kept, question.targets.size());
  std::vector<FrontierPoints> found(question.targets.size());
  for (auto& [target, refined] : state.results) found[target] = std::move(refined.improvements);
  search::require_frontiers(found, search::refined_question(question));
}

search::Refined refine_phase(const search::Question& question, const search::RefineOptions& options,
                             const std::vector<FrontierPoints>& frontiers, Phase& phase) {
  RefineWork work(question, options, frontiers);
  run_by_piece(work, count_points(frontiers), phase);
  search::Refined all;
  if (!phase.ranks.is_root()) return all;
  for (auto& [target, found] : work.results()) {
    all.improvements.push_back(std::move(found.improvements));
    all.counts += found.counts;
  }
  return all;
}

}  // namespace rooflaw::cluster
