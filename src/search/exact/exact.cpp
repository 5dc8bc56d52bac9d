#include "rooflaw/search/exact/exact.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace rooflaw::search {

namespace {

// Boxes whose corners are computed together, and blocks that are scored together.
constexpr std::size_t batch = 256;
constexpr std::size_t most_buffered = 128;
// Attention blocks that bounds tell apart; more are bounded in groups.
constexpr std::size_t most_attention_costs = 16;

/// Positions of `values` in their order, thinned to about `most` spread evenly over their
/// logarithms; the ends are always among them.
template <class T>
std::vector<std::size_t> thinned(const std::vector<T>& values, std::size_t most) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  if (order.size() <= most) return order;
  const double low = natural_log(static_cast<double>(values[order.front()]));
  const double high = natural_log(static_cast<double>(values[order.back()]));
  std::vector<std::size_t> kept;
  double next = low;
  for (const std::size_t digit : order) {
    if (natural_log(static_cast<double>(values[digit])) < next - 1e-9) continue;
    kept.push_back(digit);
    next =
        natural_log(static_cast<double>(values[digit])) + (high - low) / static_cast<double>(most - 1);
  }
  if (kept.back() != order.back()) kept.push_back(order.back());
  return kept;
}

Subspace thinned_space(const Space& space, std::size_t widths, std::size_t ratios,
                       std::size_t experts, std::size_t layers) {
  return {thinned(space.widths, widths), thinned(space.expert_ffn_ratio, ratios),
          thinned(space.experts, experts), thinned(space.layers, layers)};
}

double size_of(const Subspace& s) {
  return static_cast<double>(s.widths.size()) * static_cast<double>(s.ratios.size()) *
         static_cast<double>(s.experts.size()) * static_cast<double>(s.layers.size());
}

/// FFN blocks of one shared FFN and top_k, by number of experts.
struct Routes {
  std::size_t shared_digit = 0;
  std::vector<ExpertOption> by_experts;
};

/// Runs of ratios and of expert numbers, ends included.
struct Box {
  std::uint32_t routes = 0;
  std::uint32_t first_ratio = 0, last_ratio = 0;
  std::uint32_t first_experts = 0, last_experts = 0;
  bool single() const { return first_ratio == last_ratio && first_experts == last_experts; }
};

/// Which targets a box may still matter to.
using Targets = std::vector<bool>;

}  // namespace

std::vector<Subspace> exact_levels(const Space& space) {
  constexpr std::size_t all = static_cast<std::size_t>(-1);
  std::vector<Subspace> levels{thinned_space(space, 12, 12, 8, 24),
                               thinned_space(space, 48, 96, 24, 64),
                               thinned_space(space, all, all, all, all)};
  // A level that leaves little out only repeats the work.
  constexpr double worth_it = 8.0;
  for (std::size_t i = levels.size() - 1; i-- > 0;)
    if (size_of(levels[i]) * worth_it > size_of(levels[i + 1]))
      levels.erase(levels.begin() + static_cast<std::ptrdiff_t>(i));
  return levels;
}

Index pieces_of(const Question& question, const Subspace& subspace) {
  return static_cast<Index>(question.space.ffn.size() * subspace.widths.size());
}

/// The search of one piece: FFN boxes of one kind and width.
class PieceSearch {
 public:
  PieceSearch(const ExactLevel& level, std::size_t ffn_digit, std::size_t width_digit,
              Scanner& scanner);
  void run(const std::function<void()>& between);

 private:
  struct DeploymentBounds {
    WidthPart width;
    AttentionPart least;  // of every component by itself
    model::WeightedLimits limits;
  };
  struct Open {
    Box box;
    Targets targets;
  };

  void set_attention();
  void set_bounds();
  void set_routes();
  FfnOption option(const Box& box, bool upper) const;
  void look_at(std::vector<Open>& boxes);
  std::size_t depths_affordable(std::size_t deployment, std::size_t lane) const;
  bool matters(std::size_t target, std::size_t lane, double loss, std::size_t depths);
  void cut(const Open& open);
  void keep(std::size_t target, std::size_t lane, double loss, std::size_t depths);
  void flush(std::size_t target);

