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

void require_size(const Question& question, const Lengths& lengths, bool shared) {
  const auto length = [&](Axis axis) { return static_cast<double>(lengths[axis]); };
  const double combinations =
      length(Axis::width) * length(Axis::ratio) * length(Axis::shared) * length(Axis::top_k);
  const double entries = combinations * static_cast<double>(question.space.ffn.size()) +
                         (shared ? combinations * length(Axis::experts) : 0.0);
  constexpr double limit = 128.0 * 1024 * 1024;
  if (entries > limit)
    throw InputError(
        {{.file = "space",
          .key = "expert_ffn_ratio x widths x shared_ffn x experts x top_k",
          .value = fmt::format("{:.3g} combinations", entries),
          .rule = fmt::format("must be at most {:.3g}: their powers are tabulated", limit)}});
}

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

void fill_one_axis(const Question& question, PowerTables& t) {
  const model::Law& law = question.law;
  for (const auto layers : question.space.layers) {
    const double power = model::depth_power(law, static_cast<double>(layers));
    t.depth.push_back(model::depth_loss(law, model::depth_term(law, power)));
  }
  for (const auto width : question.space.widths) {
    t.width_sparsity.push_back(model::sparsity_width_power(law, static_cast<double>(width)));
    t.width_capacity.push_back(model::capacity_width_power(law, static_cast<double>(width)));
  }
}

void fill_kv(const Question& question, PowerTables& t, Pacer& pacer) {
  const Space& space = question.space;
  t.kv.resize(space.widths.size() * space.attention.size());
  for (std::size_t w = 0; w < space.widths.size(); ++w)
    for (const auto& o : attention_options(space, w)) {
      const double kv_dim = attention_shape(space, w, o).kv_dim();
      t.kv[t.kv_place(w, o.digit)] =
          model::kv_term(question.law, model::kv_power(question.law, kv_dim));
      pacer.step();
    }
}

void fill_routings(const Question& question, const std::vector<ExpertOption>& routings,
                   PowerTables& t, Pacer& pacer) {
  const auto counts = token_counts(question);
  t.activation.resize(t.routings());
  t.distinct.resize(counts.size() * t.routings());
  for (const auto& o : routings) {
    const auto experts = static_cast<double>(o.experts);
    const auto top_k = static_cast<double>(o.top_k);
    const std::size_t place = t.routing_place(o.experts_digit, o.top_k_digit);
    // Without shared experts the hidden size cancels, to the last bit.
    t.activation[place] = model::activation_power(question.law, top_k / experts);
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

}  // namespace

PowerTables fill_tables(const Question& question, const std::function<void()>& between) {
  const Space& space = question.space;
  PowerTables t;
  t.lengths = axis_lengths(space);
  const bool shared = std::any_of(space.shared_ffn.begin(), space.shared_ffn.end(),
                                  [](std::int64_t f) { return f > 0; });
  require_size(question, t.lengths, shared);
  Pacer pacer(between);
  fill_one_axis(question, t);
  fill_kv(question, t, pacer);
  const auto routings = expert_options(space);
  fill_routings(question, routings, t, pacer);

  const std::size_t blocks =
      space.widths.size() * space.expert_ffn_ratio.size() * space.shared_ffn.size();
  t.ratio.resize(space.ffn.size() * blocks * space.top_k.size());
  // The ratio is the same for all experts.
  for_each_block(space, space.ffn.size(), one_a_top_k(space, routings), pacer,
                 [&](const Frame& frame, const FfnOption& o) {
                   t.ratio[t.ratio_place(frame, o.digits)] = model::ratio_power(
                       question.law, model::ffn_shape(o.architecture).ffn_ratio());
                 });
  if (!shared) return t;
  t.activation_shared.resize(blocks * t.routings());
  for_each_block(space, 1, routings, pacer, [&](const Frame& frame, const FfnOption& o) {
    t.activation_shared[t.activation_shared_place(frame.width_digit, o.digits)] =
        model::activation_power(question.law, model::ffn_shape(o.architecture).activation_rate());
  });
  return t;
}

}  // namespace rooflaw::search
