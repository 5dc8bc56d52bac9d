#include "rooflaw/search/score/tables.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/search/score/parts.hpp"

namespace rooflaw::search {

using model::Phase;

std::vector<double> token_counts(const Question& question) {
  std::vector<double> counts;
  for (const auto& deployment : question.deployments)
    for (const Phase phase : {Phase::prefill, Phase::decode})
      counts.push_back(model::first_pass(deployment.scenario, phase).tokens);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

std::size_t token_count_number(const std::vector<double>& counts, double tokens) {
  return static_cast<std::size_t>(std::lower_bound(counts.begin(), counts.end(), tokens) -
                                  counts.begin());
}

namespace {

void require_size(const Question& question, const TableLayout& layout, bool shared) {
  const double combinations = static_cast<double>(layout.length(Axis::width)) *
                              static_cast<double>(layout.length(Axis::ratio)) *
                              static_cast<double>(layout.length(Axis::shared)) *
                              static_cast<double>(layout.length(Axis::top_k));
  const double entries =
      combinations * static_cast<double>(question.space.ffn.size()) +
      (shared ? combinations * static_cast<double>(layout.length(Axis::experts)) : 0.0);
  constexpr double limit = 128.0 * 1024 * 1024;
  if (entries > limit)
    throw InputError(
        {{.file = "space",
          .key = "expert_ffn_ratio x widths x shared_ffn x experts x top_k",
          .value = fmt::format("{:.3g} combinations", entries),
          .rule = fmt::format("must be at most {:.3g}: their powers are tabulated", limit)}});
}

}  // namespace

namespace {

/// The place of an exponent among those that have a column; a new one gets one.
std::size_t column_of(double exponent, std::vector<double>& exponents) {
  const auto known = std::find(exponents.begin(), exponents.end(), exponent);
  if (known == exponents.end()) exponents.push_back(exponent);
  return static_cast<std::size_t>(std::find(exponents.begin(), exponents.end(), exponent) -
                                  exponents.begin());
}

/// Exponents of the FFN terms' columns.
struct FfnExponents {
  std::vector<double> ratio, activation;
};

FfnTerm ffn_term(const model::LawTerm<double>& term, const Space& space, FfnExponents& exponents) {
  using enum model::LawVariable;
  FfnTerm t{.coefficient = term.coefficient, .activation = {}, .ratio = {}, .width = {}};
  if (const auto e = term.exponent(activation_rate))
    t.activation = column_of(*e, exponents.activation);
  if (const auto e = term.exponent(ffn_ratio)) t.ratio = column_of(*e, exponents.ratio);
  if (const auto e = term.exponent(width))
    for (const auto w : space.widths) t.width.push_back(power(static_cast<double>(w), *e));
  return t;
}

template <class Visit>
void for_each_option(const Space& space, const std::vector<ExpertOption>& routings, Visit visit) {
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (std::size_t n = 0; n < ffn_option_count(space, routings); ++n)
      if (const auto o = ffn_option(space, routings, w, n)) visit(w, *o);
}

/// The first routing of each top_k.
std::vector<ExpertOption> one_a_top_k(const Space& space,
                                      const std::vector<ExpertOption>& routings) {
  std::vector<ExpertOption> first;
  std::vector<bool> known(space.top_k.size(), false);
  for (const auto& o : routings) {
    if (!known[o.top_k_digit]) first.push_back(o);
    known[o.top_k_digit] = true;
  }
  return first;
}

void fill_ffn_columns(const Space& space, const FfnExponents& exponents, PowerTables& t) {
  const TableLayout layout(space);
  const auto routings = expert_options(space);
  const std::size_t combinations = layout.length(Axis::experts) * layout.length(Axis::top_k);
  const std::size_t ratios =
      layout.length(Axis::width) * layout.length(Axis::ratio) * layout.length(Axis::shared);
  for (const double exponent : exponents.ratio) {
    auto& column = t.ratio.emplace_back(space.ffn.size() * ratios * layout.length(Axis::top_k));
    // The ratio is the same for all experts, so one routing of each top_k does.
    for (std::size_t kind = 0; kind < space.ffn.size(); ++kind)
      for_each_option(space, one_a_top_k(space, routings), [&](std::size_t w, const FfnOption& o) {
        column[layout.ratio(kind, w, o)] =
            power(ffn_shape(space, kind, w, o).ffn_ratio(), exponent);
      });
  }
  for (const double exponent : exponents.activation) {
    auto& column = t.activation.emplace_back(t.shared ? ratios * combinations : combinations);
    if (t.shared)
      for_each_option(space, routings, [&](std::size_t w, const FfnOption& o) {
        column[layout.activation_shared(w, o)] =
            power(ffn_shape(space, 0, w, o).activation_rate(), exponent);
      });
    else  // The hidden size cancels, to the last bit.
      for (const auto& o : routings)
        column[layout.routing(o)] =
            power(static_cast<double>(o.top_k) / static_cast<double>(o.experts), exponent);
  }
}

}  // namespace

PowerTables fill_tables(const Question& question) {
  const Space& space = question.space;
  const model::Law& law = question.law;
  const TableLayout layout(space);
  PowerTables t;
  t.shared = std::any_of(space.shared_ffn.begin(), space.shared_ffn.end(),
                         [](std::int64_t f) { return f > 0; });
  require_size(question, layout, t.shared);

  const auto terms = law_terms(law);
  for (const auto layers : space.layers)
    t.depth.push_back(model::depth_loss(
        term_value(terms.depth, model::LawPoint<double>{.layers = static_cast<double>(layers)}),
        law_constant(law)));
  t.kv.resize(space.widths.size() * layout.length(Axis::attention) * layout.length(Axis::kv));
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& o : attention_options(space, w))
      t.kv[layout.kv(w, o.kind_digit, o.kv_digit)] = term_value(
          terms.kv, model::LawPoint<double>{.kv_dim = attention_shape(space, w, o).kv_dim()});
  FfnExponents exponents;
  t.ffn_terms = {ffn_term(terms.sparsity, space, exponents),
                 ffn_term(terms.capacity, space, exponents)};
  fill_ffn_columns(space, exponents, t);

  const auto counts = token_counts(question);
  t.distinct.resize(counts.size() * layout.length(Axis::experts) * layout.length(Axis::top_k));
  for (const auto& o : expert_options(space))
    for (std::size_t c = 0; c < counts.size(); ++c)
      t.distinct[layout.distinct(c, o)] = model::distinct_experts(
          static_cast<double>(o.experts), static_cast<double>(o.top_k), counts[c]);
  for (const double tokens : counts)
    t.rows_read.push_back(model::down_rows_read(space.ffn_sparsity, tokens));
  return t;
}

}  // namespace rooflaw::search