  const ExactLevel& level_;
  const Question& question_;
  Scanner& scanner_;
  std::size_t ffn_digit_, width_digit_;
  std::vector<AttentionOption> attention_;
  double least_attention_activations_ = 0;
  std::vector<DeploymentBounds> deployments_;
  std::vector<SlackTable> slack_;       // by target
  std::vector<SlackTable> seed_slack_;  // with a tolerance
  std::vector<std::size_t> ratios_;     // digits, by value, that give an FFN at this width
  std::vector<Routes> routes_;
  std::vector<Open> open_;
  FfnParts corners_;
  std::vector<FfnParts> kept_;            // by target
  std::vector<std::size_t> kept_depths_;  // the most that any of them affords
};

PieceSearch::PieceSearch(const ExactLevel& level, std::size_t ffn_digit, std::size_t width_digit,
                         Scanner& scanner)
    : level_(level),
      question_(level.question_),
      scanner_(scanner),
      ffn_digit_(ffn_digit),
      width_digit_(width_digit),
      kept_(question_.targets.size()),
      kept_depths_(question_.targets.size(), 0) {
  for (auto& parts : kept_) parts.deployments.resize(question_.deployments.size());
  set_attention();
  set_routes();
  if (attention_.empty() || routes_.empty() || ratios_.empty() || level_.depths_.digits.empty())
    return;
  set_bounds();
  for (std::uint32_t r = 0; r < routes_.size(); ++r)
    open_.push_back({{.routes = r,
                      .first_ratio = 0,
                      .last_ratio = static_cast<std::uint32_t>(ratios_.size() - 1),
                      .first_experts = 0,
                      .last_experts = static_cast<std::uint32_t>(routes_[r].by_experts.size() - 1)},
                     Targets(question_.targets.size(), true)});
}

void PieceSearch::set_attention() {
  Block block{.ffn_digit = ffn_digit_,
              .width_digit = width_digit_,
              .attention = attention_options(question_.space, width_digit_),
              .ffn = {},
              .layer_digits = {}};
  drop_extrapolated(question_, block);
  attention_ = std::move(block.attention);
}

void PieceSearch::set_routes() {
  const Space& space = question_.space;
  const auto& range = question_.law.range;
  if (question_.enforce_range &&
      !model::width_in_range(range, static_cast<double>(space.widths[width_digit_])))
    return;
  for (const std::size_t digit : level_.subspace_.ratios)
    if (expert_ffn_size(space.expert_ffn_ratio[digit], space.widths[width_digit_],
                        space.ffn_multiple_of) >= 1)
      ratios_.push_back(digit);
  for (std::size_t shared = 0; shared < space.shared_ffn.size(); ++shared) {
    if (question_.enforce_range &&
        !model::ffn_in_range(range, space.ffn[ffn_digit_],
                             static_cast<double>(space.shared_ffn[shared])))
      continue;
    for (std::size_t k = 0; k < space.top_k.size(); ++k) {
      Routes routes{shared, {}};
      for (const auto& o : level_.routings_)
        if (o.top_k_digit == k) routes.by_experts.push_back(o);
      if (!routes.by_experts.empty()) routes_.push_back(std::move(routes));
    }
  }
}

