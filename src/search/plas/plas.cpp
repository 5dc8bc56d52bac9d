#include "rooflaw/search/plas/plas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rooflaw/search/analysis.hpp"
#include "rooflaw/search/sample/sample.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::search {

namespace {

// Points of a frontier that are worked on together: enough to share a prediction, few enough for
// it to be good.
constexpr std::size_t stretch_length = 12;
// Of a known frontier, the ends of so many gaps are scored to predict from.
constexpr std::size_t known_gaps = 100;

double volume(const std::vector<FrontierPoint>& points, const HypervolumeReference& reference) {
  return points.empty() ? 0.0 : hypervolume(points, reference.latency_s, reference.loss);
}

/// Rectangle between neighbours.
double gap_area(const FrontierPoint& left, const FrontierPoint& right) {
  return common_log(right.latency_s / left.latency_s) * (left.loss - right.loss);
}

/// Gaps of a frontier, the largest first; a gap is named by the place of its left end.
std::vector<std::size_t> gaps_by_area(const std::vector<FrontierPoint>& points) {
  std::vector<std::size_t> gaps;
  std::vector<double> areas;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    gaps.push_back(i);
    areas.push_back(gap_area(points[i], points[i + 1]));
  }
  std::stable_sort(gaps.begin(), gaps.end(),
                   [&](std::size_t a, std::size_t b) { return areas[a] > areas[b]; });
  return gaps;
}

}  // namespace

RelaxationCounts& RelaxationCounts::operator+=(const RelaxationCounts& more) {
  calls += more.calls;
  solves += more.solves;
  out_of_evaluations += more.out_of_evaluations;
  failed += more.failed;
  infeasible += more.infeasible;
  return *this;
}

PlasCounts& PlasCounts::operator+=(const PlasCounts& more) {
  rounds += more.rounds;
  requested += more.requested;
  scored += more.scored;
  repeated += more.repeated;
  relaxations += more.relaxations;
  return *this;
}

Plas::Plas(const Question& question, const PlasOptions& options, NothingYet)
    : question_(question),
      options_(options),
      lattice_(question.space),
      axis_features_(features_of_axes()),
      box_(bounding_box(question.space)),
      frontiers_(question.targets.size()),
      frontier_points_(question.targets.size()),
      reference_(question.targets.size()) {}

Plas::Plas(const Question& question, const PlasOptions& options)
    : Plas(question, options, NothingYet{}) {
  // The ends of all axes together: the fastest and, as a rule, the best point of the space.
  Places most;
  for (const Axis axis : all_axes) most[axis] = lattice_.length(axis) - 1;
  for (const auto& ends : {Places{}, most})
    if (const auto point = lattice_.point(ends)) want(*point);
  const Lengths lengths = axis_lengths(question.space);
  for (Index n = 0; n < options_.initial_samples; ++n)
    if (const auto point = lattice_.point(
            latin_hypercube(lengths, question.seed, options_.initial_samples, n).as_places()))
      want(*point);
}

Plas::Plas(const Question& question, const PlasOptions& options,
           const std::vector<KnownFrontier>& known)
    : Plas(question, options, NothingYet{}) {
  for (std::size_t t = 0; t < known.size(); ++t) {
    std::vector<FrontierPoint> points;
    for (const auto& k : known[t]) points.push_back({k.latency_s, k.loss, k.point.index});
    for (const auto& p : points) frontiers_[t].insert(p);
    auto gaps = gaps_by_area(points);
    gaps.resize(std::min(gaps.size(), known_gaps));
    if (!known[t].empty()) {
      want(known[t].front().point);
      want(known[t].back().point);
    }
    for (const std::size_t gap : gaps) {
      want(known[t][gap].point);
      want(known[t][gap + 1].point);
    }
  }
}

void Plas::want(const LatticePoint& point) {
  const Index left = options_.max_evaluations - counts_.evaluations();
  if (static_cast<Index>(wanted_.size()) >= left) return;
  ++counts_.requested;
  const bool known = number_.contains(point.index) || !wanted_indices_.insert(point.index).second;
  if (known)
    ++counts_.repeated;
  else
    wanted_.push_back(lattice_.at(point.index));  // its own places, whichever way it was come by
}

