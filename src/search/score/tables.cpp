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

/// Exponents of the FFN terms' columns.
struct FfnExponents {
  std::vector<double> ratio, activation;
};

void require_size(const Space& space, const Lengths& lengths, bool shared,
                  const FfnExponents& exponents) {
  const auto length = [&](Axis axis) { return static_cast<double>(lengths[axis]); };
  const double combinations =
      length(Axis::width) * length(Axis::ratio) * length(Axis::shared) * length(Axis::top_k);
  const double ratios = combinations * static_cast<double>(space.ffn.size()) *
                        static_cast<double>(exponents.ratio.size());
  const double rates = shared ? combinations * length(Axis::experts) *
                                    static_cast<double>(exponents.activation.size())
                              : 0.0;
  constexpr double limit = 128.0 * 1024 * 1024;
  if (ratios + rates > limit)
    throw InputError(
        {{.file = "space",
          .key = "expert_ffn_ratio x widths x shared_ffn x experts x top_k",
          .value = fmt::format("{:.3g} powers", ratios + rates),
          .rule = fmt::format("must be at most {:.3g}: those of every exponent of the laws are "
                              "tabulated",
                              limit)}});
}

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

void fill_depth(const model::Law& law, const Space& space, LawTables& t) {
  const auto term = law_terms(law).depth;
  for (const auto layers : space.layers)
    t.depth.push_back(model::depth_loss(
        term_value(term, model::LawPoint<double>{.layers = static_cast<double>(layers)}),
        law_constant(law)));
}

void fill_kv(const model::Law& law, const Space& space, const PowerTables& places, LawTables& t,
             Pacer& pacer) {
  const auto term = law_terms(law).kv;
  t.kv.resize(space.widths.size() * space.attention.size());
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& o : attention_options(space, w)) {
      t.kv[places.kv_place(w, o.digit)] = term_value(
          term, model::LawPoint<double>{.kv_dim = attention_shape(space, w, o).kv_dim()});
      pacer.step();
    }
}

void fill_routings(const Question& question, const std::vector<ExpertOption>& routings,
                   PowerTables& t, Pacer& pacer) {
  const auto counts = token_counts(question);
  t.distinct.resize(counts.size() * t.routings());
  for (const auto& o : routings) {
    const auto experts = static_cast<double>(o.experts);
    const auto top_k = static_cast<double>(o.top_k);
    const std::size_t place = t.routing_place(o.experts_digit, o.top_k_digit);
    for (std::size_t c = 0; c < counts.size(); ++c)
      t.distinct[c * t.routings() + place] = model::distinct_experts(experts, top_k, counts[c]);
    pacer.step();
  }
  for (const double tokens : counts)
    t.rows_read.push_back(model::down_rows_read(question.space.ffn_sparsity, tokens));
}

/// One routing of each top_k.
std::vector<ExpertOption> one_a_top_k(const Space& space,
                                      const std::vector<ExpertOption>& routings) {
  std::vector<bool> seen(space.top_k.size(), false);
  std::vector<ExpertOption> some;
  for (const auto& o : routings) {
    if (!seen[o.top_k_digit]) some.push_back(o);
    seen[o.top_k_digit] = true;
  }
  return some;
}

/// FFN blocks as the law sees them, of every kind, width, ratio, shared FFN and each of `routings`.
template <class Visit>
void for_each_block(const Space& space, std::size_t kinds,
                    const std::vector<ExpertOption>& routings, Pacer& pacer, const Visit& visit) {
  const Strides strides = strides_of(space);
  for (std::size_t kind = 0; kind < kinds; ++kind)
    for (const std::size_t width : digits_within(space, Axis::width))
      for (std::size_t r = 0; r < space.expert_ffn_ratio.size(); ++r)
        for (const std::size_t shared : digits_within(space, Axis::shared)) {
          const Frame frame{kind, width};
          FfnOption block = ffn_option_of(space, frame);
          set_axis(space, strides, Axis::ratio, r, block);
          set_axis(space, strides, Axis::shared, shared, block);
          if (block.architecture.expert_ffn < 1) continue;
          for (const auto& o : routings) {
            FfnOption option = block;
            set_axis(space, strides, Axis::experts, o.experts_digit, option);
            set_axis(space, strides, Axis::top_k, o.top_k_digit, option);
            visit(frame, option);
            pacer.step();
          }
        }
}

/// Powers of FFN ratio and activation rate, a column an exponent.
void fill_ffn_columns(const Space& space, const std::vector<ExpertOption>& routings,
                      const FfnExponents& exponents, PowerTables& t, Pacer& pacer) {
  const std::size_t blocks =
      space.widths.size() * space.expert_ffn_ratio.size() * space.shared_ffn.size();
  for (const double exponent : exponents.ratio) {
    auto& column = t.ratio.emplace_back(space.ffn.size() * blocks * space.top_k.size());
    // The ratio is the same for all experts.
    for_each_block(space, space.ffn.size(), one_a_top_k(space, routings), pacer,
                   [&](const Frame& frame, const FfnOption& o) {
                     column[t.ratio_place(frame, o.digits)] =
                         power(model::ffn_shape(o.architecture).ffn_ratio(), exponent);
                   });
  }
  for (const double exponent : exponents.activation) {
    auto& column = t.activation.emplace_back((t.shared ? blocks : 1) * t.routings());
    if (t.shared)
      for_each_block(space, 1, routings, pacer, [&](const Frame& frame, const FfnOption& o) {
        column[t.activation_place(frame, o.digits)] =
            power(model::ffn_shape(o.architecture).activation_rate(), exponent);
      });
    else  // The hidden size cancels, to the last bit.
      for (const auto& o : routings)
        column[t.routing_place(o.experts_digit, o.top_k_digit)] =
            power(static_cast<double>(o.top_k) / static_cast<double>(o.experts), exponent);
  }
}

}  // namespace

PowerTables fill_tables(const Question& question, const std::function<void()>& between) {
  const Space& space = question.space;
  PowerTables t;
  t.lengths = axis_lengths(space);
  t.shared = std::any_of(space.shared_ffn.begin(), space.shared_ffn.end(),
                         [](std::int64_t f) { return f > 0; });
  FfnExponents exponents;
  for (const auto& law : question.laws) {
    const auto terms = law_terms(law);
    t.laws.emplace_back().ffn_terms = {ffn_term(terms.sparsity, space, exponents),
                                       ffn_term(terms.capacity, space, exponents)};
  }
  require_size(space, t.lengths, t.shared, exponents);
  Pacer pacer(between);
  const auto routings = expert_options(space);
  fill_routings(question, routings, t, pacer);
  for (std::size_t law = 0; law < t.laws.size(); ++law) {
    fill_depth(question.laws[law], space, t.laws[law]);
    fill_kv(question.laws[law], space, t, t.laws[law], pacer);
  }
  fill_ffn_columns(space, routings, exponents, t, pacer);
  return t;
}

}  // namespace rooflaw::search