void PieceSearch::set_bounds() {
  const Space& space = question_.space;
  const TableLayout layout(space);
  std::vector<model::AttentionShape<double>> shapes;
  std::vector<double> kv_loss;
  least_attention_activations_ = std::numeric_limits<double>::infinity();
  for (const auto& o : attention_) {
    shapes.push_back(attention_shape(space, width_digit_, o));
    kv_loss.push_back(level_.tables_.kv[layout.kv(width_digit_, o.kind_digit, o.kv_digit)]);
    least_attention_activations_ =
        std::min(least_attention_activations_, model::attention_activations(shapes.back()));
  }
  std::vector<std::vector<AttentionPart>> parts(question_.deployments.size());
  for (std::size_t s = 0; s < question_.deployments.size(); ++s) {
    const Deployment& deployment = question_.deployments[s];
    constexpr double inf = std::numeric_limits<double>::infinity();
    DeploymentBounds b{.width = width_part(space, width_digit_, deployment),
                       .least = {inf, inf, inf, inf},
                       .limits = weighted_limits(deployment.limits, deployment.scenario)};
    for (const auto& shape : shapes) {
      const AttentionPart p = attention_part(shape, deployment);
      parts[s].push_back(p);
      b.least = {std::min(b.least.prefill_s, p.prefill_s), std::min(b.least.decode_s, p.decode_s),
                 std::min(b.least.weight_bytes, p.weight_bytes),
                 std::min(b.least.kv_bytes, p.kv_bytes)};
    }
    deployments_.push_back(b);
  }

  for (std::size_t t = 0; t < question_.targets.size(); ++t) {
    const Target& target = question_.targets[t];
    const Deployment& deployment = question_.deployments[target.deployment];
    const WidthPart& width = deployments_[target.deployment].width;
    const model::Weights w = weights(target.objective, deployment.scenario);
    const auto seconds = [&](double prefill, double decode) {
      return w.prefill * prefill + w.decode * decode;
    };
    const double overhead = seconds(width.prefill_overhead_s, width.decode_overhead_s);
    std::vector<AttentionCost> costs;
    for (std::size_t a = 0; a < shapes.size(); ++a) {
      const AttentionPart& p = parts[target.deployment][a];
      costs.push_back({seconds(p.prefill_s, p.decode_s) + overhead, kv_loss[a]});
    }
    if (costs.size() > most_attention_costs) {
      std::sort(costs.begin(), costs.end(),
                [](const AttentionCost& x, const AttentionCost& y) { return x.loss < y.loss; });
      const std::size_t per_group =
          (costs.size() + most_attention_costs - 1) / most_attention_costs;
      std::vector<AttentionCost> grouped;
      for (std::size_t a = 0; a < costs.size(); ++a) {
        if (a % per_group == 0) grouped.push_back(costs[a]);
        grouped.back().seconds = std::min(grouped.back().seconds, costs[a].seconds);
      }
      costs = std::move(grouped);
    }
    const double per_token = 1.0 / w.per;
    const double head = seconds(width.prefill_head_s, width.decode_head_s);
    const double delta = deployment.scenario.precision.loss_delta;
    slack_.emplace_back(level_.bounds_[t], level_.depths_, costs, head, per_token, delta);
    if (!level_.lowered_seed_.empty())
      seed_slack_.emplace_back(level_.lowered_seed_[t], level_.depths_, costs, head, per_token,
                               delta);
  }
}

FfnOption PieceSearch::option(const Box& box, bool upper) const {
  const Space& space = question_.space;
  const Routes& routes = routes_[box.routes];
  FfnOption o;
  o.routing = routes.by_experts[upper ? box.last_experts : box.first_experts];
  o.ratio_digit = ratios_[upper ? box.last_ratio : box.first_ratio];
  o.shared_digit = routes.shared_digit;
  o.shared_ffn = space.shared_ffn[o.shared_digit];
  o.expert_ffn = expert_ffn_size(space.expert_ffn_ratio[o.ratio_digit], space.widths[width_digit_],
                                 space.ffn_multiple_of);
  o.index = index_share(space, Axis::ratio, o.ratio_digit) +
            index_share(space, Axis::shared, o.shared_digit) + o.routing.index;
  return o;
}

void PieceSearch::run(const std::function<void()>& between) {
  std::vector<Open> boxes;
  while (!open_.empty()) {
    boxes.clear();
    while (!open_.empty() && boxes.size() < batch) {
      boxes.push_back(std::move(open_.back()));
      open_.pop_back();
    }
    look_at(boxes);
    if (between) between();
  }
  for (std::size_t t = 0; t < question_.targets.size(); ++t) flush(t);
}

