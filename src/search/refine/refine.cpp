#include "rooflaw/search/refine/refine.hpp"

#include <algorithm>
#include <cmath>

namespace rooflaw::search {

namespace {

using Sizes = std::vector<std::int64_t>;

template <class T>
void merge_into(std::vector<T>& axis, const std::vector<T>& more) {
  axis.insert(axis.end(), more.begin(), more.end());
  std::sort(axis.begin(), axis.end());
  axis.erase(std::unique(axis.begin(), axis.end()), axis.end());
}

/// The least multiple of `unit` that cuts a length into at most `most` steps.
std::int64_t step_for(double length, std::int64_t unit, std::int64_t most) {
  const double steps = length / static_cast<double>(unit);
  return unit * std::max<std::int64_t>(
                    1, static_cast<std::int64_t>(std::ceil(steps / static_cast<double>(most))));
}

void fill_in(Sizes& axis, std::int64_t unit, std::int64_t most) {
  const auto [lo, hi] = std::minmax_element(axis.begin(), axis.end());
  merge_into(axis,
             multiples_between(*lo, *hi, step_for(static_cast<double>(*hi - *lo), unit, most)));
}

Space filled_in(const Space& space, std::int64_t most) {
  Space fine = space;
  fine.continuous = true;
  fill_in(fine.layers, 1, most);
  fill_in(fine.widths, space.head_dim, most);
  fill_in(fine.experts, 1, most);
  fill_in(fine.top_k, 1, most);
  const std::int64_t widest = *std::max_element(space.widths.begin(), space.widths.end());
  // A list of nothing but "heads" stays one; beside numbers it stands for those of all widths.
  if (Sizes numbers = space.kv_heads;
      std::erase(numbers, model::all_heads) != space.kv_heads.size()) {
    if (numbers.size() < space.kv_heads.size())
      for (const auto width : space.widths)
        if (width % space.head_dim == 0) numbers.push_back(width / space.head_dim);
    fill_in(numbers, 1, most);
    fine.kv_heads = std::move(numbers);
  }
  const auto [thin, thick] =
      std::minmax_element(space.expert_ffn_ratio.begin(), space.expert_ffn_ratio.end());
  const double longest = (*thick - *thin) * static_cast<double>(widest);
  merge_into(fine.expert_ffn_ratio,
             ratios_between(*thin, *thick, step_for(longest, space.ffn_multiple_of, most), widest));
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
  one.targets[0].deployment = 0;
  return one;
}

Refinement refine(const Question& question, const Question& fine, std::size_t target,
                  const FrontierPoints& frontier, const PlasOptions& options,
                  const std::function<void()>& between) {
  const Question alone = of_target(question, target);
  const Question fine_alone = of_target(fine, target);
  const auto known = known_frontiers(alone, fine_alone, {frontier});
  Plas plas(fine_alone, options, known);
  for (plas.absorb(plas.score()); !plas.finished(); plas.absorb(plas.score())) {
    std::vector<Proposal> proposals;
    for (std::size_t s = 0; s < plas.stretches(); ++s) {
      proposals.push_back(plas.propose(s));
      between();
    }
    plas.accept(proposals);
  }
  return {improvements(plas.frontiers(), known).front(), plas.counts()};
}

std::vector<KnownFrontier> known_frontiers(const Question& question, const Question& fine,
                                           const std::vector<FrontierPoints>& frontiers) {
  const Lattice lattice(fine);
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
    std::set<Index> before;
    for (const auto& k : known[t]) before.insert(k.point.index);
    for (const auto& p : found[t].points())
      if (!before.contains(p.index)) all[t].insert(p);
  }
  return all;
}

}  // namespace rooflaw::search
