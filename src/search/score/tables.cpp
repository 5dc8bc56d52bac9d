#include "rooflaw/search/score/tables.hpp"

#include <algorithm>
#include <new>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/score/parts.hpp"
#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

using model::Phase;

std::vector<double> token_counts(const Question& question) {
  std::vector<double> counts;
  for (const auto& deployment : question.deployments)
    for (const Phase phase : {Phase::prefill, Phase::decode})
      for (const auto& run : model::runs(deployment.scenario, phase))
        counts.push_back(run.first.tokens);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

std::size_t token_count_number(const std::vector<double>& counts, double tokens) {
  return static_cast<std::size_t>(std::lower_bound(counts.begin(), counts.end(), tokens) -
                                  counts.begin());
}

namespace {

/// Calls `between` once in a while.
class Pacer {
 public:
  explicit Pacer(const std::function<void()>& between) : between_(between) {}
  void step() {
    if (++steps_ % 4096 == 0 && between_) between_();
  }

 private:
  const std::function<void()>& between_;
  std::size_t steps_ = 0;
};

/// The place of an exponent among those that have a column; a new one gets one.
std::size_t column_of(double exponent, std::vector<double>& exponents) {
  const auto known = std::find(exponents.begin(), exponents.end(), exponent);
  const auto place = static_cast<std::size_t>(known - exponents.begin());
  if (known == exponents.end()) exponents.push_back(exponent);
  return place;
}

/// Routings have a number of distinct experts for each token count, and an activation rate.
void require_size(const Question& question, const PowerTables& t) {
  const double powers =
      static_cast<double>(t.routing_place.size()) *
      static_cast<double>(token_counts(question).size() + t.activation_exponents.size());
  constexpr double limit = 128.0 * 1024 * 1024;
  if (powers > limit)
    throw InputError({{.file = "space",
                       .key = "experts x top_k",
                       .value = fmt::format("{:.3g} powers", powers),
                       .rule = fmt::format("must be at most {:.3g}: they are tabulated", limit)}});
}

FfnTerm ffn_term(const model::LawTerm<double>& term, const Space& space, PowerTables& tables) {
  using enum model::LawVariable;
  FfnTerm t{.coefficient = term.coefficient, .activation = {}, .ratio = {}, .width = {}};
  if (const auto e = term.exponent(activation_rate))
    t.activation = column_of(*e, tables.activation_exponents);
  if (const auto e = term.exponent(ffn_ratio)) t.ratio = column_of(*e, tables.ratio_exponents);
  if (const auto e = term.exponent(width))
    for (const auto w : space.widths) t.width.push_back(power(static_cast<double>(w), *e));
  return t;
}

void fill_depth(const model::Law& law, const Space& space, LawTables& t) {
  const auto term = law_terms(law).depth;
  for (const auto layers : space.layers)
    t.depth.push_back(model::depth_loss(
        term_value(term, model::LawPoint<double>{.layers = static_cast<double>(layers)}),
        law_constant(law)));
}

void fill_kv(const model::Law& law, const Space& space, LawTables& t, Pacer& pacer) {
  const auto term = law_terms(law).kv;
  t.kv.assign(space.widths.size(), std::vector<double>(space.attention.size()));
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& o : attention_options(space, w)) {
      t.kv[w][o.digit] = term_value(
          term, model::LawPoint<double>{.kv_dim = attention_shape(space, w, o).kv_dim()});
      pacer.step();
    }
}

Digits digits_of_routing(const ExpertOption& o) {
  Digits digits{};
  digits[Axis::experts] = o.experts_digit;
  digits[Axis::top_k] = o.top_k_digit;
  return digits;
}

void fill_routings(const Question& question, const std::vector<ExpertOption>& routings,
                   PowerTables& t, Pacer& pacer) {
  t.token_counts = token_counts(question);
  for (const double tokens : t.token_counts) {
    auto& distinct = t.distinct.emplace_back(t.routing_place.size());
    for (const auto& o : routings) {
      distinct[t.routing_place({}, digits_of_routing(o))] = model::distinct_experts(
          static_cast<double>(o.experts), static_cast<double>(o.top_k), tokens);
      pacer.step();
    }
    t.rows_read.push_back(model::down_rows_read(question.space.ffn_sparsity, tokens));
  }
}

bool is_small(const TablePlaces& places, const std::vector<double>& exponents, double most) {
  return static_cast<double>(places.size()) * static_cast<double>(exponents.size()) <= most;
}

}  // namespace

TablePlaces::TablePlaces(const Space& space, const std::vector<Axis>& axes) {
  const Lengths lengths = axis_lengths(space);
  for (std::size_t a = axes.size(); a-- > 0;) {
    strides_[axes[a]] = size_;
    size_ *= lengths[axes[a]];
  }
}

KeptPowers::KeptPowers(std::size_t size)
    // Pages of it take up memory as they are used.
    : powers_(size == 0 ? nullptr : static_cast<double*>(std::calloc(size, sizeof(double)))) {
  if (size > 0 && powers_ == nullptr) throw std::bad_alloc();
}

double FfnPowers::ratio(std::size_t column) const {
  return tables_.ratio[column].at(tables_.ratio_place(frame_, option_.digits), [&] {
    return power(model::ffn_shape(option_.architecture).ffn_ratio(),
                 tables_.ratio_exponents[column]);
  });
}

double FfnPowers::activation(std::size_t column) const {
  return tables_.activation[column].at(tables_.activation_place(frame_, option_.digits), [&] {
    return power(model::ffn_shape(option_.architecture).activation_rate(),
                 tables_.activation_exponents[column]);
  });
}

PowerTables fill_tables(const Question& question, const std::function<void()>& between,
                        double most) {
  const Space& space = question.space;
  const bool shared = std::any_of(space.shared_ffn.begin(), space.shared_ffn.end(),
                                  [](std::int64_t f) { return f > 0; });
  std::vector<Axis> all{Axis::width}, but_experts{Axis::ffn, Axis::width};
  for (const Axis axis : all_axes) {
    if (home_of(axis).block != AxisBlock::ffn) continue;
    all.push_back(axis);
    if (axis != Axis::experts) but_experts.push_back(axis);
  }
  PowerTables t;
  t.routing_place = TablePlaces(space, {Axis::experts, Axis::top_k});
  t.ratio_place = TablePlaces(space, but_experts);
  t.activation_place = shared ? TablePlaces(space, all) : t.routing_place;
  for (const auto& law : question.laws) {
    const auto terms = law_terms(law);
    t.laws.emplace_back().ffn_terms = {ffn_term(terms.sparsity, space, t),
                                       ffn_term(terms.capacity, space, t)};
  }
  require_size(question, t);
  Pacer pacer(between);
  const auto routings = expert_options(space);
  fill_routings(question, routings, t, pacer);
  for (std::size_t law = 0; law < t.laws.size(); ++law) {
    fill_depth(question.laws[law], space, t.laws[law]);
    fill_kv(question.laws[law], space, t.laws[law], pacer);
  }
  // Without shared experts the kind of FFN and the hidden size cancel, to the last bit.
  const bool ratios = is_small(t.ratio_place, t.ratio_exponents, most);
  const bool activations = !shared || is_small(t.activation_place, t.activation_exponents, most);
  for (std::size_t e = 0; e < t.ratio_exponents.size(); ++e)
    t.ratio.emplace_back(ratios ? t.ratio_place.size() : 0);
  for (std::size_t e = 0; e < t.activation_exponents.size(); ++e)
    t.activation.emplace_back(activations ? t.activation_place.size() : 0);
  return t;
}

}  // namespace rooflaw::search