void PieceSearch::look_at(std::vector<Open>& boxes) {
  std::vector<FfnOption> lower;
  for (const auto& open : boxes) lower.push_back(option(open.box, false));
  fill_ffn_parts(question_, level_.tables_, ffn_digit_, width_digit_, lower, corners_);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Open& open = boxes[i];
    const bool single = open.box.single();
    const double loss =
        single ? corners_.loss[i]
               : (1.0 - bound_margin) * ffn_part_loss(question_, level_.tables_, ffn_digit_,
                                                      width_digit_, option(open.box, true));
    bool any = false;
    std::size_t depths = 0;
    std::size_t known_deployment = question_.deployments.size();
    for (std::size_t t = 0; t < question_.targets.size(); ++t) {
      if (!open.targets[t]) continue;
      const std::size_t s = question_.targets[t].deployment;
      if (s != known_deployment) depths = depths_affordable(s, i);
      known_deployment = s;
      open.targets[t] = depths > 0 && matters(t, i, loss, depths);
      any = any || open.targets[t];
      if (single && open.targets[t]) keep(t, i, loss, depths);
    }
    if (any && !single) cut(open);
  }
}

/// Depths, from the shallowest, that the smallest and fastest block of a box allows.
std::size_t PieceSearch::depths_affordable(std::size_t deployment, std::size_t lane) const {
  const auto& layers = level_.depths_.layers;
  const DeploymentBounds& b = deployments_[deployment];
  if (b.limits.empty()) return layers.size();
  const Deployment& s = question_.deployments[deployment];
  const auto& part = corners_.deployments[deployment];
  double most = std::numeric_limits<double>::infinity();
  const auto allow = [&](double limit, double fixed, double per_layer) {
    // What a limit leaves, moved outwards by the margin of everything that went into it.
    const double left = limit - fixed + bound_margin * (std::abs(limit) + fixed);
    most = std::min(most, left < 0.0 ? -1.0 : left / per_layer * (1.0 + bound_margin));
  };
  const double workspace =
      model::workspace_bytes(static_cast<double>(question_.space.widths[width_digit_]),
                             least_attention_activations_, corners_.activations[lane], s.scenario);
  const double prefill = b.least.prefill_s + part.prefill_s[lane] + b.width.prefill_overhead_s;
  const double decode = b.least.decode_s + part.decode_s[lane] + b.width.decode_overhead_s;
  for (const auto& [w, bound, objective] : b.limits) {
    if (objective == model::Objective::memory)
      allow(bound, b.width.embedding_bytes + workspace,
            b.least.weight_bytes + part.weight_bytes[lane] + b.least.kv_bytes);
    else
      allow(bound * w.per, w.prefill * b.width.prefill_head_s + w.decode * b.width.decode_head_s,
            w.prefill * prefill + w.decode * decode);
  }
  return static_cast<std::size_t>(std::upper_bound(layers.begin(), layers.end(), most) -
                                  layers.begin());
}

bool PieceSearch::matters(std::size_t target, std::size_t lane, double loss, std::size_t depths) {
  const Target& t = question_.targets[target];
  const auto& part = corners_.deployments[t.deployment];
  const model::Weights w = weights(t.objective, question_.deployments[t.deployment].scenario);
  const double seconds = w.prefill * part.prefill_s[lane] + w.decode * part.decode_s[lane];
  const std::size_t group = SlackTable::group_of(depths);
  if (loss >= static_cast<double>(slack_[target].slack(seconds, group))) return false;
  return seed_slack_.empty() ||
         loss < static_cast<double>(seed_slack_[target].slack(seconds, group));
}

