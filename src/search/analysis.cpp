#include "rooflaw/search/analysis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "rooflaw/search/score/parts.hpp"

namespace rooflaw::search {

namespace {

Binding binding_of(const theory::Optimum& optimum) {
  unsigned set = 0;
  for (const auto& state : optimum.budgets)
    if (state.binds) set |= 1U << static_cast<unsigned>(state.resource);
  return set == 0 ? Binding::box
                  : static_cast<Binding>(static_cast<unsigned>(Binding::no_closed_form) + set);
}

/// The rows of points along a frontier, one after the other.
class TheoryWalk {
 public:
  TheoryWalk(const model::Law& law, const Deployment& deployment, model::Objective objective,
             const theory::ShapeBox& box)
      : deployment_(deployment), objective_(objective) {
    const auto& s = deployment.scenario;
    try {
      walk_.emplace(law, theory::xi_model(s), box, s.precision.loss_delta);
    } catch (const DomainError&) {  // the law is beyond the theory, and so is every point
    }
  }

  TheoryRow at(const FrontierPoint& point) {
    TheoryRow out;
    out.loss = std::numeric_limits<double>::quiet_NaN();
    out.shape = {out.loss, out.loss, out.loss, out.loss, out.loss};
    out.binding = Binding::no_closed_form;
    // A point beyond the theory's numbers too: a remark must not cost the search.
    try {
      if (walk_) answer(point, out);
    } catch (const theory::DoesNotFit&) {
      out.binding = Binding::none_fits;
    } catch (const DomainError&) {
    }
    out.search_minus_theory_loss = point.loss - out.loss;
    return out;
  }

 private:
  void answer(const FrontierPoint& point, TheoryRow& out) {
    const auto best =
        walk_->at(theory::budgets_at(deployment_.scenario, objective_, point.latency_s,
                                     deployment_.limits.of(model::Objective::memory)));
    out.shape = best.shape;
    out.loss = best.loss;
    out.binding = binding_of(best);
  }

  const Deployment& deployment_;
  model::Objective objective_;
  std::optional<theory::OptimumWalk> walk_;
};

template <class T>
model::Interval span_of(const std::vector<T>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {static_cast<double>(*low), static_cast<double>(*high)};
}

}  // namespace

const std::vector<std::string>& binding_words() {
  static const auto all = [] {
    std::vector<std::string> words{"box", "none-fits", "no-closed-form"};
    constexpr unsigned sets = 1U << theory::all_resources.size();
    for (unsigned set = 1; set < sets; ++set) {
      std::string word;
      for (const auto resource : theory::all_resources)
        if ((set >> static_cast<unsigned>(resource) & 1U) != 0)
          word += fmt::format("{}{}", word.empty() ? "" : "+", theory::to_string(resource));
      words.push_back(std::move(word));
    }
    return words;
  }();
  return all;
}

std::string_view to_string(Binding binding) {
  return binding_words().at(static_cast<std::size_t>(binding));
}

std::optional<Binding> binding_from(std::string_view word) {
  const auto& words = binding_words();
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Binding>(found - words.begin());
}

theory::ShapeBox bounding_box(const Space& given) {
  const Space space = whole(given);
  theory::ShapeBox box;
  box.layers = span_of(space.layers);
  box.width = span_of(space.widths);

  box.min_kv_dim = std::numeric_limits<double>::infinity();
  double least_gqa = 1.0;
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& option : attention_options(space, w)) {
      const double kv_dim = attention_shape(space, w, option).kv_dim();
      box.min_kv_dim = std::min(box.min_kv_dim, kv_dim);
      least_gqa = std::min(least_gqa, static_cast<double>(space.widths[w]) / kv_dim);
    }
  // The cache of MLA may be wider than the model; then a little room, or the box is but a point.
  box.gqa.lo = least_gqa < 1.0 ? 0.99 * least_gqa : 1.0;

  // Activated hidden size over width: K experts of a rounded size, and the shared ones.
  const auto ratio = span_of(space.expert_ffn_ratio);
  const auto shared = span_of(space.shared_ffn);
  double least_k = std::numeric_limits<double>::infinity();
  double most_k = 0;
  box.activation_rate = {1.0, shared.hi > 0 ? 1.0 : 0.0};
  for (const auto& o : expert_options(space)) {
    const auto k = static_cast<double>(o.top_k);
    const double rate = k / static_cast<double>(o.experts);
    least_k = std::min(least_k, k);
    most_k = std::max(most_k, k);
    box.activation_rate.lo = std::min(box.activation_rate.lo, rate);
    box.activation_rate.hi = std::max(box.activation_rate.hi, rate);
  }
  const auto unit = static_cast<double>(space.ffn_multiple_of);
  const double rounding = 0.5 * unit / box.width.lo;
  double least_matrices = 3;
  double most_matrices = 2;
  for (const auto kind : space.ffn) {
    least_matrices = std::min(least_matrices, model::ffn_matrices(kind));
    most_matrices = std::max(most_matrices, model::ffn_matrices(kind));
  }
  const double least_expert = std::max(ratio.lo - rounding, unit / box.width.hi);
  box.ffn_ratio = {
      (least_k * least_expert + shared.lo / box.width.hi) * least_matrices / 3.0,
      (most_k * (ratio.hi + rounding) + shared.hi / box.width.lo) * most_matrices / 3.0};
  return box;
}

theory::Sensitivity sensitivity_at(const Question& question, const Target& target,
                                   const model::Architecture& architecture) {
  const Deployment& deployment = question.deployments[target.deployment];
  return theory::sensitivity(law_of(question, target), architecture, deployment.scenario,
                             target.objective, deployment.limits.of(model::Objective::memory));
}

std::vector<TheoryRow> theory_rows(const Question& question, const Target& target,
                                   std::span<const FrontierPoint> points) {
  TheoryWalk walk(law_of(question, target), question.deployments[target.deployment],
                  target.objective, bounding_box(question.space));
  std::vector<TheoryRow> out;
  out.reserve(points.size());
  for (const auto& point : points) out.push_back(walk.at(point));
  return out;
}

}  // namespace rooflaw::search
