#include "rooflaw/search/refine/refine.hpp"

#include <algorithm>
#include <cmath>

#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

namespace {

Space filled_in(const Space& space, std::int64_t most) {
  Space fine = space;
  fine.continuous = true;
  for (const Axis axis : all_axes)
    if (const AxisHome& home = home_of(axis); home.fill_in != nullptr)
      home.fill_in(home, space, most, fine);
  return fine;
}

}  // namespace

Space finest(const Space& space) {
  std::int64_t most = 65536;
  Space fine = filled_in(space, most);
  while (!index_count(fine) && most > 1) fine = filled_in(space, most /= 2);
  return fine;
}

Question refined_question(const Question& question) {
  Question fine = question;
  fine.space = finest(question.space);
  return fine;
}

Question of_target(const Question& question, std::size_t target) {
  Question one = question;
  one.targets = {question.targets[target]};
  one.deployments = {question.deployments[one.targets[0].deployment]};
  one.laws = {law_of(question, question.targets[target])};
  one.targets[0].deployment = one.targets[0].law = 0;
  return one;
}

Refinement refine(const Question& question, const Question& fine, std::size_t target,
                  std::span<const FrontierPoint> frontier, const RefineOptions& options,
                  const std::function<void()>& between) {
  const Question alone = of_target(question, target);
  Question fine_alone = of_target(fine, target);
  if (const auto& range = fine_alone.laws[0].range;
      options.in_range && !fine_alone.space.within && range != model::LawRange{})
    fine_alone.space.within = range;
  const auto known = known_frontiers(alone, fine_alone, {{frontier.begin(), frontier.end()}});
  Plas plas(fine_alone, options.plas, known);
  for (plas.absorb(plas.score()); !plas.finished(); plas.absorb(plas.score())) {
    std::vector<Proposal> proposals;
    for (std::size_t s = 0; s < plas.stretches(); ++s) {
      proposals.push_back(plas.propose(s));
      between();
    }
    plas.accept(proposals);
  }
  auto found = improvements(plas.frontiers(), known).front();
  // Points that the stage did not know of, outside the range, may be better.
  Frontier all = found;
  for (const auto& p : frontier) all.insert(p);
  Frontier improving;
  for (const auto& p : found.points())
    if (all.contains(p)) improving.insert(p);
  return {std::move(improving), plas.counts()};
}

std::vector<KnownFrontier> known_frontiers(const Question& question, const Question& fine,
                                           const std::vector<FrontierPoints>& frontiers) {
  const Lattice lattice(fine.space);
  std::vector<KnownFrontier> known(frontiers.size());
  for (std::size_t t = 0; t < frontiers.size(); ++t)
    for (const auto& p : frontiers[t]) {
      const auto a = architecture_at(question.space, digits_of(question.space, p.index));
      if (const auto point = lattice.find(*a)) known[t].push_back({*point, p.latency_s, p.loss});
    }
  return known;
}

std::vector<Frontier> improvements(const std::vector<Frontier>& found,
                                   const std::vector<KnownFrontier>& known) {
  std::vector<Frontier> all(found.size());
  for (std::size_t t = 0; t < found.size(); ++t) {
    // Not by index: another architecture as fast and as good is no improvement.
    std::set<std::pair<double, double>> before;
    for (const auto& k : known[t]) before.emplace(k.latency_s, k.loss);
    for (const auto& p : found[t].points())
      if (!before.contains({p.latency_s, p.loss})) all[t].insert(p);
  }
  return all;
}

}  // namespace rooflaw::search
