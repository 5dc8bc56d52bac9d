// What a stretch of a frontier asks for: candidates, predictions, choice. See plas.hpp.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "rooflaw/core/random.hpp"
#include "rooflaw/search/plas/kriging.hpp"
#include "rooflaw/search/plas/plas.hpp"

namespace rooflaw::search {

namespace {

constexpr std::size_t training_size = 200;
constexpr std::size_t least_violating = 8;
constexpr int random_moves = 10;  // a point, and as many mixes

/// What a point has of a deployment's limits: ln(use / limit) of each that is finite.
std::vector<double> log_usages(const Deployment& deployment, const Score& s) {
  std::vector<double> all;
  for (const auto& limit : weighted_limits(deployment.limits, deployment.scenario))
    all.push_back(natural_log(weighted(limit.weights, s.costs) / limit.bound));
  return all;
}

double largest(const std::vector<double>& values) {
  return values.empty() ? -1.0 : *std::max_element(values.begin(), values.end());
}

/// A frontier with predictions inserted, and what a further point would add to it.
class PredictedFrontier {
 public:
  PredictedFrontier(const std::vector<FrontierPoint>& points, double end_latency)
      : end_log_(common_log(end_latency)) {
    for (const auto& p : points) frontier_.emplace_back(common_log(p.latency_s), p.loss);
  }

  /// The area that only this point would dominate; if another dominates it, minus the loss it
  /// lacks.
  double gain(double log_latency, double loss) const {
    const auto slower =
        std::upper_bound(frontier_.begin(), frontier_.end(), log_latency,
                         [](double x, const std::pair<double, double>& p) { return x < p.first; });
    double best = loss_before_;
    if (slower != frontier_.begin()) best = std::prev(slower)->second;
    if (loss >= best) return best - loss;
    const auto better =
        std::partition_point(slower, frontier_.end(),
                             [&](const std::pair<double, double>& p) { return p.second > loss; });
    const double right = better == frontier_.end()
                             ? std::max(end_log_, log_latency) + beyond_the_end
                             : better->first;
    return (right - log_latency) * (std::min(best, loss + most_drop_) - loss);
  }

  void insert(double log_latency, double loss) {
    std::erase_if(frontier_, [&](const std::pair<double, double>& p) {
      return p.first >= log_latency && p.second >= loss;
    });
    const auto place =
        std::upper_bound(frontier_.begin(), frontier_.end(), log_latency,
                         [](double x, const std::pair<double, double>& p) { return x < p.first; });
    frontier_.insert(place, {log_latency, loss});
  }

 private:
  // Beyond the ends a point still counts, as if the box went a little further.
  static constexpr double beyond_the_end = 0.05;
  static constexpr double most_drop_ = 0.5;
  static constexpr double loss_before_ = std::numeric_limits<double>::infinity();
  std::vector<std::pair<double, double>> frontier_;
  double end_log_;
};

}  // namespace

Eigen::RowVectorXd Plas::features(const model::Architecture& a) const {
  Eigen::RowVectorXd f(feature_count());
  for (Eigen::Index i = 0; i < f.size(); ++i) f[i] = axis_features_[static_cast<std::size_t>(i)](a);
  return f;
}

/// Points not scored yet, each once.
class Plas::Candidates {
 public:
  explicit Candidates(const Plas& plas) : plas_(plas) {}
  void add(const Places& places) {
    const auto point = plas_.lattice_.point(places);
    if (!point || plas_.number_.contains(point->index) || !indices_.insert(point->index).second)
      return;
    points_.push_back(*point);
  }
  const std::vector<LatticePoint>& points() const { return points_; }