std::vector<Score> Plas::score() const {
  std::vector<Score> scores;
  scores.reserve(wanted_.size() * question_.deployments.size());
  for (const auto& point : wanted_)
    for (const auto& deployment : question_.deployments) {
      const auto a = model::lift(point.architecture);
      Score& score = scores.emplace_back(Score{model::costs(a, deployment.scenario), {}});
      for (const auto& law : question_.laws)
        score.loss.push_back(model::loss(law, model::loss_terms(law, law_point(a)),
                                         deployment.scenario.precision.loss_delta));
    }
  return scores;
}

void Plas::absorb(const std::vector<Score>& scores) {
  take_in(scores);
  measure();
  if (counts_.evaluations() >= options_.max_evaluations) finished_ = true;
  if (!finished_) plan_round();
}

PlasState Plas::state() const {
  PlasState s{.points = {},
              .reference = reference_,
              .relaxed = {relaxed_.begin(), relaxed_.end()},
              .counts = counts_,
              .hypervolume = hypervolume_,
              .idle_rounds = idle_rounds_,
              .slow_rounds = slow_rounds_};
  for (const auto& point : points_) s.points.push_back(point.index);
  return s;
}

void Plas::restore(const PlasState& s) {
  wanted_.clear();
  for (const Index index : s.points) wanted_.push_back(lattice_.at(index));
  take_in(score());
  reference_ = s.reference;
  measure();
  relaxed_ = {s.relaxed.begin(), s.relaxed.end()};
  counts_ = s.counts;
  hypervolume_ = s.hypervolume;
  idle_rounds_ = s.idle_rounds;
  slow_rounds_ = s.slow_rounds;
  finished_ = false;
  plan_round();
}