void PieceSearch::cut(const Open& open) {
  const auto halves = [](std::uint32_t first, std::uint32_t last) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
    if (first == last) return std::vector{std::pair{first, last}};
    const std::uint32_t middle = first + (last - first) / 2;
    return std::vector{std::pair{first, middle}, std::pair{middle + 1, last}};
  };
  for (const auto& [r0, r1] : halves(open.box.first_ratio, open.box.last_ratio))
    for (const auto& [e0, e1] : halves(open.box.first_experts, open.box.last_experts))
      open_.push_back({{open.box.routes, r0, r1, e0, e1}, open.targets});
}

void PieceSearch::keep(std::size_t target, std::size_t lane, double loss, std::size_t depths) {
  const std::size_t s = question_.targets[target].deployment;
  FfnParts& kept = kept_[target];
  kept.index.push_back(corners_.index[lane]);
  kept.loss.push_back(loss);
  kept.activations.push_back(corners_.activations[lane]);
  auto& to = kept.deployments[s];
  const auto& from = corners_.deployments[s];
  to.prefill_s.push_back(from.prefill_s[lane]);
  to.decode_s.push_back(from.decode_s[lane]);
  to.weight_bytes.push_back(from.weight_bytes[lane]);
  kept_depths_[target] = std::max(kept_depths_[target], depths);
  if (++kept.size == most_buffered) flush(target);
}

void PieceSearch::flush(std::size_t target) {
  FfnParts& kept = kept_[target];
  if (kept.size == 0) return;
  const auto& digits = level_.depths_.digits;
  const Block block{.ffn_digit = ffn_digit_,
                    .width_digit = width_digit_,
                    .attention = attention_,
                    .ffn = {},
                    .layer_digits = {digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(
                                                                          kept_depths_[target])}};
  scanner_.scan_target(target, block, kept);
  kept = {};
  kept.deployments.resize(question_.deployments.size());
  kept_depths_[target] = 0;
}

ExactLevel::ExactLevel(const Question& question, const PowerTables& tables,
                       const Subspace& subspace, std::vector<LossBound> lowered_seed)
    : question_(question),
      tables_(tables),
      subspace_(subspace),
      lowered_seed_(std::move(lowered_seed)) {
  const Space& space = question.space;
  for (const std::size_t digit : subspace.layers) {
    const auto layers = static_cast<double>(space.layers[digit]);
    if (question.enforce_range && !model::layers_in_range(question.law.range, layers)) continue;
    depths_.digits.push_back(digit);
    depths_.layers.push_back(layers);
    depths_.loss.push_back(tables.depth[digit]);
  }
  const auto all = expert_options(space);
  for (const std::size_t digit : subspace.experts)
    for (const auto& o : all)
      if (o.experts_digit == digit &&
          (!question.enforce_range ||
           model::experts_in_range(question.law.range, o.experts, o.top_k)))
        routings_.push_back(o);
}

std::string ExactLevel::name(Index piece) const {
  const auto number = static_cast<std::size_t>(piece);
  const auto& widths = subspace_.widths;
  return fmt::format("{} FFN, width {}", to_string(question_.space.ffn[number / widths.size()]),
                     question_.space.widths[widths[number % widths.size()]]);
}

void ExactLevel::refresh_bounds(const Scanner& scanner) {
  bounds_.resize(question_.targets.size());
  additions_.resize(question_.targets.size(), 0);
  for (std::size_t t = 0; t < bounds_.size(); ++t) {
    const Frontier& frontier = scanner.frontiers()[t];
    if (frontier.additions() <= additions_[t] + frontier.size() / 64) continue;
    bounds_[t] = LossBound(frontier);
    additions_[t] = frontier.additions();
  }
}

void ExactLevel::score(Index piece, Scanner& scanner, const std::function<void()>& between) {
  refresh_bounds(scanner);
  const auto number = static_cast<std::size_t>(piece);
  PieceSearch search(*this, number / subspace_.widths.size(),
                     subspace_.widths[number % subspace_.widths.size()], scanner);
  search.run(between);
}

}  // namespace rooflaw::search