 private:
  const Plas& plas_;
  std::set<Index> indices_;
  std::vector<LatticePoint> points_;
};

const Score& Plas::score_of(std::size_t point, std::size_t deployment) const {
  return scores_[point * question_.deployments.size() + deployment];
}

Proposal Plas::propose(std::size_t number) const {
  const Stretch& stretch = stretches_[number];
  const auto base = base_points(stretch);
  if (base.empty()) return {};
  Candidates candidates(*this);
  Proposal proposal;
  for (const std::size_t gap : stretch.gaps)
    proposal.relaxations += add_relaxed(stretch.target, gap, candidates);
  add_moves(base, number, candidates);
  proposal.points = most_promising(stretch, training_set(base), candidates);
  return proposal;
}

std::vector<std::size_t> Plas::base_points(const Stretch& stretch) const {
  std::vector<std::size_t> base;
  const auto& points = frontier_points_[stretch.target];
  for (std::size_t i = stretch.first; i < stretch.last; ++i)
    if (const auto known = number_.find(points[i].index); known != number_.end())
      base.push_back(known->second);
  if (!points.empty() || points_.empty()) return base;
  // Nothing is feasible yet: from the points that exceed the limits by the least.
  const std::size_t s = question_.targets[stretch.target].deployment;
  std::vector<double> violation(points_.size());
  for (std::size_t p = 0; p < points_.size(); ++p)
    violation[p] = largest(log_usages(question_.deployments[s], score_of(p, s)));
  base.resize(points_.size());
  std::iota(base.begin(), base.end(), std::size_t{0});
  std::stable_sort(base.begin(), base.end(),
                   [&](std::size_t a, std::size_t b) { return violation[a] < violation[b]; });
  base.resize(std::min(base.size(), least_violating));
  return base;
}

std::vector<std::size_t> Plas::training_set(const std::vector<std::size_t>& base) const {
  const auto n = static_cast<std::size_t>(features_.rows());
  const Eigen::MatrixXd scaled = features_.array().rowwise() / spread_.array();
  Eigen::VectorXd nearest =
      Eigen::VectorXd::Constant(features_.rows(), std::numeric_limits<double>::infinity());
  for (const std::size_t b : base)
    nearest = nearest.cwiseMin(
        (scaled.rowwise() - scaled.row(static_cast<Eigen::Index>(b))).rowwise().squaredNorm());
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t size = std::min(n, training_size);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      const double x = nearest[static_cast<Eigen::Index>(a)];
                      const double y = nearest[static_cast<Eigen::Index>(b)];
                      return x < y || (x == y && a < b);
                    });
  order.resize(size);
  return order;
}

void Plas::add_moves(const std::vector<std::size_t>& base, std::size_t stretch,
                     Candidates& candidates) const {
  std::vector<Axis> axes;  // that have a choice
  for (const Axis axis : all_axes)
    if (lattice_.length(axis) > 1) axes.push_back(axis);
  std::uint64_t drawn = static_cast<std::uint64_t>(stretch) << 32;
  const auto stream = 100 + static_cast<std::uint64_t>(counts_.rounds);
  const auto random = [&] { return random_unit(question_.seed, stream, drawn++); };
  const auto moved = [&](Places& places, Axis axis, Index step) {
    const auto length = static_cast<Index>(lattice_.length(axis));
    const Index place = static_cast<Index>(places[axis]) + step;
    if (place < 0 || place >= length) return false;
    places[axis] = static_cast<std::size_t>(place);
    return true;
  };

  for (std::size_t i = 0; i < base.size(); ++i) {
    const Places& from = points_[base[i]].places;
    for (const Axis axis : axes)
      for (Index step = 1; step < static_cast<Index>(lattice_.length(axis)); step *= 2)
        for (const Index signed_step : {-step, step})
          if (Places p = from; moved(p, axis, signed_step)) candidates.add(p);
    for (std::size_t a = 0; a < axes.size(); ++a)
      for (std::size_t b = a + 1; b < axes.size(); ++b)
        for (const Index x : {-1, 1})
          for (const Index y : {-1, 1})
            if (Places p = from; moved(p, axes[a], x) && moved(p, axes[b], y)) candidates.add(p);
    for (int n = 0; n < random_moves; ++n) {
      Places p = from;
      for (const Axis axis : axes) {
        if (random() < 0.5) continue;
        const double reach = 0.25 * static_cast<double>(lattice_.length(axis));
        const double step = power(std::max(reach, 1.0), random());
        moved(p, axis, (random() < 0.5 ? -1 : 1) * std::llround(step));
      }
      candidates.add(p);
    }
    for (int n = 0; n < random_moves; ++n) {
      const auto other = static_cast<Index>(i) + static_cast<Index>(random() * 5.0) - 2;
      const auto last = static_cast<Index>(base.size()) - 1;
      const Places& to =
          points_[base[static_cast<std::size_t>(std::clamp<Index>(other, 0, last))]].places;
      Places p = from;
      for (const Axis axis : axes)
        if (random() < 0.5) p[axis] = to[axis];
      candidates.add(p);
    }
  }
}

RelaxationCounts Plas::add_relaxed(std::size_t target, std::size_t gap,
                                   Candidates& candidates) const {
  const Target& t = question_.targets[target];
  const auto& points = frontier_points_[target];
  const FrontierPoint &left = points[gap], &right = points[gap + 1];
  const double bound = std::sqrt(left.latency_s * right.latency_s);
  std::vector<RelaxedStart> starts{relaxed_start(lattice_.at(left.index).architecture),
                                   relaxed_start(lattice_.at(right.index).architecture)};
  if (const auto start = closed_form_start(question_, t, bound, box_)) starts.push_back(*start);
  RelaxationCounts counts;
  for (const auto& start : starts) {
    const auto best = relax(question_, t, bound, start, evaluations_per_start);
    counts += {.calls = Index{2} * best.evaluations,  // a gradient counts as much as a value
               .solves = 1,
               .out_of_evaluations = best.end == RelaxedEnd::out_of_evaluations ? 1 : 0,
               .failed = best.end == RelaxedEnd::failed ? 1 : 0,
               .infeasible = best.feasible ? 0 : 1};
    add_corners(start.architecture, best.sizes, candidates);
  }
  return counts;
}