void Plas::check(const PlasState& s) const {
  check(Proposal{.points = s.points, .relaxations = {}});
  std::vector<Index> sorted = s.points;
  std::sort(sorted.begin(), sorted.end());
  require_fit(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  require_fit(s.counts.scored == static_cast<Index>(s.points.size()) &&
              s.counts.evaluations() <= options_.max_evaluations);
  require_fit(s.reference.size() == question_.targets.size());
  const Index end = *index_count(question_.space);
  for (const auto& gap : s.relaxed)
    require_fit(gap.target < question_.targets.size() && gap.left >= 0 && gap.left < end &&
                gap.right >= 0 && gap.right < end);
}

void Plas::check(const Proposal& proposal) const {
  const Index end = *index_count(question_.space);
  for (const Index index : proposal.points) {
    require_fit(index >= 0 && index < end);
    require_fit(architecture_at(question_.space, digits_of(question_.space, index)).has_value());
    const auto point = lattice_.point(lattice_.at(index).places);
    require_fit(point && point->index == index);
  }
}

void Plas::take_in(const std::vector<Score>& scores) {
  const std::size_t before = points_.size();
  counts_.scored += static_cast<Index>(wanted_.size());
  scores_.insert(scores_.end(), scores.begin(), scores.end());
  features_.conservativeResize(static_cast<Eigen::Index>(before + wanted_.size()), feature_count());
  for (const auto& point : wanted_) {
    number_.emplace(point.index, points_.size());
    features_.row(static_cast<Eigen::Index>(points_.size())) = features(point.architecture);
    points_.push_back(point);
  }
  for (std::size_t p = before; p < points_.size(); ++p)
    for (std::size_t t = 0; t < question_.targets.size(); ++t) {
      const Target& target = question_.targets[t];
      const Score& s = score_of(p, target.deployment);
      const Deployment& deployment = deployment_of(question_, target);
      const double loss = s.loss[target.law];
      const double value = weighted(weights(target.objective, deployment.scenario), s.costs);
      if (std::isfinite(value) && std::isfinite(loss) &&
          feasible(weighted_limits(deployment.limits, deployment.scenario), s.costs))
        frontiers_[t].insert({value, loss, points_[p].index});
    }
  wanted_.clear();
  wanted_indices_.clear();
  const auto n = static_cast<double>(std::max<std::size_t>(points_.size(), 1));
  const Eigen::RowVectorXd mean = features_.colwise().sum() / n;
  spread_ = ((features_.rowwise() - mean).array().square().colwise().sum() / n).sqrt();
  spread_ = spread_.array().max(1e-3);
}

void Plas::measure() {
  bool moved = false;
  double total = 0;
  largest_gap_ = 0;
  for (std::size_t t = 0; t < frontiers_.size(); ++t) {
    auto points = frontiers_[t].points();
    moved = moved || points != frontier_points_[t];
    frontier_points_[t] = std::move(points);
    // Measured from where the first frontier ended, so that volumes of rounds can be compared.
    if (reference_[t].latency_s == 0) reference_[t] = default_reference(frontier_points_[t]);
    const double v = volume(frontier_points_[t], reference_[t]);
    total += v;
    const auto& p = frontier_points_[t];
    for (std::size_t i = 0; i + 1 < p.size(); ++i)
      largest_gap_ = std::max(largest_gap_, gap_area(p[i], p[i + 1]) / v);
  }
  idle_rounds_ = moved ? 0 : idle_rounds_ + 1;
  const bool slow = total - hypervolume_ < options_.hypervolume_gain * total;
  slow_rounds_ = slow ? slow_rounds_ + 1 : 0;
  hypervolume_ = total;
  if (idle_rounds_ >= most_idle_rounds || slow_rounds_ >= most_slow_rounds) finished_ = true;
}

void Plas::plan_round() {
  stretches_.clear();
  for (std::size_t t = 0; t < frontiers_.size(); ++t) plan_target(t);
  // No more than the evaluations left can serve: those with the most empty area.
  const Index left = options_.max_evaluations - counts_.evaluations();
  const auto affordable = static_cast<std::size_t>(1 + left / options_.moves_per_stretch);
  std::stable_sort(stretches_.begin(), stretches_.end(),
                   [](const Stretch& a, const Stretch& b) { return a.empty_area > b.empty_area; });
  if (stretches_.size() > affordable) stretches_.resize(affordable);
  auto gaps = static_cast<std::size_t>(left / most_calls_per_gap);
  for (auto& s : stretches_) {
    s.gaps.resize(std::min(s.gaps.size(), gaps));
    gaps -= s.gaps.size();
  }
}

void Plas::plan_target(std::size_t target) {
  const auto& points = frontier_points_[target];
  if (points.empty()) {
    stretches_.push_back({.target = target, .empty_area = 1.0});
    return;
  }
  const double v = volume(points, reference_[target]);
  std::set<std::size_t> to_relax;
  for (const std::size_t gap : gaps_by_area(points)) {
    if (static_cast<Index>(to_relax.size()) == options_.gaps_per_round) break;
    if (idle_rounds_ == 0 && gap_area(points[gap], points[gap + 1]) < options_.worth_relaxing * v)
      break;
    if (!relaxed_.contains({target, points[gap].index, points[gap + 1].index}))
      to_relax.insert(gap);
  }
  for (std::size_t first = 0; first < points.size(); first += stretch_length) {
    Stretch s{
        .target = target, .first = first, .last = std::min(first + stretch_length, points.size())};
    for (std::size_t i = first; i < s.last && i + 1 < points.size(); ++i) {
      s.empty_area += gap_area(points[i], points[i + 1]) / v;
      if (to_relax.contains(i)) s.gaps.push_back(i);
    }
    stretches_.push_back(std::move(s));
  }
}

void Plas::accept(const std::vector<Proposal>& proposals) {
  ++counts_.rounds;
  for (const auto& s : stretches_)
    for (const std::size_t gap : s.gaps)
      relaxed_.insert({s.target, frontier_points_[s.target][gap].index,
                       frontier_points_[s.target][gap + 1].index});
  for (const auto& proposal : proposals) counts_.relaxations += proposal.relaxations;
  for (const auto& proposal : proposals)
    for (const Index index : proposal.points) want(lattice_.at(index));
  if (wanted_.empty()) finished_ = true;
}

}  // namespace rooflaw::search