void Plas::add_corners(const model::Architecture& kinds, const RelaxedSizes& sizes,
                       Candidates& candidates) const {
  std::vector<std::pair<Axis, double>> relaxed{{Axis::layers, sizes.layers},
                                               {Axis::width, sizes.width},
                                               {Axis::ratio, sizes.ffn_ratio},
                                               {Axis::experts, sizes.experts}};
  if (kinds.attention == model::AttentionKind::gqa)
    relaxed.emplace_back(Axis::attention, sizes.kv_heads);
  const Places base = lattice_.places_near(kinds);
  for (std::size_t corner = 0; corner < std::size_t{1} << relaxed.size(); ++corner) {
    Places p = base;
    for (std::size_t i = 0; i < relaxed.size(); ++i) {
      const auto [axis, size] = relaxed[i];
      const auto sides = lattice_.around(axis, {0, size});
      p[axis] = (corner >> i & 1) != 0 ? sides.above : sides.below;
    }
    candidates.add(p);
  }
}

std::vector<Index> Plas::most_promising(const Stretch& stretch,
                                        const std::vector<std::size_t>& training,
                                        const Candidates& candidates) const {
  const auto& points = candidates.points();
  if (points.empty()) return {};
  const Target& target = question_.targets[stretch.target];
  const Deployment& deployment = question_.deployments[target.deployment];
  const model::Weights objective = weights(target.objective, deployment.scenario);
  const double floor =
      law_constant(law_of(question_, target)) + deployment.scenario.precision.loss_delta;

  // Latency, loss above its floor and use of each limit, as logarithms.
  std::vector<std::vector<double>> rows;
  std::vector<std::size_t> used;
  for (const std::size_t p : training) {
    const Score& s = score_of(p, target.deployment);
    std::vector<double> row{common_log(weighted(objective, s.costs)),
                            natural_log(s.loss[target.law] - floor)};
    const auto usages = log_usages(deployment, s);
    row.insert(row.end(), usages.begin(), usages.end());
    if (!std::all_of(row.begin(), row.end(), [](double x) { return std::isfinite(x); })) continue;
    rows.push_back(std::move(row));
    used.push_back(p);
  }
  if (rows.empty()) return {};
  Eigen::MatrixXd known(static_cast<Eigen::Index>(used.size()), feature_count());
  Eigen::MatrixXd values(known.rows(), static_cast<Eigen::Index>(rows.front().size()));
  for (Eigen::Index i = 0; i < known.rows(); ++i) {
    known.row(i) = features_.row(static_cast<Eigen::Index>(used[static_cast<std::size_t>(i)]));
    for (Eigen::Index j = 0; j < values.cols(); ++j)
      values(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  }
  Eigen::MatrixXd unknown(static_cast<Eigen::Index>(points.size()), feature_count());
  for (Eigen::Index i = 0; i < unknown.rows(); ++i)
    unknown.row(i) = features(points[static_cast<std::size_t>(i)].architecture);
  const Eigen::MatrixXd predicted = Kriging(known, values).predict(unknown);
  Eigen::ArrayXd loss = predicted.col(1);
  exponentials({loss.data(), static_cast<std::size_t>(loss.size())});
  loss += floor;

  PredictedFrontier frontier(frontier_points_[stretch.target],
                             std::max(reference_[stretch.target].latency_s, 1e-30));
  std::vector<bool> taken(points.size(), false);
  const auto merit = [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    const double violation =
        predicted.cols() > 2 ? predicted.row(row).tail(predicted.cols() - 2).maxCoeff() : -1.0;
    const double gain = frontier.gain(predicted(row, 0), loss[row]);
    return violation > 0.0 ? std::min(gain, 0.0) - violation : gain;
  };
  // Beside what promises to help, the more of what nearly does the longer nothing has helped.
  const std::size_t tries = std::size_t{1} << idle_rounds_;
  const std::size_t most = std::max(static_cast<std::size_t>(options_.moves_per_stretch), tries);
  std::vector<Index> chosen;
  while (chosen.size() < most) {
    std::size_t best = points.size();
    double best_merit = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (taken[i]) continue;
      const double m = merit(i);
      if (m > best_merit) {
        best_merit = m;
        best = i;
      }
    }
    if (best == points.size() || (best_merit <= 0.0 && chosen.size() >= tries)) break;
    taken[best] = true;
    chosen.push_back(points[best].index);
    if (best_merit > 0.0)
      frontier.insert(predicted(static_cast<Eigen::Index>(best), 0),
                      loss[static_cast<Eigen::Index>(best)]);
  }
  return chosen;
}

}  // namespace rooflaw::search
